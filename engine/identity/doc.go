// Package identity keeps who may call: accounts, users, groups, roles, access
// keys, managed policies, instance profiles, identity providers and sessions.
// IAM and STS are its faces; the front door asks it whose a signature is and
// which policies bind that caller.
//
// # Life of a signed call
//
//  1. The front door reads the access key id and, if there is one, the session
//     token, and asks Credential. A long-lived id (AKIA…) names an AccessKey
//     record; a temporary one (ASIA…) is checked against its token, which is
//     sealed and carries the whole session. Either way the user or role behind it
//     is read, by its unique id, so that what was deleted cannot call.
//  2. The front door verifies the signature with Credential.Secret.
//  3. For each right that the call takes it asks Policies for what binds the
//     principal: inline and attached policies, those of groups, the boundary, the
//     session's own. Every document is compiled once per stored record.
//  4. Touch notes that the key was used. Usage is written in batches by Run.
//
// # Invariants
//
//   - Users, groups and roles are kept by their unique id (AIDA…, AGPA…, AROA…),
//     names are an index beside them: whoever is deleted and made again under the
//     same name is someone else, for sessions and for trust policies alike.
//   - Names of one kind are unique in an account without regard to case, and are
//     found only as they are written.
//   - Secrets of access keys, seeds of MFA devices and private keys are sealed;
//     passwords are derived, never kept.
//   - Nothing that a session may do is decided when it is issued: a token carries
//     who, until when and with which session policies; all else is read anew.
//
// # What ends a session
//
// Deleting the role or user, its expiry, and nothing else, as in AWS: a session
// outlives the access key that made it. Policies are read at each call, so
// taking them away, or denying by aws:TokenIssueTime, works at once.
//
// Non-goals: deciding (engine/policy), wire shapes and AWS's wording of refusals
// (service/iam, service/sts), signatures (sigv4).
package identity
