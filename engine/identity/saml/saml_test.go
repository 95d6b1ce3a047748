package saml

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/engine/identity/saml/samltest"
)

const recipient = "https://signin.aws.amazon.com/saml"

var now = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func setUp(t testing.TB) (*samltest.IdP, Expect, samltest.Assertion) {
	p, err := samltest.New("https://idp.example/saml", now)
	if err != nil {
		t.Fatal(err)
	}
	m, err := ParseMetadata([]byte(p.Metadata()))
	if err != nil {
		t.Fatal(err)
	}
	x := Expect{Metadata: m, Audiences: []string{"urn:amazon:webservices"}, Recipients: []string{recipient}, Now: now, MaxAge: 5 * time.Minute, Skew: time.Minute}
	a := samltest.Assertion{
		Issued: now.Add(-time.Minute), Until: now.Add(5 * time.Minute), Subject: "alice", Audience: "urn:amazon:webservices", Recipient: recipient,
		Attributes: [][2]string{{"https://aws.amazon.com/SAML/Attributes/RoleSessionName", "alice"}, {"many", "a"}, {"many", "b"}},
	}
	return p, x, a
}

func sign(t testing.TB, p *samltest.IdP, text string) string {
	t.Helper()
	s, err := p.Sign(text)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestResponses(t *testing.T) {
	p, x, a := setUp(t)
	for what, text := range map[string]string{
		"signed assertion": samltest.Response(sign(t, p, p.XML(a))),
		"signed response":  sign(t, p, samltest.Response(p.XML(a))),
		"both":             sign(t, p, samltest.Response(sign(t, p, p.XML(a)))),
	} {
		got, err := Verify(samltest.Encode(text), x)
		if err != nil {
			t.Errorf("%s: %v", what, err)
			continue
		}
		if got.Subject != "alice" || got.SubjectType != "persistent" || got.Audience != "urn:amazon:webservices" || got.Recipient != recipient ||
			strings.Join(got.Attributes["many"], " ") != "a b" {
			t.Errorf("%s: %+v", what, got)
		}
	}
}

func TestRefusedResponses(t *testing.T) {
	p, x, a := setUp(t)
	good := sign(t, p, p.XML(a))
	evil := a
	evil.Subject = "root"
	stranger, err := samltest.New("https://idp.example/saml", now)
	if err != nil {
		t.Fatal(err)
	}
	with := func(f func(*samltest.Assertion)) string {
		b := a
		f(&b)
		return samltest.Response(sign(t, p, p.XML(b)))
	}
	unsigned := p.XML(evil)
	for what, c := range map[string]struct {
		text string
		want error
	}{
		"not signed":             {samltest.Response(unsigned), ErrSignature},
		"changed":                {samltest.Response(strings.Replace(good, "alice", "mallory", 1)), ErrSignature},
		"signed by a stranger":   {samltest.Response(sign(t, stranger, stranger.XML(a))), ErrSignature},
		"unsigned beside signed": {samltest.Response(unsigned, good), ErrMalformed},
		// The signed assertion is wrapped where nobody looks, another in its place.
		"wrapped":         {samltest.Response(strings.Replace(unsigned, "</saml:Issuer>", "</saml:Issuer><x>"+good+"</x>", 1)), ErrSignature},
		"signature moved": {samltest.Response(strings.Replace(unsigned, `ID="_a1"`, `ID="_a1" x="y"`, 1) + "<!-- -->"), ErrSignature},
		"other audience":  {with(func(b *samltest.Assertion) { b.Audience = "urn:other" }), ErrRejected},
		"other recipient": {with(func(b *samltest.Assertion) { b.Recipient = "https://evil.example" }), ErrRejected},
		"too old":         {with(func(b *samltest.Assertion) { b.Issued = now.Add(-6 * time.Minute) }), ErrExpired},
		"over":            {with(func(b *samltest.Assertion) { b.Until = now.Add(-2 * time.Minute) }), ErrExpired},
		"from the future": {with(func(b *samltest.Assertion) { b.Issued = now.Add(time.Hour); b.Until = now.Add(2 * time.Hour) }), ErrRejected},
		"failure":         {strings.Replace(samltest.Response(good), "status:Success", "status:Responder", 1), ErrRejected},
		"a document type": {`<!DOCTYPE x [<!ENTITY y "z">]>` + samltest.Response(good), ErrMalformed},
		"too deep":        {samltest.Response(strings.Repeat("<x>", 100) + strings.Repeat("</x>", 100)), ErrMalformed},
		"no response":     {good, ErrMalformed},
		"nothing":         {"", ErrMalformed},
		"other issuer":    {samltest.Response(sign(t, p, strings.Replace(p.XML(a), "https://idp.example/saml", "https://other.example", 1))), ErrRejected},
	} {
		if got, err := Verify(samltest.Encode(c.text), x); !errors.Is(err, c.want) {
			t.Errorf("%s: %+v, %v, want %v", what, got, err, c.want)
		}
	}
}

// A comment within a name must not cut it short.
func TestCommentsDoNotCutNames(t *testing.T) {
	p, x, a := setUp(t)
	a.Subject = "admin@example.com<!-- -->.evil.example"
	got, err := Verify(samltest.Encode(samltest.Response(sign(t, p, p.XML(a)))), x)
	if err != nil || got.Subject != "admin@example.com.evil.example" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestEncryptedAssertions(t *testing.T) {
	p, x, a := setUp(t)
	k, pemText, err := samltest.PrivateKey()
	if err != nil {
		t.Fatal(err)
	}
	enc, err := samltest.Encrypt(sign(t, p, p.XML(a)), &k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	text := samltest.Encode(samltest.Response(enc))
	if _, err := Verify(text, x); !errors.Is(err, ErrSignature) {
		t.Error("without a key:", err)
	}
	x.Keys, x.Encrypted = [][]byte{[]byte("garbage"), []byte(pemText)}, true
	if got, err := Verify(text, x); err != nil || got.Subject != "alice" {
		t.Errorf("%+v, %v", got, err)
	}
	// Encryption is no signature.
	enc, err = samltest.Encrypt(p.XML(a), &k.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Verify(samltest.Encode(samltest.Response(enc)), x); !errors.Is(err, ErrSignature) {
		t.Error("encrypted but not signed:", err)
	}
	if _, err := Verify(samltest.Encode(samltest.Response(sign(t, p, p.XML(a)))), x); !errors.Is(err, ErrRejected) {
		t.Error("in the clear where encryption is required:", err)
	}
}

func TestMetadata(t *testing.T) {
	p, _, _ := setUp(t)
	good := p.Metadata()
	for what, text := range map[string]string{
		"empty":           "",
		"other document":  "<x/>",
		"no certificate":  strings.Replace(good, `use="signing"`, `use="encryption"`, 1),
		"bad certificate": strings.Replace(good, "X509Certificate>MII", "X509Certificate>AAA", 1),
		"entities":        `<!DOCTYPE x [<!ENTITY y "z">]>` + good,
		"no entity id":    strings.Replace(good, `entityID="https://idp.example/saml"`, "", 1),
	} {
		if _, err := ParseMetadata([]byte(text)); !errors.Is(err, ErrMalformed) {
			t.Errorf("%s: %v", what, err)
		}
	}
	m, err := ParseMetadata([]byte(strings.Replace(good, "entityID", `validUntil="2030-01-02T03:04:05Z" entityID`, 1)))
	if err != nil || m.ValidUntil.Year() != 2030 {
		t.Errorf("%+v, %v", m, err)
	}
}

func FuzzVerify(f *testing.F) {
	p, x, a := setUp(f)
	good := samltest.Response(sign(f, p, p.XML(a)))
	f.Add(good)
	f.Add(strings.Replace(good, "Assertion", "EncryptedAssertion", 2))
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := Verify(samltest.Encode(text), x); err == nil && got.Subject != "alice" {
			t.Errorf("%+v is believed", got)
		}
	})
}
