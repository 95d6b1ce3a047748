package pkcs11

// Names and numbers of pkcs11t.h, version 2.40.

// Places of functions in CK_FUNCTION_LIST, counted from C_Initialize.
const (
	fnInitialize       = 0
	fnFinalize         = 1
	fnGetInfo          = 2
	fnGetSlotList      = 4
	fnGetTokenInfo     = 6
	fnInitToken        = 9
	fnInitPIN          = 10
	fnSetPIN           = 11
	fnOpenSession      = 12
	fnCloseSession     = 13
	fnGetSessionInfo   = 15
	fnLogin            = 18
	fnLogout           = 19
	fnDestroyObject    = 22
	fnGetAttribute     = 24
	fnFindObjectsInit  = 26
	fnFindObjects      = 27
	fnFindObjectsFinal = 28
	fnEncryptInit      = 29
	fnEncrypt          = 30
	fnDecryptInit      = 33
	fnDecrypt          = 34
	fnSignInit         = 42
	fnSign             = 43
	fnGenerateKey      = 58
	fnGenerateKeyPair  = 59
	fnWrapKey          = 60
	fnUnwrapKey        = 61
	fnGenerateRandom   = 64
	functions          = 65
)

const (
	ckfOSLockingOK   = 2
	ckfRWSession     = 2
	ckfSerialSession = 4
	ckfUserPINInit   = 0x8
	ckfTokenInit     = 0x400
	ckuSO            = 0
	ckuUser          = 1
	cksRWUser        = 3
)

const (
	ckoPublicKey  = 2
	ckoPrivateKey = 3
	ckoSecretKey  = 4
	ckkRSA        = 0
	ckkEC         = 3
	ckkAES        = 0x1f
)

const (
	ckaClass          = 0
	ckaToken          = 1
	ckaPrivate        = 2
	ckaLabel          = 3
	ckaValue          = 0x11
	ckaKeyType        = 0x100
	ckaID             = 0x102
	ckaSensitive      = 0x103
	ckaEncrypt        = 0x104
	ckaDecrypt        = 0x105
	ckaWrap           = 0x106
	ckaUnwrap         = 0x107
	ckaSign           = 0x108
	ckaVerify         = 0x10a
	ckaModulus        = 0x120
	ckaModulusBits    = 0x121
	ckaPublicExponent = 0x122
	ckaValueLen       = 0x161
	ckaExtractable    = 0x162
	ckaECParams       = 0x180
	ckaECPoint        = 0x181
)

const (
	ckmRSAKeyPairGen = 0x0
	ckmRSAPKCS       = 0x1
	ckmRSAPSS        = 0xd
	ckmSHA256        = 0x250
	ckmSHA384        = 0x260
	ckmSHA512        = 0x270
	ckmECKeyPairGen  = 0x1040
	ckmECDSA         = 0x1041
	ckmAESKeyGen     = 0x1080
	ckmAESGCM        = 0x1087
	ckmAESKeyWrapPad = 0x210a
	ckgMGF1SHA256    = 2
	ckgMGF1SHA384    = 3
	ckgMGF1SHA512    = 4
)
