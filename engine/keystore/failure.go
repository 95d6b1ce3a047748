package keystore

// Failure is a way in which a custom key store fails, with what KMS makes of it.
// The same failure is another exception to each kind of operation; the message
// is the same to all. Empty names cannot arise there.
//
// Sources: XKS Proxy API specification, "Error codes"; the KMS model's
// ConnectionErrorCode and exceptions.
type Failure struct {
	Connection string // ConnectionErrorCode, when ConnectCustomKeyStore meets it
	Setup      string // exception of CreateCustomKeyStore and UpdateCustomKeyStore
	Create     string // exception of CreateKey
	Use        string // exception of cryptographic operations
	Message    string
}

func (f *Failure) Error() string { return f.Message }

// Names of exceptions that many rows share.
const (
	invalidState = "KMSInvalidStateException"
	storeState   = "CustomKeyStoreInvalidStateException"
	unreachable  = "XksProxyUriUnreachableException"
	uninterpret  = "XksProxyInvalidResponseException"
	clusterState = "CloudHsmClusterInvalidConfigurationException"
	keyConfig    = "XksKeyInvalidConfigurationException"
)

// Failures of every kind of store.
var (
	NotConnected = &Failure{"", "", storeState, invalidState,
		"This KMS key is in a custom key store that is not connected to its external key store proxy. Connect the external key store and try the request again."}
	Unsupported = &Failure{"INTERNAL_ERROR", "", "UnsupportedOperationException", "UnsupportedOperationException",
		"The operation is not supported by this custom key store."}
	Internal = &Failure{"INTERNAL_ERROR", "KMSInternalException", "KMSInternalException", "KMSInternalException", ""}
)

// Failures of CloudHSM key stores.
var (
	ClusterNotFound = &Failure{"CLUSTER_NOT_FOUND", "CloudHsmClusterNotFoundException", storeState, invalidState,
		"The CloudHSM cluster cannot be found."}
	ClusterNotActive = &Failure{"CLUSTER_NOT_FOUND", "CloudHsmClusterNotActiveException", storeState, invalidState,
		"The CloudHSM cluster is not active."}
	ClusterNotRelated = &Failure{"", "CloudHsmClusterNotRelatedException", "", "",
		"The CloudHSM cluster does not share a backup history with the cluster of the custom key store."}
	// TooFewHSMs: making a store or a key takes two active HSMs in different
	// Availability Zones.
	TooFewHSMs = &Failure{"INSUFFICIENT_CLOUDHSM_HSMS", clusterState, clusterState, invalidState,
		"The CloudHSM cluster does not have at least two active HSMs, each in a different Availability Zone."}
	// NoHSMs: connecting takes one.
	NoHSMs = &Failure{"INSUFFICIENT_CLOUDHSM_HSMS", clusterState, clusterState, invalidState,
		"The CloudHSM cluster does not have an active HSM."}
	WrongTrustAnchor = &Failure{"INTERNAL_ERROR", "IncorrectTrustAnchorException", storeState, invalidState,
		"The trust anchor certificate is not that of the CloudHSM cluster."}
	WrongPassword = &Failure{"INVALID_CREDENTIALS", "", storeState, invalidState,
		"The key store password is not the current password of the kmsuser crypto user."}
	LockedOut = &Failure{"USER_LOCKED_OUT", "", storeState, invalidState,
		"The kmsuser crypto user is locked out of the CloudHSM cluster."}
	UserNotFound = &Failure{"USER_NOT_FOUND", "", storeState, invalidState,
		"The kmsuser crypto user cannot be found in the CloudHSM cluster."}
	UserLoggedIn = &Failure{"USER_LOGGED_IN", "", storeState, invalidState,
		"The kmsuser crypto user is logged into the CloudHSM cluster."}
	// TokenAway: the token or its module does not answer.
	TokenAway = &Failure{"NETWORK_ERRORS", clusterState, storeState, invalidState,
		"The CloudHSM cluster cannot be reached."}
	// KeyGone: the key material is no longer in the token.
	KeyGone = &Failure{"", "", "", invalidState,
		"The key material of this KMS key cannot be found in the CloudHSM cluster."}
	// NotOurs: the ciphertext does not open under the token's key. KMS answers
	// Bare InvalidCiphertextException.
	NotOurs = &Failure{"", "", "", "InvalidCiphertextException", ""}
)

