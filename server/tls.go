package server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/store"
)

// authority is the built-in CA of the HTTPS listener. Its key lies sealed in the
// store, its certificate also in DIR/ca.pem for clients (AWS_CA_BUNDLE).
type authority struct {
	Certificate []byte // DER
	Key         []byte // PKCS #8, sealed
}

var authorities = store.GlobalTable[authority]("server.ca")

const (
	caPurpose  = "server.ca"
	caLife     = 10 * 365 * 24 * time.Hour
	leafLife   = 90 * 24 * time.Hour
	leafMargin = 30 * 24 * time.Hour
)

// certificates hands out the HTTPS listener's certificate and renews it in time.
// It lives on wall time, as every TLS peer does.
type certificates struct {
	ca    *x509.Certificate
	key   *ecdsa.PrivateKey
	names []string

	mu   sync.Mutex
	leaf *tls.Certificate
}

// openAuthority reads the CA, making it at the first start, and leaves its
// certificate in the data directory.
func openAuthority(ctx context.Context, db *store.DB, keys *keyring.Keyring, dir *dataDir, hosts []string) (*certificates, error) {
	var rec *authority
	err := db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		var err error
		rec, err = authorities.Rows().Get(tx, "ca")
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		rec, err = newAuthority(keys)
		if err != nil {
			return err
		}
		return authorities.Rows().Put(tx, "ca", rec)
	})
	if err != nil {
		return nil, err
	}
	c := &certificates{names: append([]string{"localhost", "*.localhost"}, hosts...)}
	if c.ca, err = x509.ParseCertificate(rec.Certificate); err != nil {
		return nil, fmt.Errorf("built-in CA: %w", err)
	}
	der, err := keys.Open(caPurpose, rec.Certificate, rec.Key)
	if err != nil {
		return nil, fmt.Errorf("built-in CA: %w", err)
	}
	key, err := x509.ParsePKCS8PrivateKey(der)
	clear(der)
	if err != nil {
		return nil, fmt.Errorf("built-in CA: %w", err)
	}
	var ok bool
	if c.key, ok = key.(*ecdsa.PrivateKey); !ok {
		return nil, fmt.Errorf("built-in CA: unexpected key type %T", key)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: rec.Certificate})
	if old, err := dir.read("ca.pem"); errors.Is(err, fs.ErrNotExist) || err == nil && string(old) != string(text) {
		return c, dir.replace("ca.pem", text)
	} else if err != nil {
		return nil, err
	}
	return c, nil
}

func newAuthority(keys *keyring.Keyring) (*authority, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	start := time.Now().Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{CommonName: "Redoubt CA " + token(6)},
		NotBefore:             start,
		NotAfter:              start.Add(caLife),
		IsCA:                  true,
		BasicConstraintsValid: true,
		MaxPathLenZero:        true,
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	defer clear(der)
	sealed, err := keys.Seal(caPurpose, cert, der)
	if err != nil {
		return nil, err
	}
	return &authority{Certificate: cert, Key: sealed}, nil
}

// renewAuthority seals the CA's key anew when the root key is replaced.
func renewAuthority(keys *keyring.Keyring) func(string, *authority) (bool, error) {
	return func(_ string, a *authority) (changed bool, err error) {
		a.Key, changed, err = keys.Renew(caPurpose, a.Certificate, a.Key)
		return changed, err
	}
}

// get implements tls.Config.GetCertificate.
func (c *certificates) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.leaf != nil && time.Until(c.leaf.Leaf.NotAfter) > leafMargin {
		return c.leaf, nil
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, err
	}
	start := time.Now().Add(-time.Hour)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{CommonName: "redoubt"},
		NotBefore:    start,
		NotAfter:     start.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	for _, n := range c.names {
		if a, err := netip.ParseAddr(n); err == nil {
			template.IPAddresses = append(template.IPAddresses, a.AsSlice())
			continue
		}
		template.DNSNames = append(template.DNSNames, n)
		if !strings.HasPrefix(n, "*.") && strings.Contains(n, ".") {
			// Services and buckets as hosts below the name.
			template.DNSNames = append(template.DNSNames, "*."+n)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, c.ca, key.Public(), c.key)
	if err != nil {
		return nil, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	c.leaf = &tls.Certificate{Certificate: [][]byte{der, c.ca.Raw}, PrivateKey: key, Leaf: leaf}
	return c.leaf, nil
}

// serial makes a random positive serial number (RFC 5280, section 4.1.2.2).
func serial() *big.Int {
	n, err := rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127))
	if err != nil {
		panic(err) // crypto/rand does not fail
	}
	return n.Add(n, big.NewInt(1))
}
