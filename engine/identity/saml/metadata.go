package saml

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"
)

const (
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
)

// Metadata is what counts of an identity provider's description.
type Metadata struct {
	EntityID     string
	ValidUntil   time.Time // zero when it has no end
	Certificates []*x509.Certificate
}

type entityDescriptor struct {
	XMLName    xml.Name `xml:"urn:oasis:names:tc:SAML:2.0:metadata EntityDescriptor"`
	EntityID   string   `xml:"entityID,attr"`
	ValidUntil string   `xml:"validUntil,attr"`
	IDP        []struct {
		ValidUntil string `xml:"validUntil,attr"`
		Keys       []struct {
			Use          string   `xml:"use,attr"`
			Certificates []string `xml:"http://www.w3.org/2000/09/xmldsig# KeyInfo>X509Data>X509Certificate"`
		} `xml:"urn:oasis:names:tc:SAML:2.0:metadata KeyDescriptor"`
		SignOn []struct{} `xml:"urn:oasis:names:tc:SAML:2.0:metadata SingleSignOnService"`
	} `xml:"urn:oasis:names:tc:SAML:2.0:metadata IDPSSODescriptor"`
}

// ParseMetadata reads a provider's metadata document: one EntityDescriptor with
// an IDPSSODescriptor that has a signing certificate.
func ParseMetadata(b []byte) (*Metadata, error) {
	if err := bound(b, MaxMetadata); err != nil {
		return nil, err
	}
	var e entityDescriptor
	if err := xml.Unmarshal(b, &e); err != nil {
		return nil, fmt.Errorf("%w: %v", ErrMalformed, err)
	}
	if e.EntityID == "" || len(e.IDP) == 0 {
		return nil, fmt.Errorf("%w: no identity provider in it", ErrMalformed)
	}
	m := &Metadata{EntityID: e.EntityID}
	until := e.ValidUntil
	for _, idp := range e.IDP {
		if until == "" {
			until = idp.ValidUntil
		}
		for _, k := range idp.Keys {
			if k.Use != "" && k.Use != "signing" {
				continue
			}
			for _, text := range k.Certificates {
				c, err := certificate(text)
				if err != nil {
					return nil, err
				}
				m.Certificates = append(m.Certificates, c)
			}
		}
	}
	if len(m.Certificates) == 0 {
		return nil, fmt.Errorf("%w: no signing certificate", ErrMalformed)
	}
	if until != "" {
		t, err := time.Parse(time.RFC3339, until)
		if err != nil {
			return nil, fmt.Errorf("%w: validUntil: %v", ErrMalformed, err)
		}
		m.ValidUntil = t.UTC()
	}
	return m, nil
}

func certificate(text string) (*x509.Certificate, error) {
	der, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		return nil, fmt.Errorf("%w: certificate: %v", ErrMalformed, err)
	}
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("%w: certificate: %v", ErrMalformed, err)
	}
	return c, nil
}

// bound refuses documents that are too large or deep, or that declare entities.
func bound(b []byte, size int) error {
	if len(b) > size {
		return fmt.Errorf("%w: over %d bytes", ErrMalformed, size)
	}
	d := xml.NewDecoder(bytes.NewReader(b))
	depth := 0
	for {
		t, err := d.RawToken()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return fmt.Errorf("%w: %v", ErrMalformed, err)
		}
		switch t.(type) {
		case xml.Directive:
			return fmt.Errorf("%w: it has a document type", ErrMalformed)
		case xml.StartElement:
			if depth++; depth > maxDepth {
				return fmt.Errorf("%w: nested too deeply", ErrMalformed)
			}
		case xml.EndElement:
			depth--
		}
	}
}
