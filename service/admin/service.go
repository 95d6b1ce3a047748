package admin

import (
	"context"
	"io"
	"sync"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Installation is what the server tells of itself.
type Installation struct {
	ID      string
	Account string // owns the installation
	Version string
	Mode    string
	Store   string
	Started time.Time
}

// Explainer decides a supposed call by the front door's own rules.
type Explainer interface {
	Explain(ctx context.Context, principalARN, region string, need redoubt.Need, conditions map[string][]string) (policy.Trace, error)
}

// Deps is what the service works with.
type Deps struct {
	DB           *store.DB
	Identity     *identity.Identity
	Keyring      *keyring.Keyring
	Clock        redoubt.Clock
	Explainer    Explainer
	Invoker      op.Invoker
	Installation Installation
	// Problems answers what keeps the server from serving, by part.
	Problems func() map[string]string
	// Services answers how many operations each service has and how many of them
	// are implemented.
	Services func() []redoubtapi.ServiceStatus
	// NewSeal makes a seal from the request's parameters; shares are those of a
	// new Shamir seal.
	NewSeal func(ctx context.Context, in *redoubtapi.RotateSealRequest) (seal keyring.Seal, shares func() []string, err error)
	// Diagnose looks at the rotation of a secret that the caller may know of.
	Diagnose func(ctx context.Context, c *redoubt.Call, secret string) (*Rotation, error)
	// Manage puts a secret's rotation into the server's own hands, or gives it back.
	// Its refusals say why that cannot be.
	Manage func(ctx context.Context, c *redoubt.Call, secret, users string) (owner string, err error)
	// Backup streams an encrypted backup to the recipient.
	Backup func(ctx context.Context, recipient string) (io.ReadCloser, int64, error)
	// Verify looks at all data of objects; what KMS keys protect, as far as the caller may
	// use them.
	Verify func(ctx context.Context, c *redoubt.Call, remove bool, progress func(objects.Progress)) (*objects.Report, error)
}

// Service is the room.
type Service struct {
	Deps
	verifying sync.Mutex // held while all data are read: once at a time is load enough
}

// New makes the service.
func New(d Deps) *Service { return &Service{Deps: d} }

// arn is the one resource.
const arn = "arn:aws:redoubt:::installation"

// needs states the operation's action on the installation.
func needs[I any](s *Service, action string) op.Needs[I] {
	return func(context.Context, *redoubt.Call, *I) ([]redoubt.Need, error) {
		return []redoubt.Need{{Action: action, Resource: arn, Account: s.Installation.Account}}, nil
	}
}

// Operations is the contents page.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &redoubtapi.Model, Operations: []op.Operation{
		op.Row(redoubtapi.OpCreateAccount, s.CreateAccount, needs[redoubtapi.CreateAccountInput](s, "redoubt:CreateAccount")).
			Records("AccountId", "Name").Answers("AccountId", "Name", "UserName", "AccessKeyId"),
		op.Row(redoubtapi.OpCreateBackup, s.CreateBackup, needs[redoubtapi.CreateBackupInput](s, "redoubt:CreateBackup")), // the recipient's line is half a secret
		op.Row(redoubtapi.OpDiagnoseRotation, s.DiagnoseRotation, needs[redoubtapi.DiagnoseRotationInput](s, "redoubt:DiagnoseRotation")).Records("SecretId", "Region"),
		op.Row(redoubtapi.OpExplainAccess, s.ExplainAccess, needs[redoubtapi.ExplainAccessInput](s, "redoubt:ExplainAccess")).
			Records("PrincipalArn", "Action", "ResourceArn", "Region"),
		op.Row(redoubtapi.OpGetStatus, s.GetStatus, needs[redoubtapi.GetStatusInput](s, "redoubt:GetStatus")),
		op.Row(redoubtapi.OpListAccounts, s.ListAccounts, needs[redoubtapi.ListAccountsInput](s, "redoubt:ListAccounts")),
		op.Row(redoubtapi.OpManageRotation, s.ManageRotation, needs[redoubtapi.ManageRotationInput](s, "redoubt:ManageRotation")).
			Records("SecretId", "Region", "Users").Answers("SecretArn", "OwningService"),
		op.Row(redoubtapi.OpRotateSeal, s.RotateSeal, needs[redoubtapi.RotateSealInput](s, "redoubt:RotateSeal")).
			Records("RotateRoot", "Kind"),
		op.Row(redoubtapi.OpVerifyBlobs, s.VerifyBlobs, needs[redoubtapi.VerifyBlobsInput](s, "redoubt:VerifyBlobs")).Outside().
			Records("RemoveOrphans"),
	}}
}
