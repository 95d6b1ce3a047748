package iam_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base32"
	"encoding/pem"
	"image/png"
	"math/big"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"golang.org/x/crypto/ssh"

	"github.com/redoubt-sec/redoubt/engine/identity"
)

// code is what an authenticator shows, d steps from now.
func code(t *testing.T, seed []byte, d int64) *string {
	t.Helper()
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(string(seed))
	if err != nil {
		t.Fatal(err)
	}
	return new(identity.Code(raw, time.Now().Unix()/30+d))
}

func TestMFADevices(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err := c.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: new("phone"), Path: new("no-slash/")})
	refused(t, err, 400, "ValidationError", "")
	d := must(c.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: new("phone"), Path: new("/test//double/")}))(t).VirtualMFADevice
	if *d.SerialNumber != "arn:aws:iam::123456789012:mfa/test//double/phone" || len(d.Base32StringSeed) != 64 {
		t.Errorf("%+v", d)
	}
	if _, err := png.Decode(bytes.NewReader(d.QRCodePNG)); err != nil {
		t.Error("the picture:", err)
	}
	_, err = c.CreateVirtualMFADevice(ctx, &iam.CreateVirtualMFADeviceInput{VirtualMFADeviceName: new("phone")})
	refused(t, err, 409, "EntityAlreadyExists", "MFA device already exists.")
	list := func(s types.AssignmentStatusType) []types.VirtualMFADevice {
		return must(c.ListVirtualMFADevices(ctx, &iam.ListVirtualMFADevicesInput{AssignmentStatus: s}))(t).VirtualMFADevices
	}
	if l := list("Unassigned"); len(l) != 1 || l[0].Base32StringSeed != nil || l[0].User != nil {
		t.Errorf("%+v", l)
	}
	enable := func(a, b *string) error {
		_, err := c.EnableMFADevice(ctx, &iam.EnableMFADeviceInput{UserName: new("bob"), SerialNumber: d.SerialNumber, AuthenticationCode1: a, AuthenticationCode2: b})
		return err
	}
	refused(t, enable(new("000000"), new("000000")), 403, "InvalidAuthenticationCode", "Authentication code for device is not valid.")
	if err := enable(code(t, d.Base32StringSeed, -1), code(t, d.Base32StringSeed, 0)); err != nil {
		t.Fatal(err)
	}
	refused(t, enable(code(t, d.Base32StringSeed, 0), code(t, d.Base32StringSeed, 1)), 409, "EntityAlreadyExists", "MFA Device is already in use.")
	if l := list("Assigned"); len(l) != 1 || *l[0].User.UserName != "bob" || l[0].EnableDate == nil {
		t.Errorf("%+v", l)
	}
	if l := must(c.ListMFADevices(ctx, &iam.ListMFADevicesInput{UserName: new("bob")}))(t).MFADevices; len(l) != 1 || *l[0].SerialNumber != *d.SerialNumber {
		t.Errorf("%+v", l)
	}
	_, err = c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: new("bob")})
	refused(t, err, 409, "DeleteConflict", "")
	_, err = c.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: new("bob"), SerialNumber: new("arn:aws:iam::123456789012:mfa/none")})
	refused(t, err, 404, "NoSuchEntity", "MFA Device with serial number arn:aws:iam::123456789012:mfa/none does not exist.")
	must(c.DeactivateMFADevice(ctx, &iam.DeactivateMFADeviceInput{UserName: new("bob"), SerialNumber: d.SerialNumber}))(t)
	must(c.DeleteVirtualMFADevice(ctx, &iam.DeleteVirtualMFADeviceInput{SerialNumber: d.SerialNumber}))(t)
}

// certificate makes a self-signed certificate and its key, PEM.
func certificate(t *testing.T, name string) (body, key string) {
	t.Helper()
	k, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	if err != nil {
		t.Fatal(err)
	}
	kd, err := x509.MarshalECPrivateKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: kd}))
}

