package ssm

import (
	"context"
	"encoding/json"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/op"
)

// source is a secret as SourceResult shows it. Source: Systems Manager User Guide,
// "Referencing AWS Secrets Manager secrets from Parameter Store parameters".
type source struct {
	ARN           string   `json:"ARN"`
	Name          string   `json:"name"`
	VersionID     string   `json:"versionId,omitempty"`
	SecretString  *string  `json:"secretString,omitempty"`
	SecretBinary  []byte   `json:"secretBinary,omitempty"`
	VersionStages []string `json:"versionStages,omitempty"`
	CreatedDate   int64    `json:"createdDate"` // milliseconds
}

// secret answers a secret of Secrets Manager, fetched as the caller, as if it were
// a parameter. A selector names a version by id or stage.
func (s *Service) secret(ctx context.Context, c *redoubt.Call, n *named, decrypt bool) (*ssmapi.Parameter, error) {
	if n.misplace != nil {
		return nil, n.misplace
	}
	if n.account != c.Account {
		return nil, notFound()
	}
	if !decrypt {
		return nil, invalid("WithDecryption flag must be True for retrieving a Secret Manager secret.")
	}
	in := &secretsmanagerapi.GetSecretValueInput{SecretId: &n.secret}
	switch {
	case n.picked && isVersionID(n.selector):
		in.VersionId = &n.selector
	case n.picked:
		in.VersionStage = &n.selector
	}
	got, err := op.Invoke(ctx, s.invoker, op.Forward(c, "ssm"), secretsmanagerapi.OpGetSecretValue, in)
	if err != nil {
		var e *redoubt.Error
		if errors.As(err, &e) && e.Is(secretsmanagerapi.ErrResourceNotFoundException) {
			return nil, ssmapi.ErrParameterNotFound.New("An error occurred (ParameterNotFound) when referencing Secrets Manager: Secret %s not found.", n.name)
		}
		return nil, err
	}
	src := source{
		ARN: value(got.ARN), Name: value(got.Name), VersionID: value(got.VersionId), SecretString: got.SecretString,
		SecretBinary: got.SecretBinary, VersionStages: got.VersionStages, CreatedDate: value(got.CreatedDate).UnixMilli(),
	}
	raw, err := json.Marshal(src)
	if err != nil {
		return nil, internal(err)
	}
	text := got.SecretString
	if text == nil {
		text = new(string(got.SecretBinary))
	}
	out := &ssmapi.Parameter{
		Name: &n.name, Type: new(ssmapi.ParameterTypeSecureString), Value: text, Version: new(int64(0)), SourceResult: new(string(raw)),
		LastModifiedDate: got.CreatedDate, ARN: new(n.arn(c)), DataType: new("text"),
	}
	if n.picked {
		out.Selector = new(":" + n.selector)
	}
	return out, nil
}

// isVersionID tells ids of versions from stages: they are ClientRequestTokens, of
// 32 to 64 characters, and mostly UUIDs.
func isVersionID(s string) bool { return len(s) >= 32 && len(s) <= 64 }
