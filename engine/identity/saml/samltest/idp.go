// Package samltest is a SAML identity provider for tests: it makes metadata and
// responses of every sort, also wrong ones.
package samltest

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"math/big"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// IdP is an identity provider.
type IdP struct {
	EntityID string
	key      *rsa.PrivateKey
	der      []byte
}

// New makes a provider whose certificate is valid around now.
func New(entityID string, now time.Time) (*IdP, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: entityID}, NotBefore: now.Add(-time.Hour), NotAfter: now.Add(24 * time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &k.PublicKey, k)
	return &IdP{entityID, k, der}, err
}

// Metadata is the provider's description.
func (p *IdP) Metadata() string {
	return fmt.Sprintf(`<?xml version="1.0"?><md:EntityDescriptor xmlns:md="urn:oasis:names:tc:SAML:2.0:metadata" entityID="%s"><md:IDPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol"><md:KeyDescriptor use="signing"><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></md:KeyDescriptor><md:SingleSignOnService Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="https://idp.example/sso"/></md:IDPSSODescriptor></md:EntityDescriptor>`,
		p.EntityID, base64.StdEncoding.EncodeToString(p.der))
}

// Assertion says what to assert.
type Assertion struct {
	Issued, Until time.Time
	Subject       string // XML
	Audience      string
	Recipient     string
	Attributes    [][2]string // name, value
}

// XML is the assertion without a signature.
func (p *IdP) XML(a Assertion) string {
	ts := func(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
	var attrs strings.Builder
	for _, kv := range a.Attributes {
		fmt.Fprintf(&attrs, `<saml:Attribute Name="%s"><saml:AttributeValue>%s</saml:AttributeValue></saml:Attribute>`, kv[0], kv[1])
	}
	return fmt.Sprintf(`<saml:Assertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion" ID="_a1" IssueInstant="%s" Version="2.0"><saml:Issuer>%s</saml:Issuer><saml:Subject><saml:NameID Format="urn:oasis:names:tc:SAML:2.0:nameid-format:persistent">%s</saml:NameID><saml:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml:SubjectConfirmationData NotOnOrAfter="%s" Recipient="%s"/></saml:SubjectConfirmation></saml:Subject><saml:Conditions NotBefore="%s" NotOnOrAfter="%s"><saml:AudienceRestriction><saml:Audience>%s</saml:Audience></saml:AudienceRestriction></saml:Conditions><saml:AuthnStatement AuthnInstant="%s"/><saml:AttributeStatement>%s</saml:AttributeStatement></saml:Assertion>`,
		ts(a.Issued), p.EntityID, a.Subject, ts(a.Until), a.Recipient, ts(a.Issued), ts(a.Until), a.Audience, ts(a.Issued), attrs.String())
}

// Sign puts an enveloped signature into an element that has an ID.
func (p *IdP) Sign(text string) (string, error) {
	doc := etree.NewDocument()
	if err := doc.ReadFromString(text); err != nil {
		return "", err
	}
	ctx, err := dsig.NewSigningContext(p.key, [][]byte{p.der})
	if err != nil {
		return "", err
	}
	ctx.Hash = crypto.SHA256
	ctx.Canonicalizer = dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList("")
	if err := ctx.SetSignatureMethod(dsig.RSASHA256SignatureMethod); err != nil {
		return "", err
	}
	signed, err := ctx.SignEnveloped(doc.Root())
	if err != nil {
		return "", err
	}
	out := etree.NewDocument()
	out.SetRoot(signed)
	return out.WriteToString()
}

// Response wraps assertions as they are.
func Response(assertions ...string) string {
	return `<samlp:Response xmlns:samlp="urn:oasis:names:tc:SAML:2.0:protocol" ID="_r1" Version="2.0"><samlp:Status><samlp:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Success"/></samlp:Status>` +
		strings.Join(assertions, "") + `</samlp:Response>`
}

// Encode is how a response travels.
func Encode(text string) string { return base64.StdEncoding.EncodeToString([]byte(text)) }

// Encrypt puts an assertion into an EncryptedAssertion for a public key: RSA-OAEP
// and AES-256-GCM.
func Encrypt(text string, to *rsa.PublicKey) (string, error) {
	key := make([]byte, 32)
	rand.Read(key)
	wrapped, err := rsa.EncryptOAEP(sha1.New(), rand.Reader, to, key, nil)
	if err != nil {
		return "", err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return "", err
	}
	gcm, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		return "", err
	}
	b64 := base64.StdEncoding.EncodeToString
	return `<saml:EncryptedAssertion xmlns:saml="urn:oasis:names:tc:SAML:2.0:assertion"><xenc:EncryptedData xmlns:xenc="http://www.w3.org/2001/04/xmlenc#"><xenc:EncryptionMethod Algorithm="http://www.w3.org/2009/xmlenc11#aes256-gcm"/><ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><xenc:EncryptedKey><xenc:EncryptionMethod Algorithm="http://www.w3.org/2001/04/xmlenc#rsa-oaep-mgf1p"/><xenc:CipherData><xenc:CipherValue>` +
		b64(wrapped) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedKey></ds:KeyInfo><xenc:CipherData><xenc:CipherValue>` +
		b64(gcm.Seal(nil, nil, []byte(text), nil)) + `</xenc:CipherValue></xenc:CipherData></xenc:EncryptedData></saml:EncryptedAssertion>`, nil
}

// PrivateKey makes a key for encrypted assertions, and its PEM form.
func PrivateKey() (*rsa.PrivateKey, string, error) {
	k, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		return nil, "", err
	}
	return k, string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(k)})), nil
}
