package lambda

import (
	"context"
	"errors"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Signing is a code signing configuration: whose signatures the packages of a
// function need. No signing profile exists on this server, so that no package has a
// signature which could be verified: a configuration that enforces lets none in.
type Signing struct {
	ID          string // "csc-" and 17 letters or digits
	Description string
	Publishers  []string // ARNs of versions of signing profiles
	Policy      string   // Warn or Enforce
	Modified    time.Time
	Tags        map[string]string `json:",omitempty"`
}

var signings = store.RegionalTable[Signing]("lambda.signing") // by ID

// signingKind is how ARNs of code signing configurations go on.
const signingKind = "code-signing-config:"

func newSigningID() string { return "csc-0" + newID()[:16] }

// signingRef is where a code signing configuration lies, of an ARN that the model's
// pattern has admitted.
func signingRef(arn string) (account, region, id string, err error) {
	a, err := redoubt.ParseARN(arn)
	if err != nil {
		return "", "", "", err
	}
	id, ok := strings.CutPrefix(a.Resource, signingKind)
	if !ok || a.Service != "lambda" {
		return "", "", "", errors.New("lambda: no code signing configuration: " + arn)
	}
	return a.Account, a.Region, id, nil
}

// signing answers a configuration of the call's Region, or store.ErrNotFound.
func signing(tx *store.Tx, c *redoubt.Call, arn string) (*Signing, error) {
	account, region, id, err := signingRef(arn)
	if err != nil || region != c.Region {
		return nil, store.ErrNotFound
	}
	return signings.In(account, region).Get(tx, id)
}

// noSigning is AWS's answer of operations on configurations; it does not say whose
// doing it is.
func noSigning(arn string) error {
	return api.ErrResourceNotFoundException.New("The Lambda code signing configuration %s can not be found.", arn)
}

// unknownSigning is what functions that are to get one answer.
func unknownSigning(arn string) error {
	return user(api.ErrCodeSigningConfigNotFoundException.New("The code signing configuration cannot be found. Check that the provided configuration is not deleted: %s.", arn))
}

func (s *Signing) shown(c *redoubt.Call) *api.CodeSigningConfig {
	return &api.CodeSigningConfig{
		CodeSigningConfigId: &s.ID, CodeSigningConfigArn: new(c.ARN(signingKind + s.ID)), Description: &s.Description,
		AllowedPublishers:   &api.AllowedPublishers{SigningProfileVersionArns: s.Publishers},
		CodeSigningPolicies: &api.CodeSigningPolicies{UntrustedArtifactOnDeployment: &s.Policy},
		LastModified:        new(stamp(s.Modified)),
	}
}

// onSigning states the operation's right on a code signing configuration.
func onSigning[I any](of func(*I) *string) op.Needs[I] {
	return func(ctx context.Context, c *redoubt.Call, in *I) ([]redoubt.Need, error) {
		n, err := signingNeed(ctx, c, value(of(in)))
		return []redoubt.Need{n}, err
	}
}

func signingNeed(ctx context.Context, c *redoubt.Call, arn string) (redoubt.Need, error) {
	n := redoubt.Need{Action: "lambda:" + c.Operation, Resource: arn}
	account, region, id, err := signingRef(arn)
	if err != nil {
		return n, nil
	}
	n.Account = account
	g, err := signings.In(account, region).Get(store.From(ctx), id)
	if errors.Is(err, store.ErrNotFound) {
		return n, nil
	}
	if err != nil {
		return n, err
	}
	n.Tags = g.Tags
	return n, nil
}

func (s *Service) createSigningNeeds(_ context.Context, c *redoubt.Call, in *api.CreateCodeSigningConfigInput) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "lambda:CreateCodeSigningConfig", Resource: "*", Conditions: tagConditions(in.Tags)}}, nil
}

// putSigningNeeds: on the function and on the configuration.
func (s *Service) putSigningNeeds(ctx context.Context, c *redoubt.Call, in *api.PutFunctionCodeSigningConfigInput) ([]redoubt.Need, error) {
	n, err := s.versionNeed(ctx, c, in.FunctionName, nil, "lambda:PutFunctionCodeSigningConfig", map[string][]string{"lambda:CodeSigningConfigArn": {value(in.CodeSigningConfigArn)}})
	if err != nil {
		return nil, err
	}
	g, err := signingNeed(ctx, c, value(in.CodeSigningConfigArn))
	g.Conditions = n.Conditions
	return []redoubt.Need{n, g}, err
}

