package kms

import (
	"context"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/store"
)

// State is a key's state, by its KMS name.
type State string

// The key states.
const (
	Creating               State = kmsapi.KeyStateCreating
	Enabled                State = kmsapi.KeyStateEnabled
	Disabled               State = kmsapi.KeyStateDisabled
	PendingImport          State = kmsapi.KeyStatePendingImport
	PendingDeletion        State = kmsapi.KeyStatePendingDeletion
	PendingReplicaDeletion State = kmsapi.KeyStatePendingReplicaDeletion
	Unavailable            State = kmsapi.KeyStateUnavailable
	Updating               State = kmsapi.KeyStateUpdating
)

// columns is the order of the states in matrix.
var columns = [...]State{Creating, Enabled, Disabled, PendingImport, PendingDeletion, PendingReplicaDeletion, Unavailable, Updating}

// matrix says which operation a key's state refuses: one character per state
// of columns, '.' allowed and 'x' refused. Operations that no state refuses are
// absent. What an operation refuses in every state, such as rotating an
// asymmetric key, stands with the operation.
//
// Source: KMS Developer Guide, "Key states of AWS KMS keys"; for transient
// states the documentation of ReplicateKey and UpdatePrimaryRegion.
var matrix = map[string]string{
	//                                     C E D I P R U u
	"Encrypt":                             "x.xxxxx.",
	"Decrypt":                             "x.xxxxx.",
	"ReEncrypt":                           "x.xxxxx.",
	"GenerateDataKey":                     "x.xxxxx.",
	"GenerateDataKeyWithoutPlaintext":     "x.xxxxx.",
	"GenerateDataKeyPair":                 "x.xxxxx.",
	"GenerateDataKeyPairWithoutPlaintext": "x.xxxxx.",
	"Sign":                                "x.xxxxx.",
	"Verify":                              "x.xxxxx.",
	"GenerateMac":                         "x.xxxxx.",
	"VerifyMac":                           "x.xxxxx.",
	"DeriveSharedSecret":                  "x.xxxxx.",
	"GetPublicKey":                        "x..xxxx.",

	"CreateGrant": "x.xxxx..",

	"EnableKey":            "x..xxx.x",
	"DisableKey":           "x..xxx.x",
	"ScheduleKeyDeletion":  "x...xx.x",
	"CancelKeyDeletion":    "xxxx..xx",
	"UpdateKeyDescription": "....xx..",
	"TagResource":          "....xx..",
	"UntagResource":        "....xx..",
	"CreateAlias":          "....xx..",
	"UpdateAlias":          "....xx..", // of the new target

	// PendingImport is not refused by the first two: the key's origin is.
	"EnableKeyRotation":  "x.x.xx.x",
	"DisableKeyRotation": "x.x.xx.x",
	"RotateKeyOnDemand":  "x.xxxx.x",

	"GetParametersForImport":    "x...xx.x",
	"ImportKeyMaterial":         "x...xx.x",
	"DeleteImportedKeyMaterial": "x......x",

	"ReplicateKey":        "x.x.xxxx",
	"UpdatePrimaryRegion": "x.x.xxxx",
}

// refuses reports whether a key in the state refuses the operation.
func (st State) refuses(operation string) bool {
	row, ok := matrix[operation]
	if !ok {
		return false
	}
	for i, s := range columns {
		if s == st {
			return row[i] == 'x'
		}
	}
	return true // a state that this table does not know
}

// state answers the state that a key shows: Unavailable while its custom key
// store is not connected, which enabling and disabling do not change, unless it
// waits to be deleted.
func (s *Service) state(tx *store.Tx, k *Key) (State, error) {
	if k.KeyStore == "" || k.State == PendingDeletion {
		return k.State, nil
	}
	ks, err := loadStore(tx, k.Account, k.Region, k.KeyStore)
	if err != nil {
		return "", err
	}
	if ks == nil || ks.State != kmsapi.ConnectionStateTypeConnected {
		return Unavailable, nil
	}
	return k.State, nil
}

// allows holds the key's state against the matrix.
func (s *Service) allows(ctx context.Context, k *Key, operation string) error {
	st := k.State
	if k.KeyStore != "" {
		var err error
		if st, err = s.state(store.From(ctx), k); err != nil {
			return err
		}
	}
	if !st.refuses(operation) {
		return nil
	}
	return invalidState(k.ARN, st, operation)
}

func invalidState(arn string, st State, operation string) error {
	if operation == "CancelKeyDeletion" {
		return kmsapi.ErrKMSInvalidStateException.New("%s is not pending deletion.", arn)
	}
	if st == Disabled {
		return kmsapi.ErrDisabledException.New("%s is disabled.", arn)
	}
	words := map[State]string{
		Creating:               "creating",
		PendingImport:          "pending import",
		PendingDeletion:        "pending deletion",
		PendingReplicaDeletion: "pending replica deletion",
		Unavailable:            "unavailable",
		Updating:               "updating",
	}[st]
	return kmsapi.ErrKMSInvalidStateException.New("%s is %s.", arn, words)
}
