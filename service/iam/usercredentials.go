package iam

import (
	"context"
	"crypto/md5"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/pem"
	"strings"

	"golang.org/x/crypto/ssh"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

func signingAnswer(name string, v *identity.SigningCertificate) iamapi.SigningCertificate {
	return iamapi.SigningCertificate{
		UserName: &name, CertificateId: &v.ID, CertificateBody: &v.Body, Status: status(v.Active), UploadDate: &v.Uploaded,
	}
}

// UploadSigningCertificate implements iam:UploadSigningCertificate.
func (s *Service) UploadSigningCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.UploadSigningCertificateInput) (*iamapi.UploadSigningCertificateOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	cert, err := parseCertificate(*in.CertificateBody)
	if err != nil {
		return nil, iamapi.ErrMalformedCertificateException.New("Certificate %s is malformed.", *in.CertificateBody)
	}
	for other, err := range s.ids.SigningCertificates(tx, c.Account, u.ID) {
		if err != nil {
			return nil, err
		}
		if o, err := parseCertificate(other.Body); err == nil && o.Equal(cert) {
			return nil, iamapi.ErrDuplicateCertificateException.New("Certificate is already in use.")
		}
	}
	v, err := s.ids.AddSigningCertificate(tx, c.Account, identity.SigningCertificate{User: u.ID, Body: *in.CertificateBody})
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.UploadSigningCertificateOutput{Certificate: new(signingAnswer(u.Name, v))}, nil
}

// ListSigningCertificates implements iam:ListSigningCertificates.
func (s *Service) ListSigningCertificates(ctx context.Context, c *redoubt.Call, in *iamapi.ListSigningCertificatesInput) (*iamapi.ListSigningCertificatesOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.SigningCertificates(tx, c.Account, u.ID), in.MaxItems,
		func(v *identity.SigningCertificate) bool { return v.ID > from },
		func(v *identity.SigningCertificate) string { return v.ID })
	return &iamapi.ListSigningCertificatesOutput{
		Certificates: mapped(p.items, func(v *identity.SigningCertificate) iamapi.SigningCertificate { return signingAnswer(u.Name, v) }),
		IsTruncated:  p.truncated, Marker: p.marker,
	}, err
}

// UpdateSigningCertificate implements iam:UpdateSigningCertificate.
func (s *Service) UpdateSigningCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateSigningCertificateInput) (*iamapi.UpdateSigningCertificateOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.EditSigningCertificate(tx, c.Account, u.ID, *in.CertificateId, func(v *identity.SigningCertificate) error {
		v.Active = *in.Status == "Active"
		return nil
	}))
}

// DeleteSigningCertificate implements iam:DeleteSigningCertificate.
func (s *Service) DeleteSigningCertificate(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteSigningCertificateInput) (*iamapi.DeleteSigningCertificateOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteSigningCertificate(tx, c.Account, u.ID, *in.CertificateId))
}

// sshKey reads a public key in OpenSSH or PEM form.
func sshKey(text string) (*rsa.PublicKey, error) {
	if block, _ := pem.Decode([]byte(text)); block != nil {
		if k, err := x509.ParsePKIXPublicKey(block.Bytes); err == nil {
			if r, ok := k.(*rsa.PublicKey); ok {
				return r, nil
			}
		}
		if k, err := x509.ParsePKCS1PublicKey(block.Bytes); err == nil {
			return k, nil
		}
		return nil, iamapi.ErrInvalidPublicKeyException.New("Public key is invalid.")
	}
	k, _, _, _, err := ssh.ParseAuthorizedKey([]byte(text))
	if err != nil {
		return nil, iamapi.ErrInvalidPublicKeyException.New("Public key is invalid.")
	}
	if ck, ok := k.(ssh.CryptoPublicKey); ok {
		if r, ok := ck.CryptoPublicKey().(*rsa.PublicKey); ok {
			return r, nil
		}
	}
	return nil, iamapi.ErrInvalidPublicKeyException.New("Only RSA keys are supported.")
}

// encodings of one key: as OpenSSH and as PEM write it.
func sshForms(k *rsa.PublicKey) (openssh, pemText string, der []byte, err error) {
	pub, err := ssh.NewPublicKey(k)
	if err != nil {
		return "", "", nil, err
	}
	if der, err = x509.MarshalPKIXPublicKey(k); err != nil {
		return "", "", nil, err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub))),
		string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})), der, nil
}

