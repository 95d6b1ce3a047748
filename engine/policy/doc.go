// Package policy is the IAM policy language: it reads policy documents, decides
// requests by them and explains its decisions.
//
// A document is parsed once into an immutable Document (Parse, or a Cache in
// front of it). Evaluate combines the documents that apply to one right of one
// call, a Request, in the order that AWS documents, and answers a Decision;
// Explain walks the same rules and keeps what every statement did and why.
//
// Invariants:
//   - an explicit Deny in any policy that applies wins over every Allow;
//   - what nothing allows is denied, and what cannot be evaluated does not allow;
//   - values taken from a request are compared, never interpreted: a * in a user
//     name is no wildcard;
//   - Evaluate and Explain share their matching code, so that they cannot differ.
//
// Non-goals: it keeps nothing, reads no store and knows no service; who collects
// the policies of a principal is engine/identity's business, and which action and
// resource a call takes is the operation's (redoubt.Need).
//
// Sources: IAM User Guide, "Policy evaluation logic", "IAM JSON policy
// reference" and "Troubleshoot access denied error messages"; AWS Organizations
// User Guide, "SCP evaluation" and "RCP evaluation"; AWS KMS Developer Guide,
// "Determining access to AWS KMS keys".
package policy
