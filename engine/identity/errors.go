package identity

import (
	"errors"
	"fmt"
)

// Noun is a kind of thing that identity keeps.
type Noun string

// The nouns.
const (
	NounAccount           Noun = "account"
	NounAlias             Noun = "account alias"
	NounUser              Noun = "user"
	NounGroup             Noun = "group"
	NounRole              Noun = "role"
	NounPolicy            Noun = "policy"
	NounVersion           Noun = "policy version"
	NounInline            Noun = "inline policy"
	NounProfile           Noun = "instance profile"
	NounAccessKey         Noun = "access key"
	NounLogin             Noun = "login profile"
	NounPasswordPolicy    Noun = "password policy"
	NounMFA               Noun = "MFA device"
	NounOIDC              Noun = "OpenID Connect provider"
	NounSAML              Noun = "SAML provider"
	NounServerCertificate Noun = "server certificate"
	NounSigning           Noun = "signing certificate"
	NounSSHKey            Noun = "SSH public key"
	NounServiceCredential Noun = "service specific credential"
)

// NotFound says what there is not.
type NotFound struct {
	Noun Noun
	Name string
	Of   string // what it was looked for in, if anything
}

func (e *NotFound) Error() string { return fmt.Sprintf("no %s %q", e.Noun, e.Name) }

// Exists says what there is already.
type Exists struct {
	Noun Noun
	Name string
}

func (e *Exists) Error() string { return fmt.Sprintf("%s %q exists", e.Noun, e.Name) }

// Conflict says what must go before a thing can be deleted.
type Conflict struct {
	Noun Noun
	Name string
	Held Noun // what is still there
}

func (e *Conflict) Error() string { return fmt.Sprintf("%s %q still has a %s", e.Noun, e.Name, e.Held) }

// Limit says which quota is used up.
type Limit struct {
	Quota string // AWS's name: "AccessKeysPerUser"
	Max   int
}

func (e *Limit) Error() string { return fmt.Sprintf("quota %s: %d", e.Quota, e.Max) }

// Size says that inline policies of one holder are too long together.
type Size struct {
	Noun Noun
	Name string
	Max  int
}

func (e *Size) Error() string {
	return fmt.Sprintf("%s %q: policies over %d bytes", e.Noun, e.Name, e.Max)
}

// Refusals of credentials.
var (
	ErrUnknownKey   = errors.New("identity: no such access key")
	ErrInactiveKey  = errors.New("identity: access key is not active")
	ErrTokenInvalid = errors.New("identity: session token is not valid")
	ErrTokenExpired = errors.New("identity: session token has expired")
)
