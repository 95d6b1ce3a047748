// Package kms is AWS Key Management Service: keys, what may be done with them,
// and doing it.
//
// # What it keeps
//
//   - Key: one record per key and region, with policy, tags, rotation and the
//     sealed key materials; of a multi-Region key one per region, tied together
//     by a family record.
//   - Alias: names of keys. A key's record lists its aliases too.
//   - Grant: under its key, with indexes by grantee, by retiring principal and by
//     name.
//   - KeyStore: custom key stores; the work on their keys is done by an engine
//     (package keystore).
//   - Usage: the last use of each key.
//
// # Invariants
//
//   - Key material leaves the keyring's seal only for the length of one call, and
//     is wiped when the call is done. Sealed material is bound to its key's ARN
//     and to its own id, so that it opens nowhere else.
//   - A key's policy is the root of all rights on it: needs are Strict. A grant
//     is the only other way in, and explicit denies win over both.
//   - Policies and grants hold users and roles by their unique ids: whoever is
//     made later under the same name inherits nothing.
//   - Needs do not tell what exists: what is missing is stated by its would-be
//     ARN, and only the method says that it is missing.
//   - Refusals come in AWS's order: shape, rights, existence, state, meaning; only
//     a key of the wrong usage is refused for that before its state counts. A dry
//     run passes all of them before it answers.
//   - What ciphertexts may be under is never dropped from a key while the key
//     exists: rotated materials stay, and of imported material that is deleted
//     the id stays, so that only the same material can come back.
//   - Timed work (rotation, expiry, deletion, transient states) is planned in the
//     transaction that causes it, and looks at the key again when its time has
//     come: states.go says what a state allows, jobs.go what happens when.
//
// # Life of a Decrypt
//
// The front door has authenticated the caller and decoded the request. It opens a
// transaction and asks the row of Decrypt (operations.go) for its needs:
//
//  1. decryptNeeds reads the header of the ciphertext blob, which names account,
//     key and material, and finds the key that it names, or the one that KeyId
//     names (source, resolve). It states one right, kms:Decrypt on the key's ARN,
//     with the key policy, the tags, the condition keys (encryption context,
//     aliases, algorithm, …) and, if the caller has one that fits, the grant.
//  2. The door decides. A caller without the right reads the same text whether
//     or not there is such a key.
//  3. Decrypt finds the key again, which costs nothing: the store remembers it
//     decoded. It holds the key's state against the matrix, and the key against
//     the ciphertext (IncorrectKeyException).
//  4. The material that the ciphertext is under is unsealed, derives the key of
//     this one message, opens it with the encryption context as additional data,
//     and is wiped. A wrong context and a changed byte are the same refusal,
//     without a message.
//  5. The use is noted for GetKeyLastUsage once the door has committed: if the
//     policy, the state or a grant changed meanwhile, the commit fails and all of
//     this runs again.
//
// # What it refuses to do
//
// Attestation documents (Recipient) are refused: nothing here could verify them.
// SM2 exists in AWS's China regions only. Departures from AWS are listed in
// docs/divergences/kms.md.
package kms
