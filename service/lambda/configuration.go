package lambda

import (
	"context"
	"maps"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
)

// configuration shows a version as API answers do. arn is the one that it goes by
// in this answer.
func (s *Service) configuration(ctx context.Context, c *redoubt.Call, f *Function, v *Version, arn string) (*api.FunctionConfiguration, error) {
	out := &api.FunctionConfiguration{
		FunctionName: &f.Name, FunctionArn: &arn,
		Runtime: present(v.Runtime), Handler: present(v.Handler), Role: &v.Role,
		CodeSize: &v.Code.Size, CodeSha256: &v.Code.SHA256,
		Description: &v.Description, Timeout: &v.Timeout, MemorySize: &v.Memory,
		LastModified: new(stamp(v.Modified)), Version: &v.Number,
		KMSKeyArn: present(v.Key), TracingConfig: &api.TracingConfigResponse{Mode: &v.Tracing},
		RevisionId: &v.Revision, PackageType: new(api.PackageTypeZip),
		Architectures: []string{v.Arch}, EphemeralStorage: &api.EphemeralStorage{Size: &v.Storage},
		SnapStart:     &api.SnapStartResponse{ApplyOn: &v.SnapStart, OptimizationStatus: new(api.SnapStartOptimizationStatusOff)},
		LoggingConfig: v.logging(f),
		State:         &v.State.Name, StateReason: present(v.State.Reason), StateReasonCode: present(v.State.Code),
		LastUpdateStatus: present(v.Update.Name), LastUpdateStatusReason: present(v.Update.Reason),
		LastUpdateStatusReasonCode: present(v.Update.Code),
	}
	if v.DeadLetter != "" {
		out.DeadLetterConfig = &api.DeadLetterConfig{TargetArn: &v.DeadLetter}
	}
	for _, l := range v.Layers {
		out.Layers = append(out.Layers, api.Layer{Arn: &l.ARN, CodeSize: &l.Size})
	}
	if v.Runs != "" {
		out.RuntimeVersionConfig = &api.RuntimeVersionConfig{RuntimeVersionArn: new(runtimeARN(c, v.Runs))}
	}
	if len(v.Rules) > 0 {
		out.Environment = &api.EnvironmentResponse{Variables: maps.Clone(v.Rules)}
	}
	if v.Environment != nil {
		env, err := s.shownEnvironment(ctx, c, f, v)
		if err != nil {
			return nil, err
		}
		out.Environment = env
	}
	return out, nil
}

// runtimeARN is the ARN of what runs a function. AWS's end in a hash; here they name
// the interpreter, and say so where it is not of the version that was asked for.
func runtimeARN(c *redoubt.Call, runs string) string {
	return "arn:" + c.Partition + ":lambda:" + c.Region + "::runtime:" + runs
}

// logging shows the logging configuration, its defaults spelled out.
func (v *Version) logging(f *Function) *api.LoggingConfig {
	out := &api.LoggingConfig{LogFormat: &v.Logging.Format, LogGroup: new(v.logGroup(f))}
	if v.Logging.Format == api.LogFormatJson {
		out.ApplicationLogLevel, out.SystemLogLevel = present(v.Logging.Application), present(v.Logging.System)
	}
	return out
}

// logGroup is where the version's logs go.
func (v *Version) logGroup(f *Function) string {
	if v.Logging.Group != "" {
		return v.Logging.Group
	}
	return "/aws/lambda/" + f.Name
}

// shownEnvironment opens the environment for the caller, who needs the right to
// decrypt with the key; without it the answer says so in its place.
func (s *Service) shownEnvironment(ctx context.Context, c *redoubt.Call, f *Function, v *Version) (*api.EnvironmentResponse, error) {
	vars, err := s.openEnvironment(ctx, asCaller(c), f, v)
	if why := keyRefusal(err); why != nil {
		return &api.EnvironmentResponse{Error: &api.EnvironmentError{ErrorCode: &why.Code, Message: &why.Message}}, nil
	}
	if err != nil {
		return nil, err
	}
	return &api.EnvironmentResponse{Variables: maps.Clone(vars)}, nil
}
