package iam

import (
	"context"
	"net/url"
	"regexp"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

var thumbprintForm = regexp.MustCompile(`^[0-9a-fA-F]{40}$`)

// providerURL answers a provider's address without its scheme, as ARNs have it.
func providerURL(s string) (rest, host string, err error) {
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "https" || u.Host == "" || u.RawQuery != "" || u.Fragment != "" || u.User != nil {
		return "", "", validation("Invalid Open ID Connect Provider URL")
	}
	return strings.TrimSuffix(strings.TrimPrefix(s, "https://"), "/"), u.Host, nil
}

func checkThumbprints(list []string) error {
	if len(list) > identity.MaxThumbprints {
		return iamapi.ErrInvalidInputException.New("Thumbprint list must contain fewer than %d entries.", identity.MaxThumbprints)
	}
	for _, t := range list {
		if !thumbprintForm.MatchString(t) {
			return iamapi.ErrInvalidInputException.New("Thumbprint %s is not valid.", t)
		}
	}
	return nil
}

// CreateOpenIDConnectProvider implements iam:CreateOpenIDConnectProvider.
func (s *Service) CreateOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.CreateOpenIDConnectProviderInput) (*iamapi.CreateOpenIDConnectProviderOutput, error) {
	rest, host, err := providerURL(*in.Url)
	if err != nil {
		return nil, err
	}
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	if len(in.ClientIDList) > identity.MaxClientIDs {
		return nil, fail(&identity.Limit{Quota: "ClientIdsPerOpenIdConnectProvider", Max: identity.MaxClientIDs})
	}
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	prints := in.ThumbprintList
	if len(prints) == 0 {
		// AWS looks the certificate up itself when none is given.
		if s.thumbprints == nil {
			return nil, iamapi.ErrOpenIdIdpCommunicationErrorException.New("Please provide ThumbprintList.")
		}
		t, err := s.thumbprints.Thumbprint(ctx, host)
		if err != nil {
			e := iamapi.ErrOpenIdIdpCommunicationErrorException.New("Please check the provider URL: %s", *in.Url)
			e.Cause = err
			return nil, e
		}
		prints = []string{t}
	}
	p, err := s.ids.CreateOIDCProvider(store.From(ctx), c.Account, identity.OIDCProvider{
		URL: rest, ClientIDs: unique(in.ClientIDList), Thumbprints: prints, Tags: tags,
	})
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateOpenIDConnectProviderOutput{OpenIDConnectProviderArn: new(p.ARN(c.Account)), Tags: in.Tags}, nil
}

// unique answers a list without repetitions, never nil.
func unique(list []string) []string {
	out := []string{}
	for _, v := range list {
		if !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

// newProvider is the provider that a request is about to make.
func newProvider(_ *store.Tx, c *redoubt.Call, in any) (subject, error) {
	rest, _, err := providerURL(str(text(in, "Url")))
	if err != nil {
		return subject{}, err
	}
	return subject{arn: (&identity.OIDCProvider{URL: rest}).ARN(c.Account)}, nil
}

// GetOpenIDConnectProvider implements iam:GetOpenIDConnectProvider.
func (s *Service) GetOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.GetOpenIDConnectProviderInput) (*iamapi.GetOpenIDConnectProviderOutput, error) {
	p, err := s.ids.OIDCProvider(store.From(ctx), c.Account, *in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.GetOpenIDConnectProviderOutput{
		Url: &p.URL, ClientIDList: unique(p.ClientIDs), ThumbprintList: p.Thumbprints, CreateDate: &p.Created, Tags: tagList(p.Tags),
	}, nil
}

// ListOpenIDConnectProviders implements iam:ListOpenIDConnectProviders.
func (s *Service) ListOpenIDConnectProviders(ctx context.Context, c *redoubt.Call, _ *iamapi.ListOpenIDConnectProvidersInput) (*iamapi.ListOpenIDConnectProvidersOutput, error) {
	out := &iamapi.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []iamapi.OpenIDConnectProviderListEntry{}}
	for p, err := range s.ids.OIDCProviders(store.From(ctx), c.Account) {
		if err != nil {
			return nil, err
		}
		out.OpenIDConnectProviderList = append(out.OpenIDConnectProviderList, iamapi.OpenIDConnectProviderListEntry{Arn: new(p.ARN(c.Account))})
	}
	return out, nil
}

func (s *Service) editProvider(ctx context.Context, c *redoubt.Call, arn string, f func(*identity.OIDCProvider) error) error {
	_, err := s.ids.EditOIDCProvider(store.From(ctx), c.Account, arn, f)
	return fail(err)
}

// AddClientIDToOpenIDConnectProvider implements the operation of that name;
// adding an id again changes nothing.
func (s *Service) AddClientIDToOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.AddClientIDToOpenIDConnectProviderInput) (*iamapi.AddClientIDToOpenIDConnectProviderOutput, error) {
	return nil, s.editProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *identity.OIDCProvider) error {
		p.ClientIDs = unique(append(p.ClientIDs, *in.ClientID))
		if len(p.ClientIDs) > identity.MaxClientIDs {
			return &identity.Limit{Quota: "ClientIdsPerOpenIdConnectProvider", Max: identity.MaxClientIDs}
		}
		return nil
	})
}

