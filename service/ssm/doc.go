// Package ssm is the Parameter Store of AWS Systems Manager: named values with
// versions, labels, policies and tags, in the clear or under a KMS key. The rest
// of Systems Manager is not there.
//
// # What it keeps
//
//   - Parameter: one record per parameter, account and region, with its newest
//     version. Its key is the parameter's place, parent ‖ 0x00 ‖ leaf, so that the
//     children of a path lie side by side, and so does all that lies below it.
//   - Block: older versions, four a record, so that forgetting a parameter with a
//     full history fits into a transaction many times over.
//   - Share: the resource policies that share a parameter with other accounts.
//   - Setting: the account's service settings that are not as AWS ships them.
//   - Count: how many parameters of which tier there are, spread over shards.
//
// # Invariants
//
//   - Every value is ciphertext in the store. A SecureString is what KMS made of
//     it, bound to the parameter's ARN: under the key itself in the standard
//     tier, under a data key of the version's own in the advanced tier. Other
//     values are sealed by the keyring, bound to ARN and version.
//   - A SecureString is encrypted and decrypted as the caller (forwarded), never
//     as the service: who may not use the key may not read the value.
//   - A version number is given out once in a parameter's life, and the newest is
//     the highest; what a label names is never dropped.
//   - A page of a list looks at a bounded number of records, whatever the filters:
//     it may be short, or empty, and then has a token to go on with, as AWS's.
//   - "name" and "/name" are the same parameter; deeper names begin with a slash.
//
// # Life of a GetParameter
//
//  1. getNeeds reads the name (names.go): blanks around it go, an ARN is taken
//     apart, a selector is cut off. It states ssm:GetParameter on the parameter's
//     ARN with its tags and, if it is shared, its resource policy. What does not
//     exist is stated by its would-be ARN.
//  2. GetParameter finds the record again, which the store remembers decoded, and
//     the version that the selector names (versions.go).
//  3. reveal opens the value (values.go). A SecureString goes to KMS as the
//     caller's own call through this service, with the context PARAMETER_ARN;
//     without WithDecryption the ciphertext is answered, as base64.
//
// # What it refuses to do
//
// There are no public parameters (/aws/service/…). Departures from AWS are listed
// in docs/divergences/ssm.md.
package ssm
