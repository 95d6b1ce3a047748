package server

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/engine/keystore"
	"github.com/redoubt-sec/redoubt/engine/xks"
	"github.com/redoubt-sec/redoubt/service/xksproxy"
)

// keyStores are the engines behind KMS's custom key stores.
type keyStores struct {
	hsm *hsm.Engine
	xks *xks.Backend
}

// openKeyStores makes them of the configuration. Modules are loaded and proxies
// asked only when a key store needs them.
func openKeyStores(s *Server) (*keyStores, error) {
	tokens := make(map[string]hsm.Token, len(s.conf.CloudHSM))
	for id, c := range s.conf.CloudHSM {
		t := hsm.Token{Module: c.Module, Label: c.Token, RotatePassword: c.RotatePassword, Account: c.Account, Region: c.Region}
		if c.Module == s.conf.SealModule && c.Token == s.conf.SealToken && s.conf.Seal == "pkcs11" {
			return nil, fmt.Errorf("cloudhsm: %s is the seal's token: it is logged into already, so that it would take any key store password", id)
		}
		var err error
		if c.PINFile != "" {
			if t.PIN, err = pinSource(c.PINFile, ""); err != nil {
				return nil, fmt.Errorf("cloudhsm: %s: pin-file: %w", id, err)
			}
		}
		if c.TrustAnchor != "" {
			if t.TrustAnchor, err = os.ReadFile(c.TrustAnchor); err != nil {
				return nil, fmt.Errorf("cloudhsm: %s: trust-anchor: %w", id, err)
			}
		}
		tokens[id] = t
	}
	engine, err := hsm.New(hsm.Config{Tokens: tokens, DB: s.db, Clock: s.clock})
	if err != nil {
		return nil, err
	}
	routes := make(map[string]xks.Route, len(s.conf.XKSEndpoints))
	for host, c := range s.conf.XKSEndpoints {
		r := xks.Route{Address: c.Address, VPCService: c.VPCService}
		if c.CA != "" {
			if r.Roots, err = readPool(c.CA); err != nil {
				return nil, fmt.Errorf("xks-endpoints: %s: ca: %w", host, err)
			}
		}
		if c.ClientCert != "" {
			cert, err := tls.LoadX509KeyPair(c.ClientCert, c.ClientKey)
			if err != nil {
				return nil, fmt.Errorf("xks-endpoints: %s: client-cert: %w", host, err)
			}
			r.Certificate = &cert
		}
		routes[host] = r
	}
	return &keyStores{engine, xks.New(xks.Options{Gate: s.egress, Routes: routes})}, nil
}

// backends are the engines by the type of key store.
func (k *keyStores) backends() map[string]keystore.Backend {
	return map[string]keystore.Backend{
		kmsapi.CustomKeyStoreTypeAwsCloudhsm:      k.hsm,
		kmsapi.CustomKeyStoreTypeExternalKeyStore: k.xks,
	}
}

// rotates tells whether any key store may change a token's PIN.
func (c *Config) rotatesPasswords() bool {
	for _, h := range c.CloudHSM {
		if h.RotatePassword {
			return true
		}
	}
	return false
}

func (k *keyStores) close() error {
	if k == nil {
		return nil
	}
	k.xks.Close()
	return k.hsm.Close()
}

// listenXKS opens the external key store proxy: a listener, credentials and
// clients of its own.
func (s *Server) listenXKS() error {
	c := s.conf.XKS
	var credentials []xks.Credential
	for _, p := range []struct{ id, file string }{{c.AccessKeyID, c.SecretFile}, {c.NextAccessKeyID, c.NextSecretFile}} {
		if p.id == "" {
			continue
		}
		secret, err := secretFile(p.file)
		if err != nil {
			return fmt.Errorf("xks: secret-file: %w", err)
		}
		credentials = append(credentials, xks.Credential{AccessKeyID: p.id, Secret: secret})
	}
	keys := make([]xksproxy.Key, 0, len(c.Keys))
	for _, k := range c.Keys {
		keys = append(keys, xksproxy.Key{ID: k.ID, ARN: k.Key})
	}
	clients, err := readPool(c.ClientCA)
	if err != nil {
		return fmt.Errorf("xks: client-ca: %w", err)
	}
	proxy, err := xksproxy.New(xksproxy.Deps{
		DB: s.db, Invoker: s.door, Clock: s.clock, Log: s.log, Ready: s.keysReady, Version: s.version,
		Prefix: c.Prefix, Credentials: credentials, Keys: keys,
	})
	if err != nil {
		return err
	}
	own, err := s.tlsConfig()
	if err != nil {
		return err
	}
	certificate := own.GetCertificate
	if certificate == nil {
		certificate = func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &own.Certificates[0], nil }
	}
	return s.serve("listen-xks", s.conf.ListenXKS, proxy, xksproxy.TLSConfig(certificate, clients, c.ClientNames))
}

// XKSAddress is where the external key store proxy listens; empty: nowhere.
func (s *Server) XKSAddress() string {
	if l := s.listeners["listen-xks"]; l != nil {
		return reachable(l.Addr())
	}
	return ""
}

// keysReady is nil while key material can be used.
func (s *Server) keysReady() error {
	if err := s.ready(); err != nil {
		return err
	}
	return s.db.Ready()
}

// readPool reads certificate authorities in PEM.
func readPool(path string) (*x509.CertPool, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(b) {
		return nil, errors.New("no certificate in PEM")
	}
	return pool, nil
}

// checkKeyStores finds what is wrong with the settings of key stores.
func (c *Config) checkKeyStores(bad func(key, format string, args ...any)) {
	for id, h := range c.CloudHSM {
		if !strings.HasPrefix(id, "cluster-") || h.Module == "" || h.Token == "" {
			bad("cloudhsm", "%q needs an id that begins with cluster-, a module and a token", id)
		}
	}
	for host, e := range c.XKSEndpoints {
		if host == "" || strings.ContainsAny(host, ":/") || host != strings.ToLower(host) {
			bad("xks-endpoints", "%q is not a host name in lower case, without scheme and port", host)
		}
		if (e.ClientCert == "") != (e.ClientKey == "") {
			bad("xks-endpoints", "%s: client-cert and client-key go together", host)
		}
	}
	x := c.XKS
	if c.ListenXKS != "off" && (x.AccessKeyID == "" || x.SecretFile == "" || x.ClientCA == "") {
		bad("xks", "listen-xks needs xks.access-key-id, xks.secret-file and xks.client-ca")
	}
	if (x.NextAccessKeyID == "") != (x.NextSecretFile == "") {
		bad("xks", "next-access-key-id and next-secret-file go together")
	}
}
