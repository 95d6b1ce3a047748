package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	neturl "net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/egress"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// sealFor makes the seal that the configuration names. first: there is no root
// key yet, so a seal of shares splits a new key instead of waiting for shares.
func sealFor(c *Config, first bool) (keyring.Seal, error) {
	switch c.Seal {
	case "file":
		return keyring.NewFileSeal(c.SealKey), nil
	case "passphrase":
		if c.SealPassphrase != "" {
			return keyring.PassphraseFromFile(c.SealPassphrase), nil
		}
		return keyring.PassphraseFromEnv("REDOUBT_PASSPHRASE"), nil
	case "pkcs11":
		return tokenSeal(c)
	case "awskms":
		return kmsSeal(c)
	case "shamir":
		if first {
			return keyring.NewShamirSeal(c.SealShares, c.SealThreshold)
		}
		return keyring.WaitForShares(), nil
	}
	return nil, fmt.Errorf("seal %q is not known", c.Seal)
}

// kmsSeal is a seal by another KMS endpoint.
func kmsSeal(c *Config) (keyring.Seal, error) {
	region := c.SealKMSRegion
	if region == "" {
		region = c.Region
	}
	url := c.SealKMSURL
	if url == "" {
		url = "https://kms." + region + ".amazonaws.com"
	}
	signer := &sigv4.Signer{
		AccessKeyID: os.Getenv("AWS_ACCESS_KEY_ID"), Secret: os.Getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Region: region, Service: "kms",
	}
	if c.SealKMSCreds != "" {
		var err error
		if signer.AccessKeyID, signer.Secret, err = ReadCredentials(c.SealKMSCreds, "default"); err != nil {
			return nil, err
		}
		signer.SessionToken = ""
	}
	if signer.AccessKeyID == "" {
		return nil, errors.New("seal awskms: set seal-kms-credentials, or AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	}
	u, err := neturl.Parse(url)
	if err != nil {
		return nil, fmt.Errorf("seal-kms-endpoint: %w", err)
	}
	host := u.Host
	if u.Port() == "" {
		host += map[string]string{"http": ":80", "https": ":443"}[u.Scheme]
	}
	// The operator named this endpoint: it may be anywhere, this machine included.
	gate, err := egress.New(egress.Config{Allow: []string{host}})
	if err != nil {
		return nil, fmt.Errorf("seal-kms-endpoint: %w", err)
	}
	client := gate.Client("seal", egress.Options{Plain: u.Scheme == "http", Timeout: 5 * time.Second})
	return keyring.NewKMSSeal(url, c.SealKMSKey, client, signer), nil
}

// sealFrom makes the seal that a rotation asks for. What the request leaves out
// is the configuration's.
func (s *Server) sealFrom(_ context.Context, in *redoubtapi.RotateSealInput) (keyring.Seal, func() []string, error) {
	c := s.conf
	set := func(to *string, v *string) {
		if v != nil {
			*to = *v
		}
	}
	if in.Kind == nil && in.KeyFile == nil && in.PassphraseFile == nil && in.KeyId == nil && in.Label == nil && in.Shares == nil {
		if in.RotateRoot == nil || !*in.RotateRoot {
			return nil, nil, errors.New("say what the new seal is (--kind, --seal-key, …), or --rotate-root to keep the seal and make a new root key")
		}
		return nil, nil, nil // the present seal
	}
	for _, path := range []*string{in.KeyFile, in.PassphraseFile, in.PinFile, in.CredentialsFile} {
		// Where the server happens to stand is nothing that a caller should build
		// on: a new seal key must not land in a place that nobody will look in.
		if path != nil && !filepath.IsAbs(*path) {
			return nil, nil, fmt.Errorf("%q: give whole paths, as the server sees them", *path)
		}
	}
	set(&c.Seal, in.Kind)
	set(&c.SealKey, in.KeyFile)
	set(&c.SealPassphrase, in.PassphraseFile)
	if in.Module != nil && !s.conf.namesModule(*in.Module) {
		// A module is code that runs as this server: who may call this operation
		// may not choose it, only who writes the configuration.
		return nil, nil, errors.New("the configuration does not name this PKCS #11 module (seal-pkcs11-module)")
	}
	set(&c.SealModule, in.Module)
	set(&c.SealToken, in.Token)
	set(&c.SealPIN, in.PinFile)
	set(&c.SealLabel, in.Label)
	set(&c.SealKMSKey, in.KeyId)
	set(&c.SealKMSURL, in.Endpoint)
	set(&c.SealKMSRegion, in.KmsRegion)
	set(&c.SealKMSCreds, in.CredentialsFile)
	if in.Shares != nil {
		c.SealShares = int(*in.Shares)
	}
	if in.Threshold != nil {
		c.SealThreshold = int(*in.Threshold)
	}
	if c.Seal == "file" && c.SealKey == s.conf.SealKey && s.conf.Seal == "file" {
		return nil, nil, errors.New("the new seal key must be another file than the present one (--seal-key)")
	}
	if err := c.Complete(); err != nil {
		return nil, nil, err
	}
	seal, err := sealFor(&c, true)
	if err != nil {
		return nil, nil, err
	}
	if sh, ok := seal.(*keyring.ShamirSeal); ok {
		return seal, sh.Shares, nil
	}
	return seal, nil, nil
}

// namesModule reports whether the configuration names a PKCS #11 module.
func (c *Config) namesModule(path string) bool {
	if path == c.SealModule {
		return true
	}
	for _, h := range c.CloudHSM {
		if h.Module == path {
			return true
		}
	}
	return false
}

// resolveSeal makes the seal for a wrap that another server proposes: with this
// server's own configuration.
func (s *Server) resolveSeal(_ context.Context, w keyring.Wrap) (keyring.Seal, error) {
	c := s.conf
	if w.Kind != c.Seal {
		return nil, fmt.Errorf("this server is configured for seal %s, not %s", c.Seal, w.Kind)
	}
	return sealFor(&c, false)
}

// secretFile reads a secret of one line from a file that only its owner can
// read.
func secretFile(path string) (string, error) {
	dir, name := filepath.Split(path)
	b, err := (&dataDir{path: filepath.Clean(dir)}).read(name)
	return strings.TrimRight(string(b), "\r\n"), err
}

// ReadCredentials reads one profile of an AWS shared-credentials file. Source:
// AWS SDKs and Tools Reference Guide, "Shared config and credentials files".
func ReadCredentials(path, profile string) (keyID, secret string, err error) {
	f, err := os.Open(path)
	if err != nil {
		return "", "", fmt.Errorf("credentials: %w", err)
	}
	defer f.Close()
	section := ""
	for lines := bufio.NewScanner(f); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			section = strings.Trim(line, "[] ")
			continue
		}
		k, v, ok := strings.Cut(line, "=")
		if !ok || section != profile {
			continue
		}
		switch strings.TrimSpace(k) {
		case "aws_access_key_id":
			keyID = strings.TrimSpace(v)
		case "aws_secret_access_key":
			secret = strings.TrimSpace(v)
		}
	}
	if keyID == "" || secret == "" {
		return "", "", fmt.Errorf("credentials: %s has no profile %q", path, profile)
	}
	return keyID, secret, nil
}
