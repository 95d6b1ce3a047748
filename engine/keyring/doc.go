// Package keyring holds the root key, under which everything secret in the
// store is sealed: key material, credentials, private keys, session secrets.
//
// # Invariants
//
//   - The root key lies in the store only wrapped by a Seal, and in memory only
//     in locked pages outside the Go heap (package harden).
//   - A new wrap of the root key is durable, and proven by an unwrap on every
//     node, before the old one is removed.
//   - Every message has a key of its own (package message), bound to its purpose
//     and to the additional data that its owner gives: a blob moved to another
//     record or purpose does not open.
//   - While sealed, or under the wrong seal, nothing is sealed, opened or
//     authenticated: every call answers ErrSealed.
//
// Non-goals: it keeps no records for others, caches no opened plaintext, and
// knows nothing of KMS keys (package material makes and uses those).
package keyring
