package saml

import (
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
)

// Assertion is what a verified response says.
type Assertion struct {
	Issuer        string
	Subject       string
	SubjectType   string // "persistent", "transient", or the whole format
	NameQualifier string
	Recipient     string
	Audience      string
	Issued        time.Time
	// Until is when the provider ends the session; zero when it does not.
	Until      time.Time
	Attributes map[string][]string // by Name
}

// Expect is what a response must fit.
type Expect struct {
	Metadata *Metadata
	Keys     [][]byte // PEM private keys for encrypted assertions
	// Encrypted: only an encrypted assertion will do.
	Encrypted  bool
	Audiences  []string
	Recipients []string
	Now        time.Time
	// MaxAge is how long after its issue an assertion may be used; Skew how far
	// the provider's clock may be off.
	MaxAge, Skew time.Duration
}

// Verify reads a base64-encoded response and answers its assertion once
// everything fits.
func Verify(text string, x Expect) (*Assertion, error) {
	if len(text) > MaxAssertion {
		return nil, fmt.Errorf("%w: over %d characters", ErrMalformed, MaxAssertion)
	}
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if err := bound(raw, MaxAssertion); err != nil {
		return nil, err
	}
	doc := etree.NewDocument()
	if err := doc.ReadFromBytes(raw); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	root := doc.Root()
	if root == nil || root.Tag != "Response" || root.NamespaceURI() != nsProtocol {
		return nil, fmt.Errorf("%w: no response", ErrMalformed)
	}
	a, err := signedAssertion(root, &x)
	if err != nil {
		return nil, err
	}
	return read(a, &x)
}

// signedAssertion answers the assertion as it was signed, and nothing else.
func signedAssertion(root *etree.Element, x *Expect) (*etree.Element, error) {
	ctx := dsig.NewDefaultValidationContext(&dsig.MemoryX509CertificateStore{Roots: x.Metadata.Certificates})
	ctx.Clock = dsig.NewFakeClockAt(x.Now)
	signedAsWhole := child(root, "http://www.w3.org/2000/09/xmldsig#", "Signature") != nil
	if signedAsWhole {
		var err error
		if root, err = ctx.Validate(root); err != nil {
			return nil, fmt.Errorf("%w: %v", ErrSignature, err)
		}
	}
	status := child(root, nsProtocol, "Status")
	if code := child(status, nsProtocol, "StatusCode"); code == nil ||
		code.SelectAttrValue("Value", "") != "urn:oasis:names:tc:SAML:2.0:status:Success" {
		return nil, fmt.Errorf("%w: the provider reports no success", ErrRejected)
	}
	plain, sealed := children(root, nsAssertion, "Assertion"), children(root, nsAssertion, "EncryptedAssertion")
	switch {
	case len(plain)+len(sealed) != 1:
		return nil, fmt.Errorf("%w: %d assertions", ErrMalformed, len(plain)+len(sealed))
	case len(sealed) == 1:
		a, err := decrypt(sealed[0], x.Keys)
		if err != nil {
			return nil, err
		}
		plain = []*etree.Element{a}
	case x.Encrypted:
		return nil, fmt.Errorf("%w: assertion is not encrypted", ErrRejected)
	}
	if signedAsWhole {
		return plain[0], nil
	}
	// The declarations of namespaces around it belong to what was signed.
	a := plain[0].Copy()
	inherit(a, plain[0].Parent())
	signed, err := ctx.Validate(a)
	if err != nil {
		return nil, fmt.Errorf("%w: %v", ErrSignature, err)
	}
	if signed.Tag != "Assertion" || signed.NamespaceURI() != nsAssertion {
		return nil, fmt.Errorf("%w: something else was signed", ErrSignature)
	}
	return signed, nil
}

// inherit copies namespace declarations that an element uses from above it.
func inherit(to, from *etree.Element) {
	for ; from != nil; from = from.Parent() {
		for _, a := range from.Attr {
			if (a.Space == "xmlns" || a.Space == "" && a.Key == "xmlns") && to.SelectAttr(a.FullKey()) == nil {
				to.CreateAttr(a.FullKey(), a.Value)
			}
		}
	}
}