// CreateCodeSigningConfig makes a configuration.
func (s *Service) CreateCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.CreateCodeSigningConfigInput) (*api.CreateCodeSigningConfigOutput, error) {
	if err := checkTags(in.Tags); err != nil {
		return nil, err
	}
	g := &Signing{
		ID: newSigningID(), Description: value(in.Description), Publishers: in.AllowedPublishers.SigningProfileVersionArns,
		Policy: api.CodeSigningPolicyWarn, Modified: s.Clock.Now(), Tags: in.Tags,
	}
	if p := in.CodeSigningPolicies; p != nil && p.UntrustedArtifactOnDeployment != nil {
		g.Policy = *p.UntrustedArtifactOnDeployment
	}
	return &api.CreateCodeSigningConfigOutput{CodeSigningConfig: g.shown(c)}, signings.In(c.Account, c.Region).Put(store.From(ctx), g.ID, g)
}

// UpdateCodeSigningConfig changes a configuration; what is absent stays.
func (s *Service) UpdateCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.UpdateCodeSigningConfigInput) (*api.UpdateCodeSigningConfigOutput, error) {
	tx, arn := store.From(ctx), value(in.CodeSigningConfigArn)
	_, err := signing(tx, c, arn)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSigning(arn)
	}
	if err != nil {
		return nil, err
	}
	account, region, id, err := signingRef(arn)
	if err != nil {
		return nil, err
	}
	g, err := signings.In(account, region).Edit(tx, id, func(g *Signing) error {
		if in.Description != nil {
			g.Description = *in.Description
		}
		if in.AllowedPublishers != nil {
			g.Publishers = in.AllowedPublishers.SigningProfileVersionArns
		}
		if p := in.CodeSigningPolicies; p != nil && p.UntrustedArtifactOnDeployment != nil {
			g.Policy = *p.UntrustedArtifactOnDeployment
		}
		g.Modified = s.Clock.Now()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return &api.UpdateCodeSigningConfigOutput{CodeSigningConfig: g.shown(c)}, nil
}

// GetCodeSigningConfig shows a configuration.
func (s *Service) GetCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.GetCodeSigningConfigInput) (*api.GetCodeSigningConfigOutput, error) {
	g, err := signing(store.From(ctx), c, value(in.CodeSigningConfigArn))
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSigning(value(in.CodeSigningConfigArn))
	}
	if err != nil {
		return nil, err
	}
	return &api.GetCodeSigningConfigOutput{CodeSigningConfig: g.shown(c)}, nil
}

// DeleteCodeSigningConfig deletes a configuration that no function uses.
func (s *Service) DeleteCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.DeleteCodeSigningConfigInput) (*api.DeleteCodeSigningConfigOutput, error) {
	tx, arn := store.From(ctx), value(in.CodeSigningConfigArn)
	g, err := signing(tx, c, arn)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSigning(arn)
	}
	if err != nil {
		return nil, err
	}
	for row, err := range functionTable.In(c.Account, c.Region).Scan(tx, store.Query{}) {
		if err != nil {
			return nil, err
		}
		if row.Value.Signing == arn {
			return nil, conflict("The code signing configuration %s is in use by functions.", arn)
		}
	}
	return nil, signings.In(c.Account, c.Region).Delete(tx, g.ID)
}

// ListCodeSigningConfigs shows the account's configurations.
func (s *Service) ListCodeSigningConfigs(ctx context.Context, c *redoubt.Call, in *api.ListCodeSigningConfigsInput) (*api.ListCodeSigningConfigsOutput, error) {
	p, err := s.page(c, in.Marker, in.MaxItems, 50)
	if err != nil {
		return nil, err
	}
	out, at := &api.ListCodeSigningConfigsOutput{CodeSigningConfigs: []api.CodeSigningConfig{}}, p.after
	for row, err := range signings.In(c.Account, c.Region).Scan(store.From(ctx), store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		if len(out.CodeSigningConfigs) == p.limit {
			out.NextMarker, err = s.marker(c, at)
			return out, err
		}
		out.CodeSigningConfigs, at = append(out.CodeSigningConfigs, *row.Value.shown(c)), row.ID
	}
	return out, nil
}

