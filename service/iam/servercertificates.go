package iam

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

func certificateMetadata(account string, cert *identity.ServerCertificate) *iamapi.ServerCertificateMetadata {
	return &iamapi.ServerCertificateMetadata{
		Path: &cert.Path, ServerCertificateName: &cert.Name, ServerCertificateId: &cert.ID, Arn: new(cert.ARN(account)),
		UploadDate: &cert.Uploaded, Expiration: &cert.Expires,
	}
}

// UploadServerCertificate implements iam:UploadServerCertificate.
func (s *Service) UploadServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.UploadServerCertificateInput) (*iamapi.UploadServerCertificateOutput, error) {
	tags, err := newTags(in.Tags, exact)
	if err != nil {
		return nil, err
	}
	leaf, err := parseCertificate(*in.CertificateBody)
	if err != nil {
		return nil, iamapi.ErrMalformedCertificateException.New("Unable to parse certificate. Please ensure the certificate is in PEM format.")
	}
	key, err := privateKey([]byte(*in.PrivateKey))
	if err != nil {
		return nil, iamapi.ErrMalformedCertificateException.New("Unable to parse key; the body of the private key must be in PEM format.")
	}
	if !matches(key, leaf.PublicKey) {
		return nil, iamapi.ErrKeyPairMismatchException.New("Private key doesn't match certificate.")
	}
	if in.CertificateChain != nil {
		if err := checkChain(leaf, *in.CertificateChain); err != nil {
			return nil, err
		}
	}
	cert, err := s.ids.UploadServerCertificate(store.From(ctx), c.Account, identity.ServerCertificate{
		Name: *in.ServerCertificateName, Path: pathOr(in.Path), Body: strings.TrimSpace(*in.CertificateBody),
		Chain: strings.TrimSpace(str(in.CertificateChain)), Expires: leaf.NotAfter.UTC(), Tags: tags,
	}, []byte(*in.PrivateKey))
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.UploadServerCertificateOutput{ServerCertificateMetadata: certificateMetadata(c.Account, cert), Tags: in.Tags}, nil
}

func parseCertificate(text string) (*x509.Certificate, error) {
	block, _ := pem.Decode([]byte(text))
	if block == nil || block.Type != "CERTIFICATE" {
		return nil, errNotPEM
	}
	return x509.ParseCertificate(block.Bytes)
}

// matches reports whether a private key belongs to a public one.
func matches(private, public any) bool {
	k, ok := private.(interface{ Public() crypto.PublicKey })
	if !ok {
		return false
	}
	p, ok := k.Public().(interface{ Equal(crypto.PublicKey) bool })
	return ok && p.Equal(public)
}

// checkChain holds a chain against its leaf: every certificate signed by the next.
func checkChain(leaf *x509.Certificate, chain string) error {
	rest, below := []byte(chain), leaf
	for n := 0; ; n++ {
		block, more := pem.Decode(rest)
		if block == nil {
			if n == 0 || len(bytes.TrimSpace(more)) > 0 {
				return iamapi.ErrMalformedCertificateException.New("Unable to parse certificate chain. Please ensure the certificate chain is in PEM format.")
			}
			return nil
		}
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return iamapi.ErrMalformedCertificateException.New("Unable to parse certificate chain. Please ensure the certificate chain is in PEM format.")
		}
		if err := below.CheckSignatureFrom(cert); err != nil && !bytes.Equal(below.Raw, cert.Raw) {
			return iamapi.ErrMalformedCertificateException.New("Unable to validate certificate chain. The certificate chain must start with the immediate signing certificate, followed by any intermediaries in order. The index within the chain of the invalid certificate is: %d", n)
		}
		rest, below = more, cert
	}
}

// GetServerCertificate implements iam:GetServerCertificate. The private key is
// never answered.
func (s *Service) GetServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.GetServerCertificateInput) (*iamapi.GetServerCertificateOutput, error) {
	cert, err := s.ids.ServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName)
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.GetServerCertificateOutput{ServerCertificate: &iamapi.ServerCertificate{
		ServerCertificateMetadata: certificateMetadata(c.Account, cert), CertificateBody: &cert.Body,
		CertificateChain: some(cert.Chain), Tags: tagList(cert.Tags),
	}}, nil
}

// ListServerCertificates implements iam:ListServerCertificates.
func (s *Service) ListServerCertificates(ctx context.Context, c *redoubt.Call, in *iamapi.ListServerCertificatesInput) (*iamapi.ListServerCertificatesOutput, error) {
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.ServerCertificates(store.From(ctx), c.Account, from), in.MaxItems,
		func(v *identity.ServerCertificate) bool { return strings.HasPrefix(v.Path, str(in.PathPrefix)) },
		func(v *identity.ServerCertificate) string { return v.Name })
	return &iamapi.ListServerCertificatesOutput{
		ServerCertificateMetadataList: mapped(p.items, func(v *identity.ServerCertificate) iamapi.ServerCertificateMetadata {
			return *certificateMetadata(c.Account, v)
		}),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// UpdateServerCertificate implements iam:UpdateServerCertificate: another name or path.
func (s *Service) UpdateServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateServerCertificateInput) (*iamapi.UpdateServerCertificateOutput, error) {
	return nil, fail(s.ids.MoveServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName, str(in.NewServerCertificateName), str(in.NewPath)))
}

// DeleteServerCertificate implements iam:DeleteServerCertificate.
func (s *Service) DeleteServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteServerCertificateInput) (*iamapi.DeleteServerCertificateOutput, error) {
	return nil, fail(s.ids.DeleteServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName))
}

// TagServerCertificate implements iam:TagServerCertificate.
func (s *Service) TagServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.TagServerCertificateInput) (*iamapi.TagServerCertificateOutput, error) {
	_, err := s.ids.EditServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName, func(v *identity.ServerCertificate) error {
		return tag(&v.Tags, in.Tags, exact)
	})
	return nil, fail(err)
}

// UntagServerCertificate implements iam:UntagServerCertificate.
func (s *Service) UntagServerCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.UntagServerCertificateInput) (*iamapi.UntagServerCertificateOutput, error) {
	_, err := s.ids.EditServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName, func(v *identity.ServerCertificate) error {
		untag(&v.Tags, in.TagKeys, exact)
		return nil
	})
	return nil, fail(err)
}

// ListServerCertificateTags implements iam:ListServerCertificateTags.
func (s *Service) ListServerCertificateTags(ctx context.Context, c *redoubt.Call, in *iamapi.ListServerCertificateTagsInput) (*iamapi.ListServerCertificateTagsOutput, error) {
	v, err := s.ids.ServerCertificate(store.From(ctx), c.Account, *in.ServerCertificateName)
	if err != nil {
		return nil, fail(err)
	}
	p, err := tagPage(v.Tags, in.Marker, in.MaxItems)
	return &iamapi.ListServerCertificateTagsOutput{Tags: p.items, IsTruncated: p.truncated, Marker: p.marker}, err
}
