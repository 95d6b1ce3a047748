package xksproxy

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"slices"
)

// TLSConfig is how the proxy's listener speaks TLS: 1.2 or later, and only with
// clients whose certificate comes from one of the authorities. With names, the
// certificate's subject common name must be one of them as well: AWS's own
// clients are cks.kms.REGION.amazonaws.com, and the authorities that signed them
// sign for everyone.
func TLSConfig(certificate func(*tls.ClientHelloInfo) (*tls.Certificate, error), clients *x509.CertPool, names []string) *tls.Config {
	return &tls.Config{
		MinVersion:     tls.VersionTLS12,
		GetCertificate: certificate,
		ClientAuth:     tls.RequireAndVerifyClientCert,
		ClientCAs:      clients,
		NextProtos:     []string{"h2", "http/1.1"},
		VerifyConnection: func(c tls.ConnectionState) error {
			if len(names) > 0 && !slices.Contains(names, c.PeerCertificates[0].Subject.CommonName) {
				return errors.New("xksproxy: client certificate has another subject name")
			}
			return nil
		},
	}
}