// RemoveClientIDFromOpenIDConnectProvider implements the operation of that name;
// removing an absent id changes nothing.
func (s *Service) RemoveClientIDFromOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.RemoveClientIDFromOpenIDConnectProviderInput) (*iamapi.RemoveClientIDFromOpenIDConnectProviderOutput, error) {
	return nil, s.editProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *identity.OIDCProvider) error {
		p.ClientIDs = slices.DeleteFunc(p.ClientIDs, func(id string) bool { return id == *in.ClientID })
		return nil
	})
}

// UpdateOpenIDConnectProviderThumbprint implements the operation of that name.
func (s *Service) UpdateOpenIDConnectProviderThumbprint(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateOpenIDConnectProviderThumbprintInput) (*iamapi.UpdateOpenIDConnectProviderThumbprintOutput, error) {
	if err := checkThumbprints(in.ThumbprintList); err != nil {
		return nil, err
	}
	return nil, s.editProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *identity.OIDCProvider) error {
		p.Thumbprints = in.ThumbprintList
		return nil
	})
}

// DeleteOpenIDConnectProvider implements iam:DeleteOpenIDConnectProvider.
func (s *Service) DeleteOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteOpenIDConnectProviderInput) (*iamapi.DeleteOpenIDConnectProviderOutput, error) {
	err := s.ids.DeleteOIDCProvider(store.From(ctx), c.Account, *in.OpenIDConnectProviderArn)
	var nf *identity.NotFound
	if asNotFound(err, &nf) {
		return nil, iamapi.ErrNoSuchEntityException.New("OpenId connect Provider %s cannot be found.", *in.OpenIDConnectProviderArn)
	}
	return nil, err
}

// TagOpenIDConnectProvider implements iam:TagOpenIDConnectProvider.
func (s *Service) TagOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.TagOpenIDConnectProviderInput) (*iamapi.TagOpenIDConnectProviderOutput, error) {
	return nil, s.editProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *identity.OIDCProvider) error {
		return tag(&p.Tags, in.Tags, exact)
	})
}

// UntagOpenIDConnectProvider implements iam:UntagOpenIDConnectProvider.
func (s *Service) UntagOpenIDConnectProvider(ctx context.Context, c *redoubt.Call, in *iamapi.UntagOpenIDConnectProviderInput) (*iamapi.UntagOpenIDConnectProviderOutput, error) {
	return nil, s.editProvider(ctx, c, *in.OpenIDConnectProviderArn, func(p *identity.OIDCProvider) error {
		untag(&p.Tags, in.TagKeys, exact)
		return nil
	})
}

// ListOpenIDConnectProviderTags implements iam:ListOpenIDConnectProviderTags.
func (s *Service) ListOpenIDConnectProviderTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListOpenIDConnectProviderTagsInput) (*iamapi.ListOpenIDConnectProviderTagsOutput, error) {
	v, err := s.ids.OIDCProvider(store.From(ctx), c.Account, *in.OpenIDConnectProviderArn)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(v.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListOpenIDConnectProviderTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
