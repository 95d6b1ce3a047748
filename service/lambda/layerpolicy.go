package lambda

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// layerVersionOf answers the layer's version that a call names.
func layerVersionOf(ctx context.Context, c *redoubt.Call, name *string, number *int64) (layerRef, *LayerVersion, error) {
	l, err := layerOf(c, name, number)
	if err != nil {
		return l, nil, err
	}
	v, err := l.get(store.From(ctx))
	if errors.Is(err, store.ErrNotFound) {
		err = notFound("Layer version %s does not exist.", l.arn())
	}
	return l, v, err
}

func staleLayerPolicy() error {
	return user(api.ErrPreconditionFailedException.New("The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"))
}

// AddLayerVersionPermission lets accounts use a layer's version.
func (s *Service) AddLayerVersionPermission(ctx context.Context, c *redoubt.Call, in *api.AddLayerVersionPermissionInput) (*api.AddLayerVersionPermissionOutput, error) {
	tx := store.From(ctx)
	l, v, err := layerVersionOf(ctx, c, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != v.Revision {
		return nil, staleLayerPolicy()
	}
	who := value(in.Principal)
	if rest, ok := strings.CutSuffix(who, ":root"); ok {
		who = rest[strings.LastIndexByte(rest, ':')+1:]
	}
	switch {
	case value(in.OrganizationId) != "" && who != "*":
		return nil, invalid("OrganizationId can only be specified when the principal is *.")
	case who != "*" && !identity.IsAccountID(who):
		return nil, badPrincipal()
	}
	st := Statement{Sid: value(in.StatementId), Effect: "Allow", Principal: grantee(who), Action: value(in.Action), Resource: l.arn()}
	if o := value(in.OrganizationId); o != "" {
		st.Condition = map[string]map[string]string{"StringEquals": {"aws:PrincipalOrgID": o}}
	}
	if slices.ContainsFunc(v.Statements, func(x Statement) bool { return x.Sid == st.Sid }) {
		return nil, conflict("The statement id (%s) provided already exists. Please provide a new statement id, or remove the existing statement.", st.Sid)
	}
	v, err = layerVersions.In(l.account, l.region).Edit(tx, l.id(), func(v *LayerVersion) error {
		v.Statements, v.Revision = append(v.Statements, st), newRevision()
		if n := len(document(v.Statements)); n > maxPolicy {
			return user(api.ErrPolicyLengthExceededException.New("The final policy size (%d) is bigger than the limit (%d).", n, maxPolicy))
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	text, err := json.Marshal(st)
	return &api.AddLayerVersionPermissionOutput{Statement: new(string(text)), RevisionId: &v.Revision}, err
}

// RemoveLayerVersionPermission removes a statement.
func (s *Service) RemoveLayerVersionPermission(ctx context.Context, c *redoubt.Call, in *api.RemoveLayerVersionPermissionInput) (*api.RemoveLayerVersionPermissionOutput, error) {
	l, v, err := layerVersionOf(ctx, c, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	if in.RevisionId != nil && *in.RevisionId != v.Revision {
		return nil, staleLayerPolicy()
	}
	_, err = layerVersions.In(l.account, l.region).Edit(store.From(ctx), l.id(), func(v *LayerVersion) error {
		n := len(v.Statements)
		v.Statements = slices.DeleteFunc(v.Statements, func(st Statement) bool { return st.Sid == value(in.StatementId) })
		if len(v.Statements) == n {
			return notFound("Statement %s is not found in resource policy.", value(in.StatementId))
		}
		v.Revision = newRevision()
		return nil
	})
	return nil, err
}

// GetLayerVersionPolicy shows who may use a layer's version.
func (s *Service) GetLayerVersionPolicy(ctx context.Context, c *redoubt.Call, in *api.GetLayerVersionPolicyInput) (*api.GetLayerVersionPolicyOutput, error) {
	_, v, err := layerVersionOf(ctx, c, in.LayerName, in.VersionNumber)
	if err != nil {
		return nil, err
	}
	if len(v.Statements) == 0 {
		return nil, notFound("No policy is associated with the given resource.")
	}
	return &api.GetLayerVersionPolicyOutput{Policy: new(document(v.Statements)), RevisionId: &v.Revision}, nil
}
