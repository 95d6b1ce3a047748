package secretsmanager

import (
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// Refusals that several operations share, in AWS's words.

func errAbsent() error {
	return api.ErrResourceNotFoundException.New("Secrets Manager can't find the specified secret.")
}

func errNoStage(stage string) error {
	return api.ErrResourceNotFoundException.New("Secrets Manager can't find the specified secret value for staging label: %s", stage)
}

func errNoVersion(id string) error {
	return api.ErrResourceNotFoundException.New("Secrets Manager can't find the specified secret value for VersionId: %s", id)
}

func errDeleted() error {
	return api.ErrInvalidRequestException.New("You can't perform this operation on the secret because it was marked for deletion.")
}

func errReplica() error {
	return api.ErrInvalidParameterException.New("Operation not permitted on a replica secret. Call must be made in primary secret's region.")
}

func errForeignDefault() error {
	return api.ErrInvalidRequestException.New("You can't access a secret from a different AWS account if you encrypt the secret with the default KMS service key.")
}

func errTokenTaken(token, arn string) error {
	return api.ErrResourceExistsException.New("You can't use ClientRequestToken %s because that value is already in use for a version of secret %s.", token, arn)
}

func badName() error {
	return redoubt.ErrValidation.New("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")
}

func badToken() error { return api.ErrInvalidNextTokenException.New("Invalid NextToken.") }

// needToken refuses a request without a ClientRequestToken: SDKs and the CLI make
// one, and one that the server made could not make a retry safe.
func needToken(kind redoubt.ErrorKind, token *string) error {
	if value(token) == "" {
		return kind.New("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
	}
	return nil
}

// cannotEncrypt and cannotDecrypt translate KMS's refusals.

func cannotEncrypt(err error) error {
	return kmsFailure(err, api.ErrEncryptionFailure, "Secrets Manager can't encrypt the protected secret text using the provided KMS key. Check that the KMS key is available, enabled, and not in an invalid state.")
}

func cannotDecrypt(err error) error {
	return kmsFailure(err, api.ErrDecryptionFailure, "Secrets Manager can't decrypt the protected secret text using the provided KMS key.")
}

func kmsFailure(err error, kind redoubt.ErrorKind, text string) error {
	var refusal *redoubt.Error
	switch {
	case !errors.As(err, &refusal) || refusal.Fault:
		return err // the store's conflicts among them: the call runs again
	case refusal.Code == string(redoubt.ErrAccessDenied):
		return &redoubt.Error{Code: string(redoubt.ErrAccessDenied), Message: "Access to KMS is not allowed", Cause: err}
	case refusal.Code == string(kmsapi.ErrNotFoundException) && kind == api.ErrEncryptionFailure:
		e := api.ErrInvalidParameterException.New("The operation failed because of an invalid KMS key: %s", refusal.Message)
		e.Cause = err
		return e
	case refusal.Code == string(kmsapi.ErrInvalidCiphertextException):
		return &redoubt.Error{Code: string(api.ErrInternalServiceError), Status: 500, Fault: true, Cause: err}
	}
	e := kind.New("%s", text)
	e.Cause = err
	return e
}

// badPolicy translates what is wrong with a policy.
func badPolicy(err error) error {
	var syntax *policy.SyntaxError
	var nobody *identity.InvalidPrincipal
	switch {
	case errors.As(err, &syntax):
		e := api.ErrMalformedPolicyDocumentException.New("This policy has invalid syntax.")
		e.Cause = err
		return e
	case errors.As(err, &nobody):
		return api.ErrMalformedPolicyDocumentException.New("This resource policy contains an unsupported principal.")
	}
	return err
}

func isAbsent(err error) bool { return errors.Is(err, store.ErrNotFound) }

func isDamaged(err error) bool { return errors.Is(err, keyring.ErrDamaged) }