// UploadSSHPublicKey implements iam:UploadSSHPublicKey.
func (s *Service) UploadSSHPublicKey(ctx context.Context, c *redoubt.Call, in *iamapi.UploadSSHPublicKeyInput) (*iamapi.UploadSSHPublicKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	k, err := sshKey(*in.SSHPublicKeyBody)
	if err != nil {
		return nil, err
	}
	if k.N.BitLen() < 2048 || k.N.BitLen() > 4096 {
		return nil, iamapi.ErrInvalidPublicKeyException.New("The key must be an RSA key of 2048 to 4096 bits.")
	}
	_, _, der, err := sshForms(k)
	if err != nil {
		return nil, err
	}
	v, err := s.ids.AddSSHKey(tx, c.Account, identity.SSHKey{User: u.ID, Body: *in.SSHPublicKeyBody, Fingerprint: fingerprint(der)})
	if err != nil {
		return nil, fail(err)
	}
	return &iamapi.UploadSSHPublicKeyOutput{SSHPublicKey: sshAnswer(u.Name, v, v.Body)}, nil
}

// fingerprint is the MD5 of a DER key in pairs of digits: the form AWS shows.
func fingerprint(der []byte) string {
	sum := md5.Sum(der)
	h := hex.EncodeToString(sum[:])
	pairs := make([]string, 0, len(sum))
	for n := 0; n < len(h); n += 2 {
		pairs = append(pairs, h[n:n+2])
	}
	return strings.Join(pairs, ":")
}

func sshAnswer(name string, v *identity.SSHKey, body string) *iamapi.SSHPublicKey {
	return &iamapi.SSHPublicKey{
		UserName: &name, SSHPublicKeyId: &v.ID, Fingerprint: &v.Fingerprint, SSHPublicKeyBody: &body,
		Status: status(v.Active), UploadDate: &v.Uploaded,
	}
}

// GetSSHPublicKey implements iam:GetSSHPublicKey in the encoding asked for.
func (s *Service) GetSSHPublicKey(ctx context.Context, c *redoubt.Call, in *iamapi.GetSSHPublicKeyInput) (*iamapi.GetSSHPublicKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	v, err := s.ids.SSHKey(tx, c.Account, u.ID, *in.SSHPublicKeyId)
	if err != nil {
		return nil, fail(err)
	}
	k, err := sshKey(v.Body)
	if err != nil {
		return nil, err
	}
	openssh, pemText, _, err := sshForms(k)
	if err != nil {
		return nil, err
	}
	body := openssh
	if *in.Encoding == "PEM" {
		body = pemText
	}
	return &iamapi.GetSSHPublicKeyOutput{SSHPublicKey: sshAnswer(u.Name, v, body)}, nil
}

// ListSSHPublicKeys implements iam:ListSSHPublicKeys.
func (s *Service) ListSSHPublicKeys(ctx context.Context, c *redoubt.Call, in *iamapi.ListSSHPublicKeysInput) (*iamapi.ListSSHPublicKeysOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	from, err := after(in.Marker)
	if err != nil {
		return nil, err
	}
	p, err := paginate(s.ids.SSHKeys(tx, c.Account, u.ID), in.MaxItems,
		func(v *identity.SSHKey) bool { return v.ID > from }, func(v *identity.SSHKey) string { return v.ID })
	return &iamapi.ListSSHPublicKeysOutput{
		SSHPublicKeys: mapped(p.items, func(v *identity.SSHKey) iamapi.SSHPublicKeyMetadata {
			return iamapi.SSHPublicKeyMetadata{UserName: &u.Name, SSHPublicKeyId: &v.ID, Status: status(v.Active), UploadDate: &v.Uploaded}
		}),
		IsTruncated: p.truncated, Marker: p.marker,
	}, err
}

// UpdateSSHPublicKey implements iam:UpdateSSHPublicKey.
func (s *Service) UpdateSSHPublicKey(ctx context.Context, c *redoubt.Call, in *iamapi.UpdateSSHPublicKeyInput) (*iamapi.UpdateSSHPublicKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.EditSSHKey(tx, c.Account, u.ID, *in.SSHPublicKeyId, func(v *identity.SSHKey) error {
		v.Active = *in.Status == "Active"
		return nil
	}))
}

// DeleteSSHPublicKey implements iam:DeleteSSHPublicKey.
func (s *Service) DeleteSSHPublicKey(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteSSHPublicKeyInput) (*iamapi.DeleteSSHPublicKeyOutput, error) {
	tx := store.From(ctx)
	u, err := s.caller(tx, c, in.UserName)
	if err != nil {
		return nil, err
	}
	return nil, fail(s.ids.DeleteSSHKey(tx, c.Account, u.ID, *in.SSHPublicKeyId))
}
