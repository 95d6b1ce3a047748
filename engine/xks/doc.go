// Package xks speaks the AWS KMS External Key Store Proxy API: the client that
// stands behind custom key stores of type EXTERNAL_KEY_STORE, and what a proxy
// needs to take such requests apart and to prove who sent them. It runs no
// server; service/xksproxy is the proxy.
//
// # Life of an Encrypt
//
// KMS encrypts the plaintext under material of its own and gives the result to
// Backend.Encrypt. The client sends it to the external key store proxy as
// plaintext, signed, with a hash of the additional data, and asks for the data
// integrity value. The proxy answers ciphertext, IV, tag and up to 20 bytes of
// metadata; the client holds lengths and integrity value against the
// specification and packs the parts into one ciphertext. Decrypt takes it apart
// again and sends the parts back; KMS opens what comes with its own material. So
// neither side alone can read what both encrypted.
//
// # Invariants
//
//   - Every request goes through egress, over TLS 1.2 or later, is signed with
//     SigV4 for kms-xks-proxy and has one budget of 250 ms from dialling to the
//     last byte.
//   - What does not follow the specification to the letter is refused: a
//     ciphertext of another length, a wrong integrity value, a missing field.
//   - The error message of a proxy never reaches a caller of KMS; its name picks
//     KMS's own wording.
//   - Verifier admits a signature once: see Verifier for its window.
//
// Non-goals: keys other than AES-256, proxies without TLS.
//
// Source: AWS KMS External Key Store (XKS) Proxy API Specification, version 1.0.
package xks