func TestServerCertificates(t *testing.T) {
	_, c := start(t)
	body, key := certificate(t, "a.example")
	_, other := certificate(t, "b.example")
	up := &iam.UploadServerCertificateInput{ServerCertificateName: new("web"), Path: new("/x/"), CertificateBody: &body, PrivateKey: &other}
	_, err := c.UploadServerCertificate(ctx, up)
	refused(t, err, 400, "KeyPairMismatch", "")
	up.PrivateKey = new("garbage")
	_, err = c.UploadServerCertificate(ctx, up)
	refused(t, err, 400, "MalformedCertificate", "")
	up.PrivateKey = &key
	m := must(c.UploadServerCertificate(ctx, up))(t).ServerCertificateMetadata
	if *m.Arn != "arn:aws:iam::123456789012:server-certificate/x/web" || m.Expiration == nil {
		t.Errorf("%+v", m)
	}
	_, err = c.UploadServerCertificate(ctx, up)
	refused(t, err, 409, "EntityAlreadyExists", "The Server Certificate with name web already exists.")
	got := must(c.GetServerCertificate(ctx, &iam.GetServerCertificateInput{ServerCertificateName: new("web")}))(t).ServerCertificate
	if *got.CertificateBody != strings.TrimSpace(body) || got.CertificateChain != nil || got.Tags == nil {
		t.Errorf("%+v", got)
	}
	must(c.UpdateServerCertificate(ctx, &iam.UpdateServerCertificateInput{ServerCertificateName: new("web"), NewServerCertificateName: new("site"), NewPath: new("/")}))(t)
	_, err = c.GetServerCertificate(ctx, &iam.GetServerCertificateInput{ServerCertificateName: new("web")})
	refused(t, err, 404, "NoSuchEntity", "The Server Certificate with name web cannot be found.")
	must(c.DeleteServerCertificate(ctx, &iam.DeleteServerCertificateInput{ServerCertificateName: new("site")}))(t)
}

func TestSigningCertificates(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err := c.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{UserName: new("bob"), CertificateBody: new("invalid-certificate-body")})
	refused(t, err, 400, "MalformedCertificate", "Certificate invalid-certificate-body is malformed.")
	for n := range 3 {
		body, _ := certificate(t, "c")
		_, err = c.UploadSigningCertificate(ctx, &iam.UploadSigningCertificateInput{UserName: new("bob"), CertificateBody: &body})
		if n < 2 && err != nil {
			t.Fatal(err)
		}
	}
	refused(t, err, 409, "LimitExceeded", "Cannot exceed quota for CertificatesPerUser: 2")
	l := must(c.ListSigningCertificates(ctx, &iam.ListSigningCertificatesInput{UserName: new("bob")}))(t).Certificates
	if len(l) != 2 || l[0].Status != "Active" {
		t.Errorf("%+v", l)
	}
	must(c.UpdateSigningCertificate(ctx, &iam.UpdateSigningCertificateInput{UserName: new("bob"), CertificateId: l[0].CertificateId, Status: "Inactive"}))(t)
	must(c.DeleteSigningCertificate(ctx, &iam.DeleteSigningCertificateInput{UserName: new("bob"), CertificateId: l[0].CertificateId}))(t)
	_, err = c.DeleteSigningCertificate(ctx, &iam.DeleteSigningCertificateInput{UserName: new("bob"), CertificateId: l[0].CertificateId})
	refused(t, err, 404, "NoSuchEntity", "The Certificate with id "+*l[0].CertificateId+" cannot be found.")
}

