package material

import "filippo.io/mldsa"

func verifyExternalMu(key *mldsa.PublicKey, mu, signature []byte) bool { return false }
