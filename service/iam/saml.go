package iam

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"slices"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/identity/saml"
	"github.com/redoubt-sec/redoubt/store"
)

// metadata checks a provider's document and answers until when it counts.
func (s *Service) metadata(text string) (time.Time, error) {
	m, err := saml.ParseMetadata([]byte(text))
	if err != nil {
		e := iamapi.ErrInvalidInputException.New("Could not parse metadata")
		e.Cause = err
		return time.Time{}, e
	}
	if !m.ValidUntil.IsZero() {
		return m.ValidUntil, nil
	}
	// AWS gives documents without an end a century.
	return s.clock.Now().UTC().Truncate(time.Second).AddDate(100, 0, 0), nil
}

// providerKey checks and seals a private key for encrypted assertions.
func (s *Service) providerKey(c *redoubt.Call, name, text string) (identity.ProviderKey, error) {
	if _, err := privateKey([]byte(text)); err != nil {
		return identity.ProviderKey{}, iamapi.ErrInvalidInputException.New("The private key is not valid.")
	}
	return s.ids.NewProviderKey(c.Account, name, []byte(text))
}

// privateKey reads a PEM private key in any of its usual forms.
func privateKey(text []byte) (any, error) {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, errNotPEM
	}
	if k, err := x509.ParsePKCS1PrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	if k, err := x509.ParseECPrivateKey(block.Bytes); err == nil {
		return k, nil
	}
	return x509.ParsePKCS8PrivateKey(block.Bytes)
}

// CreateSAMLProvider implements iam:CreateSAMLProvider.
func (s *Service) CreateSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.CreateSAMLProviderInput) (*iamapi.CreateSAMLProviderOutput, error) {
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	until, err := s.metadata(*in.SAMLMetadataDocument)
	if err != nil {
		return nil, err
	}
	p := identity.SAMLProvider{
		Name: *in.Name, Metadata: *in.SAMLMetadataDocument, ValidUntil: until, Tags: tags, Encryption: str(in.AssertionEncryptionMode),
	}
	if in.AddPrivateKey != nil {
		k, err := s.providerKey(c, p.Name, *in.AddPrivateKey)
		if err != nil {
			return nil, err
		}
		p.Keys = []identity.ProviderKey{k}
	}
	if p.Encryption == "Required" && len(p.Keys) == 0 {
		return nil, iamapi.ErrInvalidInputException.New("A private key is required when assertion encryption mode is Required.")
	}
	made, err := s.ids.CreateSAMLProvider(store.From(ctx), c.Account, p)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.CreateSAMLProviderOutput{SAMLProviderArn: new(made.ARN(c.Account)), Tags: in.Tags}, nil
}

// newSAML is the provider that a request is about to make.
func newSAML(_ *store.Tx, c *redoubt.Call, in any) (subject, error) {
	return subject{arn: (&identity.SAMLProvider{Name: str(text(in, "Name"))}).ARN(c.Account)}, nil
}

// GetSAMLProvider implements iam:GetSAMLProvider.
func (s *Service) GetSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.GetSAMLProviderInput) (*iamapi.GetSAMLProviderOutput, error) {
	p, err := s.ids.SAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn)
	if err != nil {
		return nil, fail(err)
	}
	mode := p.Encryption
	if mode == "" {
		mode = "Allowed"
	}
	return &iamapi.GetSAMLProviderOutput{
		SAMLProviderUUID: &p.UUID, SAMLMetadataDocument: &p.Metadata, CreateDate: &p.Created, ValidUntil: &p.ValidUntil,
		Tags: tagList(p.Tags), AssertionEncryptionMode: &mode,
		PrivateKeyList: mapped(p.Keys, func(k identity.ProviderKey) iamapi.SAMLPrivateKey {
			return iamapi.SAMLPrivateKey{KeyId: &k.ID, Timestamp: &k.Added}
		}),
	}, nil
}

