package rotate

import (
	"context"
	"errors"
)

// Secrets is what a rotation asks of Secrets Manager. Whoever implements it
// decides whose rights count: a rotation reads whatever secret a secret's
// masterarn names, so the implementation must ask for the rights of the
// function that rotates, never for those of the server.
//
// Implementations answer ErrNotFound, wrapped or not, where Secrets Manager
// answers ResourceNotFoundException. Any other error ends the step and is
// handed on as it is.
type Secrets interface {
	// Describe answers the state of a secret (DescribeSecret).
	Describe(ctx context.Context, id string) (Description, error)
	// Value answers the SecretString of the version that carries the stage
	// (GetSecretValue). If version isn't empty, it must be that version. A
	// version without a value, as RotateSecret makes it, is ErrNotFound.
	Value(ctx context.Context, id, version, stage string) (string, error)
	// PutPending gives the version a value and the stage AWSPENDING
	// (PutSecretValue with ClientRequestToken and VersionStages).
	PutPending(ctx context.Context, id, version, value string) error
	// MoveCurrent moves AWSCURRENT from one version to another
	// (UpdateSecretVersionStage); from is empty when no version has it.
	MoveCurrent(ctx context.Context, id, to, from string) error
	// RandomPassword makes a password (GetRandomPassword).
	RandomPassword(ctx context.Context, r PasswordRules) (string, error)
}

// ErrNotFound says that there is no such secret, version, stage or value.
var ErrNotFound = errors.New("rotate: not found")

// The staging labels of a rotation.
const (
	Current  = "AWSCURRENT"
	Pending  = "AWSPENDING"
	Previous = "AWSPREVIOUS"
)

// Description is what a rotation needs to know of a secret.
type Description struct {
	// Cancelled means that RotationEnabled is present and false. For a secret
	// on which rotation was never set up it is absent.
	Cancelled bool
	// Stages are the staging labels of each version, by version id
	// (VersionIdsToStages).
	Stages map[string][]string
}

// PasswordRules are the members of GetRandomPassword that templates use.
type PasswordRules struct {
	Length                  int64
	ExcludeCharacters       string
	ExcludeNumbers          bool
	ExcludePunctuation      bool
	ExcludeUppercase        bool
	ExcludeLowercase        bool
	RequireEachIncludedType bool
}

// Event is what Secrets Manager sends to a rotation function.
type Event struct {
	Step               string // createSecret, setSecret, testSecret or finishSecret
	SecretID           string // the secret's ARN
	ClientRequestToken string // the id of the version that is being made
}

// The steps of a rotation, in their order.
const (
	CreateSecret = "createSecret"
	SetSecret    = "setSecret"
	TestSecret   = "testSecret"
	FinishSecret = "finishSecret"
)

// Steps are the steps in the order in which Secrets Manager calls them.
var Steps = []string{CreateSecret, SetSecret, TestSecret, FinishSecret}

// Level is how grave a log line is.
type Level string

const (
	Info    Level = "INFO"
	Warning Level = "WARNING"
	Failure Level = "ERROR"
)

// Log takes the lines that a rotation writes: one line each, free of secrets,
// without time or request id.
type Log func(level Level, line string)
