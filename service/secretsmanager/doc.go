// Package secretsmanager is AWS Secrets Manager: secrets with versions and labels,
// encrypted under KMS keys, and their rotation.
//
// # What it keeps
//
//   - Secret: one record per secret and Region, with its labels, tags, policy,
//     rotation and replicas, and none of its values.
//   - Version: a value, under a data key of its own that lies beside it under the
//     secret's KMS key. Without a value it is the placeholder of a rotation.
//   - A log of the last rotations of each secret, sealed.
//
// # Invariants
//
//   - Values are encrypted under data keys of KMS, with the encryption context that
//     AWS uses, with the caller's rights on the key, and bound to ARN, version and
//     kind. Neither they nor data keys stay in memory after the call.
//   - Every label is on one version at most. Moving AWSCURRENT leaves AWSPREVIOUS on
//     the version that had it. AWSCURRENT is never on a version without a value.
//   - A version never changes once it has a value.
//   - Needs do not tell what exists: what is missing is stated by the ARN that it
//     would have, and refusals name secrets as the caller did.
//   - No identity outlives its request. Replicas are written in the call that
//     changes the primary, and functions are invoked as the service principal, for
//     the secret.
//   - A rotation that cannot begin leaves nothing behind; one that fails leaves
//     AWSCURRENT where it was. For one secret no two function calls go on at a time.
//
// # Life of a rotation
//
//  1. RotateSecret asks Lambda by a dry run whether Secrets Manager may invoke the
//     function, makes an empty version labelled AWSPENDING whose id is the request's
//     token, and plans the work, all in one transaction (rotation.go). On a rotation's
//     day a job does the same (due).
//  2. The job (runs.go) invokes the function four times: createSecret, setSecret,
//     testSecret, finishSecret. Before and after each there is a transaction that
//     notes where the rotation stands; a server that takes over begins with the
//     step that was under way.
//  3. A failure ends the sequence. It begins again from createSecret, later each
//     time, with the same version.
//  4. The function itself puts the value and moves AWSCURRENT, with the rights of its
//     role. When finishSecret is done, the job takes AWSPENDING away, notes the
//     date, and plans the next rotation.
//
// # What it refuses to do
//
// Secrets that a partner holds (Type, external rotation) are refused: there is no
// partner. Departures from AWS are listed in docs/divergences/secretsmanager.md.
package secretsmanager
