// Package material is what KMS keys are made of: it makes, checks and uses key
// material. It keeps nothing and knows no store, no API shapes and no policy.
//
// Material is the secret encoding of one key: 32 raw bytes (SYMMETRIC_DEFAULT),
// raw bytes of the length that the spec names (HMAC), the 32-byte seed (ML-DSA)
// or PKCS#8 DER (RSA, ECC). It reaches a store only through engine/keyring.
// Whoever holds Material wipes it (Material.Wipe) when the call is done.
//
// # Invariants
//
//   - A symmetric ciphertext blob names its account, key and material, and is
//     bound to them, to the material and to the additional data; every message
//     has a key of its own (engine/keyring/message).
//   - ContextAAD is injective and does not depend on the order of the map.
//   - Operations that need a public key only take its SubjectPublicKeyInfo, so
//     that Verify and RSA Encrypt never touch Material.
//   - What an algorithm, spec or digest does not fit is refused by an error of
//     this package before any key is used.
//
// Non-goals: keys that live elsewhere (package pkcs11, external key stores)
// only share the framing of blobs, Header.
package material
