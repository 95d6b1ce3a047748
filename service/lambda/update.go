package lambda

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// UpdateFunctionCode replaces $LATEST's package.
func (s *Service) UpdateFunctionCode(ctx context.Context, c *redoubt.Call, in *api.UpdateFunctionCodeInput) (*api.FunctionConfiguration, error) {
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	r = r.unqualified()
	if err := unsupported(nil, nil, nil, nil, nil, in.PublishTo); err != nil {
		return nil, err
	}
	// What would refuse it anyway is known before a large package is read.
	if err := s.DB.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		f, err := s.changeable(tx, r, in.RevisionId)
		if err != nil {
			return err
		}
		return admit(tx, c, f.Signing)
	}); err != nil {
		return nil, err
	}
	zip, err := s.fetch(ctx, c, source{in.ZipFile, in.S3Bucket, in.S3Key, in.S3ObjectVersion, in.ImageUri})
	if err != nil {
		return nil, err
	}
	code, err := s.accept(ctx, r, zip)
	if err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		out, err = s.replaceCode(ctx, c, r, in, code)
		return err
	})
	return out, err
}

func (s *Service) replaceCode(ctx context.Context, c *redoubt.Call, r ref, in *api.UpdateFunctionCodeInput, code Code) (*api.FunctionConfiguration, error) {
	tx := store.From(ctx)
	f, err := s.changeable(tx, r, in.RevisionId)
	if err != nil {
		return nil, err
	}
	if err := admit(tx, c, f.Signing); err != nil {
		return nil, err
	}
	next := f.Latest
	if value(in.DryRun) {
		// The answer shows what would be; nothing is kept.
		next.Code = code
		next.Update = inProgress
		return s.configuration(ctx, c, f, &next, f.ARN)
	}
	if err := s.use(tx, r.account, r.region, code.ID, 1); err != nil {
		return nil, err
	}
	if err := s.use(tx, r.account, r.region, f.Latest.Code.ID, -1); err != nil {
		return nil, err
	}
	next.Code = code
	if len(in.Architectures) > 0 {
		next.Arch = in.Architectures[0]
	}
	if err := s.fits(tx, r, &next); err != nil {
		return nil, err
	}
	return s.change(ctx, c, r, next, value(in.Publish))
}

// UpdateFunctionConfiguration changes $LATEST's configuration. Members that are
// absent stay as they are.
func (s *Service) UpdateFunctionConfiguration(ctx context.Context, c *redoubt.Call, in *api.UpdateFunctionConfigurationInput) (*api.FunctionConfiguration, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	r = r.unqualified()
	if err := unsupported(in.VpcConfig, in.FileSystemConfigs, nil, in.CapacityProviderConfig, in.DurableConfig, nil); err != nil {
		return nil, err
	}
	if in.ImageConfig != nil {
		return nil, invalid("Container images are not supported by this server. Use a .zip file archive.")
	}
	if b := s.builtinNamed(r.name); b != nil {
		return s.configureBuiltin(ctx, c, r, b, in)
	}
	f, err := s.changeable(tx, r, in.RevisionId)
	if err != nil {
		return nil, err
	}
	next := f.Latest
	if in.Description != nil {
		next.Description = *in.Description
	}
	if in.Handler != nil {
		next.Handler = *in.Handler
	}
	if in.Runtime != nil {
		if err := s.checkRuntime(&next, *in.Runtime); err != nil {
			return nil, err
		}
	}
	if in.Role != nil {
		if err := s.checkRole(tx, c, r, *in.Role); err != nil {
			return nil, err
		}
		next.Role = *in.Role
	}
	ch := change{
		timeout: in.Timeout, memory: in.MemorySize, storage: in.EphemeralStorage, key: in.KMSKeyArn, tracing: in.TracingConfig,
		logging: in.LoggingConfig, snapStart: in.SnapStart, deadLetter: in.DeadLetterConfig, environment: in.Environment,
	}
	if err := ch.apply(&next); err != nil {
		return nil, err
	}
	if err := s.checkDeadLetter(next.DeadLetter); err != nil {
		return nil, err
	}
	if in.Layers != nil {
		if len(in.Layers) > 0 {
			if err := admit(tx, c, f.Signing); err != nil {
				return nil, err
			}
		}
		for _, l := range next.Layers {
			if err := s.useLayerCode(tx, l, -1); err != nil {
				return nil, err
			}
		}
		next.Layers = nil
		if err := s.useLayers(tx, c, &next, in.Layers); err != nil {
			return nil, err
		}
	}
	if err := s.reseal(ctx, c, f, &next, in.Environment); err != nil {
		return nil, err
	}
	return s.change(ctx, c, r, next, false)
}

// reseal encrypts the environment anew where its content, key or role changed.
func (s *Service) reseal(ctx context.Context, c *redoubt.Call, f *Function, next *Version, given *api.Environment) error {
	switch {
	case given != nil && given.Variables != nil:
		return s.sealEnvironment(ctx, c, f, next, given.Variables)
	case next.Environment == nil:
		return nil
	case next.Key != f.Latest.Key:
		vars, err := s.openEnvironment(ctx, asCaller(c), f, &f.Latest)
		if why := keyRefusal(err); why != nil {
			return why
		}
		if err != nil {
			return err
		}
		return s.sealEnvironment(ctx, c, f, next, vars)
	case next.Role != f.Latest.Role:
		env := *next.Environment
		next.Environment = &env
		return s.grantKey(ctx, c, f, next)
	}
	return nil
}

// changeable answers a function that may be changed now.
func (s *Service) changeable(tx *store.Tx, r ref, revision *string) (*Function, error) {
	f, err := s.own(tx, r)
	if err != nil {
		return nil, err
	}
	if revision != nil && *revision != f.Latest.Revision {
		return nil, staleRevision()
	}
	return f, busy(f)
}

// change makes next the function's $LATEST. What ran before goes on running until
// the change has settled.
func (s *Service) change(ctx context.Context, c *redoubt.Call, r ref, next Version, publish bool) (*api.FunctionConfiguration, error) {
	tx := store.From(ctx)
	next.Revision, next.Build, next.Modified, next.Update = newRevision(), newID(), s.Clock.Now(), inProgress
	shown := &next
	f, err := edit(tx, r, func(f *Function) (err error) {
		before := f.Latest
		f.Before, f.Latest = &before, next
		if publish {
			shown, err = s.publish(tx, r, f, next.Description)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if err := s.plan(tx, r, f); err != nil {
		return nil, err
	}
	arn := f.ARN
	if publish {
		arn += ":" + shown.Number
	}
	return s.configuration(ctx, c, f, shown, arn)
}
