// Package hsm is CloudHSM on PKCS #11 tokens: the clusters that the cloudhsmv2
// API shows, and the engine behind custom key stores of type AWS_CLOUDHSM.
//
// # Clusters
//
// The configuration maps cluster ids to tokens. A cluster that is configured
// with a trust anchor is there from the start, ACTIVE as long as its token
// answers. One without is a free token: CreateCluster claims it, and it walks
// through the states of a CloudHSM cluster on the services' clock: a first HSM
// brings a signing request, the certificate over it claims the cluster, and once
// the operator has given the token a user PIN it is ACTIVE. HSMs of a claimed
// cluster are entries that count; redundancy is the module's own affair.
//
// # Life of an Encrypt
//
// KMS hands over plaintext and additional data. The backend looks for the
// token's login, made with the key store's password when the store connected, or
// logs in now; the token encrypts with CKM_AES_GCM under the AES-256 key whose
// CKA_ID is the KMS key's id, the additional data being a digest over key id and
// what KMS gave. If the token was away, package pkcs11 finds it again by its
// label.
//
// # Invariants
//
//   - Key material is made in the token, is sensitive and not extractable.
//   - A login counts for a key store only if the store's password is the one that
//     the token took: PKCS #11 logs in once per process, so a second store on the
//     same token would else come in with any password.
//   - A password that the token refused is tried again only when someone connects
//     anew: tokens lock. Passwords lie in locked memory while a login lasts.
//   - The token's PIN changes only where the configuration allows it, and only to
//     one that is on record already.
//   - Nothing here initialises, wipes or re-keys a token: tokens are their
//     operator's.
//
// Non-goals: backups of clusters, networks (subnets are names), the HSM's own
// certificate chain.
package hsm
