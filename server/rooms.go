package server

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/engine/identity/oidc"
	"github.com/redoubt-sec/redoubt/engine/rotate"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/service/admin"
	"github.com/redoubt-sec/redoubt/service/cloudhsmv2"
	"github.com/redoubt-sec/redoubt/service/cloudtrail"
	"github.com/redoubt-sec/redoubt/service/iam"
	"github.com/redoubt-sec/redoubt/service/kms"
	"github.com/redoubt-sec/redoubt/service/lambda"
	"github.com/redoubt-sec/redoubt/service/logs"
	"github.com/redoubt-sec/redoubt/service/s3"
	"github.com/redoubt-sec/redoubt/service/secretsmanager"
	"github.com/redoubt-sec/redoubt/service/ssm"
	"github.com/redoubt-sec/redoubt/service/sts"
)

// rooms are the services.
type rooms struct {
	admin    *admin.Service
	cloudhsm *cloudhsmv2.Service
	trails   *cloudtrail.Service
	iam      *iam.Service
	kms      *kms.Service
	logs     *logs.Service
	lambda   *lambda.Service
	s3       *s3.Service
	ssm      *ssm.Service
	secrets  *secretsmanager.Service
	sts      *sts.Service
}

// services lists the rooms for the door: a new one is a line here and one in
// openRooms. Rooms that were not opened list their operations too.
func (s *Server) services() []op.Service {
	r := &s.rooms
	return []op.Service{
		or(r.admin).Operations(),
		or(r.cloudhsm).Operations(),
		or(r.trails).Operations(),
		or(r.iam).Operations(),
		or(r.kms).Operations(),
		or(r.logs).Operations(),
		or(r.lambda).Operations(),
		or(r.s3).Operations(),
		or(r.s3).Control(),
		or(r.ssm).Operations(),
		or(r.secrets).Operations(),
		or(r.sts).Operations(),
	}
}

// or answers p, or an empty value to list the operations of.
func or[T any](p *T) *T {
	if p == nil {
		return new(T)
	}
	return p
}

// openRooms makes the services and furnishes the door with them.
func (s *Server) openRooms(ctx context.Context) error {
	providers := oidc.NewProviders(s.egress)
	s.rooms.iam = iam.New(iam.Deps{Identity: s.identity, Clock: s.clock, Thumbprints: providers, Services: all.Services()})
	s.rooms.sts = sts.New(sts.Deps{Identity: s.identity, Clock: s.clock, Providers: providers})
	s.rooms.kms = kms.New(kms.Deps{
		DB: s.db, Keyring: s.keyring, Schedule: s.schedule, Clock: s.clock, Principals: s.identity, Events: s.trail,
		KeyStores: s.keyStores.backends(), RotateKeyStorePasswords: s.conf.rotatesPasswords(),
	})
	s.rooms.logs = logs.New(logs.Deps{Logs: s.logs, Clock: s.clock})
	s.rooms.ssm = ssm.New(ssm.Deps{
		DB: s.db, Keyring: s.keyring, Schedule: s.schedule, Events: s.outbox, Clock: s.clock, Invoker: s.door, Principals: s.identity,
		Quotas: ssm.Quotas{Standard: s.conf.Limits[standardParameters], Advanced: s.conf.Limits[advancedParameters]},
	})
	s.rooms.s3 = s3.New(s3.Deps{
		DB: s.db, Keyring: s.keyring, Schedule: s.schedule, Clock: s.clock, Principals: s.identity,
		Objects: s.objects, Invoker: s.door, Outbox: s.outbox, Log: s.log,
	})
	s.rooms.cloudhsm = cloudhsmv2.New(cloudhsmv2.Deps{HSM: s.keyStores.hsm})
	s.rooms.trails = cloudtrail.New(cloudtrail.Deps{
		DB: s.db, Trail: s.trail, MAC: s.keyring, Seal: s.keyring, Schedule: s.schedule, Clock: s.clock, Invoker: s.door,
	})
	s.rooms.secrets = secretsmanager.New(secretsmanager.Deps{
		DB: s.db, Identity: s.identity, Keyring: s.keyring, Schedule: s.schedule, Clock: s.clock, Invoker: s.door,
		Rotators: rotate.New(rotate.Options{Gate: s.egress}),
	})
	s.rooms.admin = admin.New(admin.Deps{
		DB: s.db, Identity: s.identity, Keyring: s.keyring, Clock: s.clock,
		Explainer: s.door, Invoker: s.door,
		Installation: admin.Installation{
			ID: s.dir.state.Installation, Account: s.dir.state.Account, Version: s.version, Mode: s.dir.state.Mode,
			Store: storeName(s.conf.Store), Started: s.started,
		},
		Problems: s.problems, Services: s.status, NewSeal: s.sealFrom, Backup: s.backup,
		Diagnose: s.diagnose, Manage: s.rooms.secrets.Manage, Verify: s.verify,
	})
	s.rooms.lambda = lambda.New(lambda.Deps{
		DB: s.db, Keyring: s.keyring, Identity: s.identity, Schedule: s.schedule, Outbox: s.outbox, Clock: s.clock, Invoker: s.door,
		Log: s.log, Engine: s.functions, Builtins: s.rooms.secrets.Builtins(),
	})
	s.run(ctx, "kms", s.rooms.kms.Run)
	s.run(ctx, "lambda", s.rooms.lambda.Run)
	s.run(ctx, "schedule", s.schedule.Run)
	for _, room := range s.services() {
		s.door.Add(room)
	}
	return nil
}

// diagnose looks at a secret's rotation for the admin room.
func (s *Server) diagnose(ctx context.Context, c *redoubt.Call, secret string) (*admin.Rotation, error) {
	d, err := s.rooms.secrets.Diagnose(ctx, c, secret)
	if err != nil {
		return nil, err
	}
	return &admin.Rotation{ARN: d.ARN, State: d.State, Cause: d.Cause, Report: d.Report}, nil
}
