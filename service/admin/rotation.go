package admin

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Rotation is what can be told of a secret's rotation.
type Rotation struct{ ARN, State, Cause, Report string }

// DiagnoseRotation says where a secret's rotation stands, what its last runs came
// to, and what most likely keeps it from succeeding. Besides the right to ask, the
// caller needs the right to describe the secret.
func (s *Service) DiagnoseRotation(ctx context.Context, c *redoubt.Call, in *redoubtapi.DiagnoseRotationInput) (*redoubtapi.DiagnoseRotationOutput, error) {
	named := &secretsmanagerapi.DescribeSecretInput{SecretId: in.SecretId}
	as := op.Forward(c, "redoubt")
	if in.Region != nil {
		as.Region = *in.Region
	}
	_, err := op.Invoke(ctx, s.Invoker, as, secretsmanagerapi.OpDescribeSecret, named)
	if errors.Is(err, secretsmanagerapi.ErrResourceNotFoundException) {
		return nil, redoubtapi.ErrNoSuchSecretException.New("There is no secret %s.", *in.SecretId)
	}
	if err != nil {
		return nil, err
	}
	there := *c
	there.Region, there.Partition = as.Region, redoubt.Partition(as.Region)
	d, err := s.Diagnose(ctx, &there, *in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &redoubtapi.DiagnoseRotationOutput{SecretArn: &d.ARN, State: &d.State, Report: &d.Report}
	if d.Cause != "" {
		out.Cause = &d.Cause
	}
	return out, nil
}