// read holds a signed assertion against what is expected.
func read(e *etree.Element, x *Expect) (*Assertion, error) {
	a := &Assertion{Issuer: text(child(e, nsAssertion, "Issuer")), Attributes: map[string][]string{}}
	if a.Issuer != x.Metadata.EntityID {
		return nil, fmt.Errorf("%w: issued by %q", ErrRejected, a.Issuer)
	}
	var err error
	if a.Issued, err = instant(e, "IssueInstant"); err != nil {
		return nil, err
	}
	if x.Now.After(a.Issued.Add(x.MaxAge)) {
		return nil, ErrExpired
	}
	if x.Now.Add(x.Skew).Before(a.Issued) {
		return nil, fmt.Errorf("%w: issued in the future", ErrRejected)
	}
	if err := a.subject(child(e, nsAssertion, "Subject"), x); err != nil {
		return nil, err
	}
	if err := a.conditions(child(e, nsAssertion, "Conditions"), x); err != nil {
		return nil, err
	}
	for _, s := range children(e, nsAssertion, "AuthnStatement") {
		if s.SelectAttr("SessionNotOnOrAfter") != nil {
			if a.Until, err = instant(s, "SessionNotOnOrAfter"); err != nil {
				return nil, err
			}
			if !x.Now.Before(a.Until) {
				return nil, ErrExpired
			}
		}
	}
	for _, s := range children(e, nsAssertion, "AttributeStatement") {
		for _, attr := range children(s, nsAssertion, "Attribute") {
			name := attr.SelectAttrValue("Name", "")
			for _, v := range children(attr, nsAssertion, "AttributeValue") {
				a.Attributes[name] = append(a.Attributes[name], strings.TrimSpace(text(v)))
			}
		}
	}
	return a, nil
}

// subject reads the bearer confirmation that fits.
func (a *Assertion) subject(s *etree.Element, x *Expect) error {
	id := child(s, nsAssertion, "NameID")
	a.Subject = strings.TrimSpace(text(id))
	if id != nil {
		a.SubjectType = id.SelectAttrValue("Format", "")
		for _, short := range []string{"persistent", "transient"} {
			if a.SubjectType == "urn:oasis:names:tc:SAML:2.0:nameid-format:"+short {
				a.SubjectType = short
			}
		}
		a.NameQualifier = id.SelectAttrValue("NameQualifier", "")
	}
	for _, c := range children(s, nsAssertion, "SubjectConfirmation") {
		if c.SelectAttrValue("Method", "") != "urn:oasis:names:tc:SAML:2.0:cm:bearer" {
			continue
		}
		data := child(c, nsAssertion, "SubjectConfirmationData")
		if data == nil || !slices.Contains(x.Recipients, data.SelectAttrValue("Recipient", "")) {
			continue
		}
		until, err := instant(data, "NotOnOrAfter")
		if err != nil {
			return err
		}
		if !x.Now.Add(-x.Skew).Before(until) {
			return ErrExpired
		}
		a.Recipient = data.SelectAttrValue("Recipient", "")
		return nil
	}
	return fmt.Errorf("%w: no bearer confirmation for this recipient", ErrRejected)
}

// conditions checks times and audience.
func (a *Assertion) conditions(c *etree.Element, x *Expect) error {
	if c == nil {
		return fmt.Errorf("%w: no conditions", ErrRejected)
	}
	if c.SelectAttr("NotBefore") != nil {
		from, err := instant(c, "NotBefore")
		if err != nil {
			return err
		}
		if x.Now.Add(x.Skew).Before(from) {
			return fmt.Errorf("%w: not valid yet", ErrRejected)
		}
	}
	if c.SelectAttr("NotOnOrAfter") != nil {
		until, err := instant(c, "NotOnOrAfter")
		if err != nil {
			return err
		}
		if !x.Now.Add(-x.Skew).Before(until) {
			return ErrExpired
		}
	}
	restrictions := children(c, nsAssertion, "AudienceRestriction")
	if len(restrictions) == 0 {
		return fmt.Errorf("%w: no audience", ErrRejected)
	}
	for _, r := range restrictions {
		found := ""
		for _, v := range children(r, nsAssertion, "Audience") {
			if t := strings.TrimSpace(text(v)); slices.Contains(x.Audiences, t) {
				found = t
			}
		}
		if found == "" {
			return fmt.Errorf("%w: for another audience", ErrRejected)
		}
		a.Audience = found
	}
	return nil
}

// instant reads an attribute that is a time.
func instant(e *etree.Element, name string) (time.Time, error) {
	t, err := time.Parse(time.RFC3339, e.SelectAttrValue(name, ""))
	if err != nil {
		return t, fmt.Errorf("%w: %s: %v", ErrMalformed, name, err)
	}
	return t.UTC(), nil
}

// children answers the direct children of that name; none of a nil element.
func children(e *etree.Element, ns, tag string) []*etree.Element {
	if e == nil {
		return nil
	}
	var out []*etree.Element
	for _, c := range e.ChildElements() {
		if c.Tag == tag && c.NamespaceURI() == ns {
			out = append(out, c)
		}
	}
	return out
}

// child answers the only such child, nil if there is none or more than one.
func child(e *etree.Element, ns, tag string) *etree.Element {
	c := children(e, ns, tag)
	if len(c) != 1 {
		return nil
	}
	return c[0]
}

// text answers all character data of an element: a comment in the middle must
// not cut a name short (CVE-2018-0489 and its kin).
func text(e *etree.Element) string {
	if e == nil {
		return ""
	}
	var b strings.Builder
	for _, t := range e.Child {
		if c, ok := t.(*etree.CharData); ok {
			b.WriteString(c.Data)
		}
	}
	return b.String()
}
