// Package pkcs11 uses keys that live in a PKCS #11 token: an HSM, a cloud HSM's
// client library, SoftHSM. It loads the vendor's module at run time without a C
// compiler, and offers the few operations that the rest needs.
//
//	module, err := pkcs11.Load("/usr/lib/softhsm/libsofthsm2.so")
//	token, err := module.Open("redoubt", pin)
//	err = token.GenerateAES(ctx, id, label)
//	sealed, err := token.EncryptGCM(ctx, id, aad, plaintext)
//
// # Invariants
//
//   - Keys are named by their CKA_ID. What is generated here is sensitive, not
//     extractable and stays in the token.
//   - A token that was lost (pulled, restarted, logged out) is found again by
//     its label and logged into anew, once per call. A PIN that the token
//     refused is never tried a second time: tokens lock after a few.
//   - PINs come from a source, are wiped after use, and stand in no error.
//   - Pointers handed to the module are pinned for the time of the call; unsafe
//     is used in abi.go and nowhere else.
//
// The module runs inside this process, with all of its rights: only modules
// that the operator names by an absolute path are loaded.
//
// A binary with this package needs the system's dynamic linker and C library at
// run time, although none to build. The build tag nopkcs11 leaves it out, for a
// fully static binary; Load then answers ErrNotBuilt.
//
// Non-goals: token administration beyond Init, certificates, and mechanisms
// that KMS, the seal and later certificate authorities do not use.
//
// Source: OASIS PKCS #11 Cryptographic Token Interface Base and Current
// Mechanisms Specifications, version 2.40.
package pkcs11
