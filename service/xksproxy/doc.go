// Package xksproxy is an external key store proxy: it lets KMS keys of this
// installation be the external keys of another KMS, AWS's own included, by the
// published XKS Proxy API. It is a room without a modelled operation: a handler
// of its own for a listener of its own.
//
// # Life of an Encrypt
//
// A request comes over mutual TLS (TLSConfig), signed with the proxy's own
// credential, within the window and for the first time (xks.Verifier). Its path
// names an exported key. The proxy holds, per exported key, a data key that KMS
// made and that lies in the store only as KMS's ciphertext. It asks KMS, through
// the front door and as the service principal kms-xks-proxy.amazonaws.com, to
// decrypt it; so key policy, key state and audit apply to each request as to any
// other call. Under the data key the plaintext becomes AES-256-GCM ciphertext
// with a key of its own, derived from the data key and a fresh salt. IV and tag
// go into their fields; version of the data key and salt are the ciphertext
// metadata. If asked for, the integrity value is computed, and the ciphertext
// opened again to see that it holds.
//
// That detour is needed because the API fixes AES-GCM's shape: the ciphertext is
// exactly as long as the plaintext, and the metadata has 20 bytes. A ciphertext
// of KMS Encrypt does not fit, and KMS never hands out the key itself.
//
// # What a key policy must allow
//
//	{"Effect": "Allow", "Principal": {"Service": "kms-xks-proxy.amazonaws.com"},
//	 "Action": ["kms:DescribeKey", "kms:GenerateDataKeyWithoutPlaintext", "kms:Decrypt"], "Resource": "*"}
//
// KMS sees the encryption context redoubt:xks-key-id with the external id, and
// aws:SourceArn with the key's ARN, so that the statement can be narrowed.
//
// # Invariants
//
//   - Only keys that the configuration exports exist; what is not authenticated
//     learns nothing, not even whether the path or the health is good.
//   - A request without a verified client certificate is refused even if a
//     listener were to let it through.
//   - Plaintexts and data keys are wiped after use and never logged.
//   - Data keys are never deleted: ciphertexts under old ones are with others.
//
// Non-goals: creating keys for callers, authorization by request metadata (it is
// logged; key policies decide), health checks of load balancers (use a TCP
// check: whoever has no certificate gets no answer).
package xksproxy