// ListSAMLProviders implements iam:ListSAMLProviders.
func (s *Service) ListSAMLProviders(ctx context.Context, c *redoubt.Call, _ *iamapi.ListSAMLProvidersInput) (*iamapi.ListSAMLProvidersOutput, error) {
	out := &iamapi.ListSAMLProvidersOutput{SAMLProviderList: []iamapi.SAMLProviderListEntry{}}
	for p, err := range s.ids.SAMLProviders(store.From(ctx), c.Account) {
		if err != nil {
			return nil, err
		}
		out.SAMLProviderList = append(out.SAMLProviderList, iamapi.SAMLProviderListEntry{
			Arn: new(p.ARN(c.Account)), ValidUntil: &p.ValidUntil, CreateDate: &p.Created,
		})
	}
	return out, nil
}

// maxProviderKeys is how many private keys a provider has: one in use, one to
// change over to.
const maxProviderKeys = 2

// UpdateSAMLProvider implements iam:UpdateSAMLProvider; what is absent stays.
func (s *Service) UpdateSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateSAMLProviderInput) (*iamapi.UpdateSAMLProviderOutput, error) {
	var until time.Time
	if in.SAMLMetadataDocument != nil {
		var err error
		if until, err = s.metadata(*in.SAMLMetadataDocument); err != nil {
			return nil, err
		}
	}
	p, err := s.ids.EditSAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn, func(p *identity.SAMLProvider) error {
		if in.SAMLMetadataDocument != nil {
			p.Metadata, p.ValidUntil = *in.SAMLMetadataDocument, until
		}
		if in.AssertionEncryptionMode != nil {
			p.Encryption = *in.AssertionEncryptionMode
		}
		if in.RemovePrivateKey != nil {
			at := slices.IndexFunc(p.Keys, func(k identity.ProviderKey) bool { return k.ID == *in.RemovePrivateKey })
			if at < 0 {
				return iamapi.ErrNoSuchEntityException.New("The private key with id %s cannot be found.", *in.RemovePrivateKey)
			}
			p.Keys = slices.Delete(p.Keys, at, at+1)
		}
		if in.AddPrivateKey != nil {
			k, err := s.providerKey(c, p.Name, *in.AddPrivateKey)
			if err != nil {
				return err
			}
			p.Keys = append(p.Keys, k)
		}
		switch {
		case len(p.Keys) > maxProviderKeys:
			return &identity.Limit{Quota: "PrivateKeysPerSAMLProvider", Max: maxProviderKeys}
		case p.Encryption == "Required" && len(p.Keys) == 0:
			return iamapi.ErrInvalidInputException.New("A private key is required when assertion encryption mode is Required.")
		}
		return nil
	})
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.UpdateSAMLProviderOutput{SAMLProviderArn: new(p.ARN(c.Account))}, nil
}

// DeleteSAMLProvider implements iam:DeleteSAMLProvider.
func (s *Service) DeleteSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteSAMLProviderInput) (*iamapi.DeleteSAMLProviderOutput, error) {
	return nil, fail(s.ids.DeleteSAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn))
}

// TagSAMLProvider implements iam:TagSAMLProvider.
func (s *Service) TagSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.TagSAMLProviderInput) (*iamapi.TagSAMLProviderOutput, error) {
	_, err := s.ids.EditSAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn, func(p *identity.SAMLProvider) error {
		return tag(&p.Tags, in.Tags, exact)
	})
	return nil, fail(err)
}

// UntagSAMLProvider implements iam:UntagSAMLProvider.
func (s *Service) UntagSAMLProvider(ctx context.Context, c *redoubt.Call, in *iamapi.UntagSAMLProviderInput) (*iamapi.UntagSAMLProviderOutput, error) {
	_, err := s.ids.EditSAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn, func(p *identity.SAMLProvider) error {
		untag(&p.Tags, in.TagKeys, exact)
		return nil
	})
	return nil, fail(err)
}

// ListSAMLProviderTags implements iam:ListSAMLProviderTags.
func (s *Service) ListSAMLProviderTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListSAMLProviderTagsInput) (*iamapi.ListSAMLProviderTagsOutput, error) {
	v, err := s.ids.SAMLProvider(store.From(ctx), c.Account, *in.SAMLProviderArn)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(v.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListSAMLProviderTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