func TestSSHKeys(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	pub, err := ssh.NewPublicKey(&k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSpace(string(ssh.MarshalAuthorizedKey(pub)))
	_, err = c.UploadSSHPublicKey(ctx, &iam.UploadSSHPublicKeyInput{UserName: new("bob"), SSHPublicKeyBody: new("ssh-rsa nonsense")})
	refused(t, err, 400, "InvalidPublicKey", "")
	up := must(c.UploadSSHPublicKey(ctx, &iam.UploadSSHPublicKeyInput{UserName: new("bob"), SSHPublicKeyBody: new(text + " bob@host")}))(t).SSHPublicKey
	if !strings.HasPrefix(*up.SSHPublicKeyId, "APKA") || len(*up.Fingerprint) != 47 {
		t.Errorf("%+v", up)
	}
	for enc, want := range map[types.EncodingType]string{"SSH": text, "PEM": "-----BEGIN PUBLIC KEY-----"} {
		got := must(c.GetSSHPublicKey(ctx, &iam.GetSSHPublicKeyInput{UserName: new("bob"), SSHPublicKeyId: up.SSHPublicKeyId, Encoding: enc}))(t).SSHPublicKey
		if !strings.HasPrefix(*got.SSHPublicKeyBody, want) {
			t.Errorf("%s: %s", enc, *got.SSHPublicKeyBody)
		}
	}
	l := must(c.ListSSHPublicKeys(ctx, &iam.ListSSHPublicKeysInput{UserName: new("bob")}))(t).SSHPublicKeys
	if len(l) != 1 {
		t.Errorf("%+v", l)
	}
	must(c.DeleteSSHPublicKey(ctx, &iam.DeleteSSHPublicKeyInput{UserName: new("bob"), SSHPublicKeyId: up.SSHPublicKeyId}))(t)
	_, err = c.DeleteSSHPublicKey(ctx, &iam.DeleteSSHPublicKeyInput{UserName: new("bob"), SSHPublicKeyId: up.SSHPublicKeyId})
	refused(t, err, 404, "NoSuchEntity", "The Public Key with id "+*up.SSHPublicKeyId+" cannot be found.")
}

func TestServiceSpecificCredentials(t *testing.T) {
	_, c := start(t)
	must(c.CreateUser(ctx, &iam.CreateUserInput{UserName: new("bob")}))(t)
	_, err := c.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: new("bob"), ServiceName: new("none.amazonaws.com")})
	refused(t, err, 404, "NoSuchEntity", "No such service none.amazonaws.com is supported for Service Specific Credentials")
	v := must(c.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: new("bob"), ServiceName: new("codecommit.amazonaws.com")}))(t).ServiceSpecificCredential
	if *v.ServiceUserName != "bob-at-123456789012" || v.ServicePassword == nil || !strings.HasPrefix(*v.ServiceSpecificCredentialId, "ACCA") {
		t.Errorf("%+v", v)
	}
	r := must(c.ResetServiceSpecificCredential(ctx, &iam.ResetServiceSpecificCredentialInput{UserName: new("bob"), ServiceSpecificCredentialId: v.ServiceSpecificCredentialId}))(t).ServiceSpecificCredential
	if *r.ServicePassword == *v.ServicePassword {
		t.Error("the same password again")
	}
	k := must(c.CreateServiceSpecificCredential(ctx, &iam.CreateServiceSpecificCredentialInput{UserName: new("bob"), ServiceName: new("bedrock.amazonaws.com"), CredentialAgeDays: new(int32(30))}))(t).ServiceSpecificCredential
	if k.ServiceCredentialSecret == nil || k.ServicePassword != nil || k.ExpirationDate == nil {
		t.Errorf("%+v", k)
	}
	must(c.UpdateServiceSpecificCredential(ctx, &iam.UpdateServiceSpecificCredentialInput{UserName: new("bob"), ServiceSpecificCredentialId: v.ServiceSpecificCredentialId, Status: "Inactive"}))(t)
	l := must(c.ListServiceSpecificCredentials(ctx, &iam.ListServiceSpecificCredentialsInput{UserName: new("bob"), ServiceName: new("codecommit.amazonaws.com")}))(t).ServiceSpecificCredentials
	if len(l) != 1 || l[0].Status != "Inactive" {
		t.Errorf("%+v", l)
	}
	must(c.DeleteServiceSpecificCredential(ctx, &iam.DeleteServiceSpecificCredentialInput{UserName: new("bob"), ServiceSpecificCredentialId: v.ServiceSpecificCredentialId}))(t)
}