// ListFunctionsByCodeSigningConfig shows which functions use a configuration.
func (s *Service) ListFunctionsByCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.ListFunctionsByCodeSigningConfigInput) (*api.ListFunctionsByCodeSigningConfigOutput, error) {
	tx, arn := store.From(ctx), value(in.CodeSigningConfigArn)
	if _, err := signing(tx, c, arn); errors.Is(err, store.ErrNotFound) {
		return nil, noSigning(arn)
	} else if err != nil {
		return nil, err
	}
	p, err := s.page(c, in.Marker, in.MaxItems, 50, arn)
	if err != nil {
		return nil, err
	}
	out, at := &api.ListFunctionsByCodeSigningConfigOutput{FunctionArns: []string{}}, p.after
	for row, err := range functionTable.In(c.Account, c.Region).Scan(tx, store.Query{After: p.after}) {
		if err != nil {
			return nil, err
		}
		if row.Value.Signing != arn {
			continue
		}
		if len(out.FunctionArns) == p.limit {
			out.NextMarker, err = s.marker(c, at, arn)
			return out, err
		}
		out.FunctionArns, at = append(out.FunctionArns, row.Value.ARN), row.ID
	}
	return out, nil
}

// PutFunctionCodeSigningConfig puts a function under a configuration: its packages
// from now on, not the one that it has.
func (s *Service) PutFunctionCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.PutFunctionCodeSigningConfigInput) (*api.PutFunctionCodeSigningConfigOutput, error) {
	tx, arn := store.From(ctx), value(in.CodeSigningConfigArn)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if _, err := signing(tx, c, arn); errors.Is(err, store.ErrNotFound) {
		return nil, unknownSigning(arn)
	} else if err != nil {
		return nil, err
	}
	if _, err := s.own(tx, r); err != nil {
		return nil, err
	}
	f, err := edit(tx, r, func(f *Function) error { f.Signing = arn; return nil })
	if err != nil {
		return nil, err
	}
	return &api.PutFunctionCodeSigningConfigOutput{CodeSigningConfigArn: &arn, FunctionName: &f.Name}, nil
}

// GetFunctionCodeSigningConfig shows under which configuration a function is;
// nothing where it is under none.
func (s *Service) GetFunctionCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.GetFunctionCodeSigningConfigInput) (*api.GetFunctionCodeSigningConfigOutput, error) {
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	f, err := s.load(store.From(ctx), r)
	if err != nil || f.Signing == "" {
		return &api.GetFunctionCodeSigningConfigOutput{}, err
	}
	return &api.GetFunctionCodeSigningConfigOutput{CodeSigningConfigArn: &f.Signing, FunctionName: &f.Name}, nil
}

// DeleteFunctionCodeSigningConfig takes a function out of its configuration.
func (s *Service) DeleteFunctionCodeSigningConfig(ctx context.Context, c *redoubt.Call, in *api.DeleteFunctionCodeSigningConfigInput) (*api.DeleteFunctionCodeSigningConfigOutput, error) {
	tx := store.From(ctx)
	r, err := parseRef(c, value(in.FunctionName), nil)
	if err != nil {
		return nil, err
	}
	if _, err := s.own(tx, r); err != nil {
		return nil, err
	}
	_, err = edit(tx, r, func(f *Function) error { f.Signing = ""; return nil })
	return nil, err
}

// admit holds a package that is to be deployed against a function's code signing
// configuration.
func admit(tx *store.Tx, c *redoubt.Call, arn string) error {
	if arn == "" {
		return nil
	}
	g, err := signing(tx, c, arn)
	if errors.Is(err, store.ErrNotFound) {
		return unknownSigning(arn)
	}
	if err != nil {
		return err
	}
	if g.Policy == api.CodeSigningPolicyEnforce {
		return user(api.ErrCodeVerificationFailedException.New("The code signature failed one or more of the validation checks for signature mismatch or expiry, and the code signing policy is set to ENFORCE. Lambda blocks the deployment."))
	}
	return nil
}