// Failures of external key stores, in the wording of the specification.
var (
	ProxyInvalidResponse = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, storeState, invalidState,
		"AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, report it to your external key store proxy administrator."}
	ProxyKeyDisabled = &Failure{"XKS_PROXY_NOT_REACHABLE", unreachable, keyConfig, invalidState,
		"The external key associated with this KMS key in an external key store is not enabled in the external key manager. Enable the external key in the external key manager and retry the request."}
	ProxyInvalidCiphertext = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, storeState, invalidState,
		"The external key store proxy rejected the request because the specified ciphertext or encryption context is corrupted, missing, or otherwise invalid."}
	// ProxyWrongPlaintext: what the proxy decrypted does not open under KMS's own
	// material.
	ProxyWrongPlaintext = &Failure{"", "", "", invalidState,
		"The ciphertext that the external key store proxy submitted for decryption, or the encryption context, is corrupted, missing, or otherwise invalid."}
	ProxyKeyUsage = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, keyConfig, invalidState,
		"The external key associated with this KMS key in an external key store does not support the requested operation. Enable the operation on the key in your external key manager, and try the request again."}
	// ProxyKeySpec: CreateKey only; the key is no AES-256 key.
	ProxyKeySpec = &Failure{"", "", keyConfig, "",
		"The external key associated with this KMS key in an external key store is not a 256-bit AES key."}
	ProxyAuthentication = &Failure{"INVALID_CREDENTIALS", "XksProxyIncorrectAuthenticationCredentialException", storeState, invalidState,
		"The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the XKS proxy authentication credentials for your external key store and update if necessary."}
	ProxyAccessDenied = &Failure{"XKS_PROXY_ACCESS_DENIED", uninterpret, invalidState, invalidState,
		"The external key store proxy denied access to the operation. Verify that the user and the external key are both authorized for this operation, and try the request again."}
	ProxyKeyNotFound = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, "XksKeyNotFoundException", invalidState,
		"The external key associated with this KMS key in an external key store was not found in its external key manager. If the external key ID associated with this KMS key is incorrect, create a new KMS key with the correct external key ID."}
	ProxyInvalidPath = &Failure{"XKS_PROXY_INVALID_CONFIGURATION", "XksProxyInvalidConfigurationException", storeState, invalidState,
		"The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary."}
	ProxyUnsupported = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, storeState, invalidState,
		"The external key store proxy rejected the request because it does not support the requested operation. If you see this error repeatedly, report it to your external key store proxy administrator."}
	ProxyDependencyTimeout = &Failure{"XKS_PROXY_TIMED_OUT", unreachable, storeState, invalidState,
		"The external key store proxy did not respond to the request in the time allotted. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator."}
	ProxyThrottling = &Failure{"XKS_PROXY_NOT_REACHABLE", unreachable, storeState, invalidState,
		"The external key store proxy rejected the request due to a very high request rate. Reduce the frequency of your calls using KMS keys in this external key store."}
	ProxyInternal = &Failure{"XKS_PROXY_INVALID_RESPONSE", uninterpret, storeState, invalidState,
		"The external key store proxy rejected the request because it cannot communicate with the external key manager. Verify that the external key store proxy configuration is correct and that the external key manager is available."}
	// ProxyManagersAway: the proxy says that no external key manager is available.
	ProxyManagersAway = &Failure{"XKS_PROXY_NOT_REACHABLE", unreachable, storeState, invalidState, ProxyInternal.Message}
	ProxyNotReachable = &Failure{"XKS_PROXY_NOT_REACHABLE", unreachable, storeState, invalidState,
		"AWS KMS cannot communicate with the external key store proxy. This might be a transient network issue. If you see this error repeatedly, verify that your external key store proxy is active and is connected to the network, and that its endpoint URI is correct in your external keystore."}
	ProxyTLS = &Failure{"XKS_PROXY_INVALID_TLS_CONFIGURATION", unreachable, storeState, invalidState,
		"AWS KMS cannot establish a TLS connection to the external key store proxy. Verify the TLS configuration, including its certificate."}
	ProxyTimeout = &Failure{"XKS_PROXY_TIMED_OUT", unreachable, storeState, invalidState,
		"AWS KMS rejected the request because the external key store proxy did not respond in time. Retry the request. If you see this error repeatedly, report it to your external key store proxy administrator."}
	ProxyNoVPCService = &Failure{"XKS_VPC_ENDPOINT_SERVICE_NOT_FOUND", "XksProxyVpcEndpointServiceNotFoundException", storeState, invalidState,
		"The VPC endpoint service cannot be found."}
)
