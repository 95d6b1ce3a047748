package lambda

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateFunction makes a function. Its package is stored first, in transactions of
// its own; the function itself in one.
func (s *Service) CreateFunction(ctx context.Context, c *redoubt.Call, in *api.CreateFunctionInput) (*api.FunctionConfiguration, error) {
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if r.account != c.Account {
		return nil, accessDenied("Cross-account function creation is not allowed.")
	}
	if len(r.name) > maxName {
		// The framework's words, with a code of the service's own.
		return nil, invalid("1 validation error detected: Value '%s' at 'functionName' failed to satisfy constraint: Member must have length less than or equal to %d", r.name, maxName)
	}
	if r.qualifier != "" || s.isInside(r) {
		return nil, isBuiltinOrQualified(r)
	}
	v, err := newVersion(in)
	if err != nil {
		return nil, err
	}
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	if err := s.checkRuntime(v, v.Runtime); err != nil {
		return nil, err
	}
	// What would refuse it anyway is known before a large package is read.
	if err := s.DB.Run(ctx, func(ctx context.Context) error { return s.creatable(store.From(ctx), c, r, v, in.CodeSigningConfigArn) }); err != nil {
		return nil, err
	}
	zip, err := s.fetch(ctx, c, source{in.Code.ZipFile, in.Code.S3Bucket, in.Code.S3Key, in.Code.S3ObjectVersion, in.Code.ImageUri})
	if err != nil {
		return nil, err
	}
	if v.Code, err = s.accept(ctx, r, zip); err != nil {
		return nil, err
	}
	var out *api.FunctionConfiguration
	err = s.DB.Run(ctx, func(ctx context.Context) error {
		out, err = s.create(ctx, c, r, *v, in)
		return err
	})
	return out, err
}

// create is CreateFunction's own transaction.
func (s *Service) create(ctx context.Context, c *redoubt.Call, r ref, v Version, in *api.CreateFunctionInput) (*api.FunctionConfiguration, error) {
	tx := store.From(ctx)
	if err := s.creatable(tx, c, r, &v, in.CodeSigningConfigArn); err != nil {
		return nil, err
	}
	f := &Function{ID: newID(), Name: r.name, ARN: r.function(), Signing: value(in.CodeSigningConfigArn), Tags: in.Tags}
	if err := s.useLayers(tx, c, &v, in.Layers); err != nil {
		return nil, err
	}
	if err := s.use(tx, r.account, r.region, v.Code.ID, 1); err != nil {
		return nil, err
	}
	v.Revision, v.Build, v.Modified, v.State = newRevision(), newID(), s.Clock.Now(), pending
	if in.Environment != nil && in.Environment.Variables != nil {
		if err := s.sealEnvironment(ctx, c, f, &v, in.Environment.Variables); err != nil {
			return nil, err
		}
	}
	f.Latest = v
	shown := &f.Latest
	if value(in.Publish) {
		var err error
		if shown, err = s.publish(tx, r, f, v.Description); err != nil {
			return nil, err
		}
	}
	if err := functionTable.In(r.account, r.region).Put(tx, r.name, f); err != nil {
		return nil, err
	}
	if err := s.plan(tx, r, f); err != nil {
		return nil, err
	}
	// With Publish the answer shows the version, yet under the function's ARN.
	return s.configuration(ctx, c, f, shown, f.ARN)
}

// creatable refuses a function of a name that is taken, with a role that Lambda
// cannot assume, with a dead letter target that is none, or whose package has to be
// signed.
func (s *Service) creatable(tx *store.Tx, c *redoubt.Call, r ref, v *Version, signing *string) error {
	has, err := functionTable.In(r.account, r.region).Has(tx, r.name)
	if err != nil {
		return err
	}
	if has {
		return conflict("Function already exist: %s", r.name)
	}
	if err := s.checkRole(tx, c, r, v.Role); err != nil {
		return err
	}
	if err := s.checkDeadLetter(v.DeadLetter); err != nil {
		return err
	}
	return admit(tx, c, value(signing))
}

// newVersion reads the configuration of a new function, defaults spelled out.
func newVersion(in *api.CreateFunctionInput) (*Version, error) {
	v := &Version{
		Number: latest, Description: value(in.Description), Runtime: value(in.Runtime), Handler: value(in.Handler),
		Role: value(in.Role), Timeout: 3, Memory: 128, Storage: 512, Arch: api.ArchitectureX8664,
		Tracing: api.TracingModePassThrough, SnapStart: api.SnapStartApplyOnNone, Logging: Logging{Format: api.LogFormatText},
	}
	if value(in.PackageType) == api.PackageTypeImage || in.Code.ImageUri != nil || in.ImageConfig != nil {
		return nil, invalid("Container images are not supported by this server. Use a .zip file archive.")
	}
	if v.Runtime == "" || v.Handler == "" {
		return nil, invalid("Runtime and Handler are mandatory parameters for functions created with deployment packages.")
	}
	if len(in.Architectures) > 0 {
		v.Arch = in.Architectures[0]
	}
	c := change{
		timeout: in.Timeout, memory: in.MemorySize, storage: in.EphemeralStorage, key: in.KMSKeyArn, tracing: in.TracingConfig,
		logging: in.LoggingConfig, snapStart: in.SnapStart, deadLetter: in.DeadLetterConfig, environment: in.Environment,
	}
	if err := unsupported(in.VpcConfig, in.FileSystemConfigs, in.TenancyConfig, in.CapacityProviderConfig, in.DurableConfig, in.PublishTo); err != nil {
		return nil, err
	}
	return v, c.apply(v)
}

// unsupported refuses what the server cannot do rather than leave it out quietly.
func unsupported(vpc *api.VpcConfig, files []api.FileSystemConfig, tenancy *api.TenancyConfig, capacity *api.CapacityProviderConfig, durable *api.DurableConfig, publishTo *string) error {
	what := ""
	switch {
	case vpc != nil && len(vpc.SubnetIds)+len(vpc.SecurityGroupIds) > 0:
		what = "VpcConfig"
	case len(files) > 0:
		what = "FileSystemConfigs"
	case tenancy != nil:
		what = "TenancyConfig"
	case capacity != nil:
		what = "CapacityProviderConfig"
	case durable != nil:
		what = "DurableConfig"
	case publishTo != nil:
		what = "PublishTo"
	default:
		return nil
	}
	return invalid("%s is not supported by this server.", what)
}

// checkRole holds a role against what Lambda demands of execution roles.
func (s *Service) checkRole(tx *store.Tx, c *redoubt.Call, r ref, role string) error {
	a, err := redoubt.ParseARN(role)
	if err != nil {
		return notAssumable()
	}
	if a.Account != r.account {
		return accessDenied("Cross-account pass role is not allowed.")
	}
	ok, err := s.Identity.Trusts(tx, role, principal, r.region, redoubt.Via{SourceARN: r.function(), SourceAccount: r.account})
	if err != nil {
		return err
	}
	if !ok {
		return notAssumable()
	}
	return nil
}
