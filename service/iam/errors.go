package iam

import (
	"errors"
	"fmt"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

var errNotPEM = errors.New("iam: no PEM block")

// Errors of IAM that its model does not declare.
const (
	errValidation   redoubt.ErrorKind = "ValidationError"
	errAccessDenied redoubt.ErrorKind = "AccessDenied"
	errInvalidToken redoubt.ErrorKind = "InvalidClientTokenId"
)

func validation(format string, args ...any) error { return errValidation.New(format, args...) }

// forbidden is an error with status 403.
func forbidden(k redoubt.ErrorKind, format string, args ...any) error {
	e := k.New(format, args...)
	e.Status = 403
	return e
}

// fail words what identity refuses as IAM does; other errors pass.
func fail(err error) error {
	var (
		nf  *identity.NotFound
		ex  *identity.Exists
		co  *identity.Conflict
		li  *identity.Limit
		si  *identity.Size
		ip  *identity.InvalidPrincipal
		we  *identity.WeakPassword
		syn *policy.SyntaxError
	)
	switch {
	case err == nil:
		return nil
	case errors.As(err, &nf):
		return iamapi.ErrNoSuchEntityException.New("%s", missing(nf))
	case errors.As(err, &ex):
		if ex.Noun == identity.NounSSHKey {
			return iamapi.ErrDuplicateSSHPublicKeyException.New("SSH Public Key is already in use.")
		}
		return iamapi.ErrEntityAlreadyExistsException.New("%s", taken(ex))
	case errors.As(err, &co):
		return iamapi.ErrDeleteConflictException.New("%s", held(co))
	case errors.As(err, &li):
		if li.Quota == "VersionsPerPolicy" {
			return iamapi.ErrLimitExceededException.New("A managed policy can have up to %d versions. Before you create a new version, you must delete an existing version.", li.Max)
		}
		return iamapi.ErrLimitExceededException.New("Cannot exceed quota for %s: %d", li.Quota, li.Max)
	case errors.As(err, &si):
		return iamapi.ErrLimitExceededException.New("Maximum policy size of %d bytes exceeded for %s %s", si.Max, si.Noun, si.Name)
	case errors.As(err, &ip):
		return iamapi.ErrMalformedPolicyDocumentException.New("Invalid principal in policy: %q:%q", principalType(ip.Type), ip.Value)
	case errors.As(err, &we):
		return iamapi.ErrPasswordPolicyViolationException.New("%s", weak(we))
	case errors.As(err, &syn):
		e := iamapi.ErrMalformedPolicyDocumentException.New("%s", syn.Message)
		e.Cause = err
		return e
	case errors.Is(err, identity.ErrCode):
		return iamapi.ErrInvalidAuthenticationCodeException.New("Authentication code for device is not valid.")
	case errors.Is(err, identity.ErrPassword):
		return forbidden(errAccessDenied, "The old password was incorrect.")
	}
	return err
}

// missing words what there is not. Texts recorded on AWS, but where no
// recording is known.
func missing(e *identity.NotFound) string {
	switch e.Noun {
	case identity.NounUser, identity.NounGroup, identity.NounRole:
		return fmt.Sprintf("The %s with name %s cannot be found.", e.Noun, e.Name)
	case identity.NounPolicy:
		return fmt.Sprintf("Policy %s was not found.", e.Name)
	case identity.NounVersion:
		return fmt.Sprintf("Policy %s version %s does not exist or is not attachable.", e.Of, e.Name)
	case identity.NounInline:
		return fmt.Sprintf("The %s policy with name %s cannot be found.", e.Of, e.Name)
	case identity.NounProfile:
		return fmt.Sprintf("Instance Profile %s cannot be found.", e.Name)
	case identity.NounAccessKey:
		return fmt.Sprintf("The Access Key with id %s cannot be found.", e.Name)
	case identity.NounLogin:
		return fmt.Sprintf("Login Profile for User %s cannot be found.", e.Name)
	case identity.NounMFA:
		return fmt.Sprintf("MFA Device with serial number %s does not exist.", e.Name)
	case identity.NounOIDC:
		return fmt.Sprintf("OpenIDConnect Provider not found for arn %s", e.Name)
	case identity.NounSAML:
		return fmt.Sprintf("Manifest not found for arn %s", e.Name)
	case identity.NounServerCertificate:
		return fmt.Sprintf("The Server Certificate with name %s cannot be found.", e.Name)
	case identity.NounSigning:
		return fmt.Sprintf("The Certificate with id %s cannot be found.", e.Name)
	case identity.NounSSHKey:
		return fmt.Sprintf("The Public Key with id %s cannot be found.", e.Name)
	case identity.NounServiceCredential:
		return fmt.Sprintf("No such credential %s exists", e.Name)
	}
	return fmt.Sprintf("The %s with name %s cannot be found.", e.Noun, e.Name)
}

func taken(e *identity.Exists) string {
	switch e.Noun {
	case identity.NounUser:
		return fmt.Sprintf("User with name %s already exists.", e.Name)
	case identity.NounGroup:
		return fmt.Sprintf("Group with name %s already exists.", e.Name)
	case identity.NounRole:
		return fmt.Sprintf("Role with name %s already exists.", e.Name)
	case identity.NounPolicy:
		return fmt.Sprintf("A policy called %s already exists. Duplicate names are not allowed.", e.Name)
	case identity.NounProfile:
		return fmt.Sprintf("Instance Profile %s already exists.", e.Name)
	case identity.NounLogin:
		return fmt.Sprintf("Login Profile for user %s already exists.", e.Name)
	case identity.NounMFA:
		return "MFA device already exists."
	case identity.NounOIDC:
		return fmt.Sprintf("Provider with url https://%s already exists.", e.Name)
	case identity.NounServerCertificate:
		return fmt.Sprintf("The Server Certificate with name %s already exists.", e.Name)
	case identity.NounAlias:
		return fmt.Sprintf("The account alias %s already exists.", e.Name)
	case identity.NounSAML:
		return fmt.Sprintf("SAML Provider %s already exists.", e.Name)
	}
	return fmt.Sprintf("%s with name %s already exists.", e.Noun, e.Name)
}

func held(e *identity.Conflict) string {
	switch e.Noun {
	case identity.NounPolicy:
		if e.Held == identity.NounVersion {
			return "This policy has more than one version. Before you delete a policy, you must delete the policy's versions. The default version is deleted with the policy."
		}
		return "Cannot delete a policy attached to entities."
	case identity.NounVersion:
		return "Cannot delete the default version of a policy."
	case identity.NounMFA:
		return "Cannot delete entity, must deactivate MFA device first."
	}
	const must = "Cannot delete entity, must "
	switch e.Held {
	case identity.NounPolicy:
		return must + "detach all policies first."
	case identity.NounInline:
		return must + "delete policies first."
	case identity.NounUser, identity.NounGroup:
		return must + "remove users from group first."
	case identity.NounProfile, identity.NounRole:
		return must + "remove roles from instance profile first."
	case identity.NounAccessKey:
		return must + "delete access keys first."
	case identity.NounLogin:
		return must + "delete login profile first."
	case identity.NounMFA:
		return must + "delete MFA device first."
	case identity.NounSigning:
		return must + "delete signing certificates first."
	case identity.NounSSHKey, identity.NounServiceCredential:
		return must + "remove referenced objects first."
	}
	return must + "delete " + string(e.Held) + " first."
}

// principalType is a Principal's type as IAM's refusals write it.
func principalType(t string) string {
	switch t {
	case "Service":
		return "SERVICE"
	case "Federated":
		return "FEDERATED"
	}
	return t
}

func weak(e *identity.WeakPassword) string {
	switch e.Rule {
	case "length":
		return "Password should have a minimum length that the account's password policy demands and at most 128 characters"
	case "uppercase":
		return "Password should have at least one uppercase letter"
	case "lowercase":
		return "Password should have at least one lowercase letter"
	case "number":
		return "Password should have at least one number"
	case "symbol":
		return "Password should have at least one symbol"
	case "reuse":
		return "Policy constraint violation with password reuse prevention during password change"
	}
	return "The password does not conform to the account password policy."
}

func asExists(err error, ex **identity.Exists) bool { return errors.As(err, ex) }

func absentRecord(err error) bool { return errors.Is(err, store.ErrNotFound) }

// syntax is the reason for which a policy does not parse.
func syntax(err error) string {
	var e *policy.SyntaxError
	if errors.As(err, &e) {
		return e.Message
	}
	return "Syntax errors in policy."
}
