package kms

import (
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// Refusals that several operations share, in AWS's words. Those that AWS sends
// without a message are Bare where they arise.

func invalidKeyID(id string) error {
	return kmsapi.ErrNotFoundException.New("Invalid keyId '%s'", id)
}

func noSuchKey(arn string) error {
	return kmsapi.ErrNotFoundException.New("Key '%s' does not exist", arn)
}

func noSuchAlias(arn string) error {
	return kmsapi.ErrNotFoundException.New("Alias %s is not found.", arn)
}

func wrongUsage(k *Key, operation string) error {
	return kmsapi.ErrInvalidKeyUsageException.New("%s key usage is %s which is not valid for %s.", k.ARN, k.Usage, operation)
}

func wrongAlgorithm(k *Key, algorithm string) error {
	return kmsapi.ErrInvalidKeyUsageException.New("Algorithm %s is incompatible with key spec %s.", algorithm, k.Spec)
}

func wrongOrigin(k *Key) error {
	return kmsapi.ErrUnsupportedOperationException.New("%s origin is %s which is not valid for this operation.", k.ARN, k.Origin)
}

func wrongKey() error {
	return kmsapi.ErrIncorrectKeyException.New("The key ID in the request does not identify a CMK that can perform this operation.")
}

// unreachable is Decrypt's refusal when the ciphertext alone names the key: it
// does not say whether there is such a key.
func unreachable() error {
	return redoubt.ErrAccessDenied.New("%s", unreachableText)
}

const unreachableText = "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access."

func dryRun() error {
	return kmsapi.ErrDryRunOperationException.New("The request would have succeeded, but the DryRun option is set.")
}

// required words a missing member as the generated checks do; member is lower
// camel case.
func required(member string) error {
	return redoubt.ErrValidation.New("1 validation error detected: Value null at '%s' failed to satisfy constraint: Member must not be null", member)
}

// internal is a failure of ours.
func internal(cause error) error {
	return &redoubt.Error{Code: string(kmsapi.ErrKMSInternalException), Status: 500, Fault: true, Cause: cause}
}

// engine translates the errors of engines that a client may see, in the context
// of key k and algorithm.
func engine(err error, k *Key, algorithm string) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, material.ErrCiphertext):
		return kmsapi.ErrInvalidCiphertextException.Bare()
	case errors.Is(err, material.ErrAlgorithm), errors.Is(err, material.ErrSpec):
		return wrongAlgorithm(k, algorithm)
	case errors.Is(err, material.ErrDigest):
		return redoubt.ErrValidation.New("Digest is invalid length for algorithm %s.", algorithm)
	case errors.Is(err, material.ErrPublicKey):
		return redoubt.ErrValidation.Bare()
	case errors.Is(err, keyring.ErrSealed):
		return &redoubt.Error{Code: string(kmsapi.ErrKMSInternalException), Message: "The keyring is sealed.", Status: 500, Fault: true, Cause: err}
	}
	return internal(err)
}

func isDamaged(err error) bool { return errors.Is(err, keyring.ErrDamaged) }

func isBadMaterial(err error) bool { return errors.Is(err, material.ErrMaterial) }

func isNotFound(err error) bool { return errors.Is(err, store.ErrNotFound) }
