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
	there, _, err := s.described(ctx, c, in.SecretId, in.Region)
	if err != nil {
		return nil, err
	}
	d, err := s.Diagnose(ctx, there, *in.SecretId)
	if err != nil {
		return nil, err
	}
	out := &redoubtapi.DiagnoseRotationOutput{SecretArn: &d.ARN, State: &d.State, Report: &d.Report}
	if d.Cause != "" {
		out.Cause = &d.Cause
	}
	return out, nil
}

// ManageRotation makes a secret one that this server rotates by itself, for one user
// or for two that take turns, or ends that. RotateSecret then takes no function, as
// for secrets that a service of AWS manages. Besides the right to ask, the caller
// needs the rights to describe the secret and to read its value, which says what
// kind of database it is for.
func (s *Service) ManageRotation(ctx context.Context, c *redoubt.Call, in *redoubtapi.ManageRotationInput) (*redoubtapi.ManageRotationOutput, error) {
	there, arn, err := s.described(ctx, c, in.SecretId, in.Region)
	if err != nil {
		return nil, err
	}
	as := op.Forward(c, "redoubt")
	as.Region = there.Region
	if _, err := op.Invoke(ctx, s.Invoker, as, secretsmanagerapi.OpGetSecretValue, &secretsmanagerapi.GetSecretValueInput{SecretId: in.SecretId}); err != nil {
		return nil, unmanageable(err)
	}
	owner, err := s.Manage(ctx, there, *in.SecretId, *in.Users)
	if err != nil {
		return nil, unmanageable(err)
	}
	out := &redoubtapi.ManageRotationOutput{SecretArn: arn}
	if owner != "" {
		out.OwningService = &owner
	}
	return out, nil
}

// unmanageable words what Secrets Manager refuses.
func unmanageable(err error) error {
	var refusal *redoubt.Error
	if !errors.As(err, &refusal) || refusal.Fault || refusal.Code == string(redoubt.ErrAccessDenied) {
		return err
	}
	return redoubtapi.ErrUnmanageableSecretException.New("%s", refusal.Message)
}

// described answers the call as one in the Region of the secret that is named, and
// its ARN, if the caller may describe the secret.
func (s *Service) described(ctx context.Context, c *redoubt.Call, id, region *string) (there *redoubt.Call, arn *string, err error) {
	as := op.Forward(c, "redoubt")
	if region != nil {
		as.Region = *region
	}
	out, err := op.Invoke(ctx, s.Invoker, as, secretsmanagerapi.OpDescribeSecret, &secretsmanagerapi.DescribeSecretInput{SecretId: id})
	if errors.Is(err, secretsmanagerapi.ErrResourceNotFoundException) {
		return nil, nil, redoubtapi.ErrNoSuchSecretException.New("There is no secret %s.", *id)
	}
	if err != nil {
		return nil, nil, err
	}
	in := *c
	in.Region, in.Partition = as.Region, redoubt.Partition(as.Region)
	return &in, out.ARN, nil
}
