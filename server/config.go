package server

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/engine/functions"
)

// Config is everything that can be set, from the configuration file (YAML, keys
// as in the yaml tags), the environment (REDOUBT_ and the key in capitals, "-"
// as "_") and flags (--key), each winning over the one before. The zero value
// of every field is usable; Defaults answers what it means.
type Config struct {
	Data string `yaml:"data" help:"directory that holds everything that lasts"`

	Listen         string   `yaml:"listen" help:"HOST:PORT for plain HTTP, or off"`
	ListenTLS      string   `yaml:"listen-tls" help:"HOST:PORT for HTTPS, or off"`
	ListenXKS      string   `yaml:"listen-xks" help:"HOST:PORT of the external key store proxy, or off"`
	TLSCert        string   `yaml:"tls-cert" help:"certificate chain (PEM) for HTTPS instead of one from the built-in CA"`
	TLSKey         string   `yaml:"tls-key" help:"private key (PEM) of tls-cert"`
	Hosts          []string `yaml:"hosts" help:"further host names by which this server is called (certificate and Host check)"`
	TrustedProxies []string `yaml:"trusted-proxies" help:"addresses or CIDRs whose X-Forwarded-For counts"`

	Account string `yaml:"account" help:"account made at the first start"`
	// IssuerURL is where verifiers of the tokens of sts:GetWebIdentityToken reach
	// this server, "https://redoubt.example.com:4567". Without it accounts cannot
	// enable outbound web identity federation.
	IssuerURL string `yaml:"issuer-url" help:"public https address of this server, for outbound web identity federation"`
	Region    string `yaml:"region" help:"region of requests that name none"`

	Store        string `yaml:"store" help:"pebble, memory or etcd://HOST:PORT[,HOST:PORT]/PREFIX"`
	CacheRecords int    `yaml:"cache-records" help:"decoded records kept in memory"`
	// Blob is where the data of objects are kept. Servers on one store share it.
	Blob      string `yaml:"blob" help:"where objects' data are kept: files (in data), file:///DIR or s3://BUCKET/PREFIX?endpoint=URL&region=REGION&ca=FILE"`
	BlobCreds string `yaml:"blob-credentials" help:"blob in s3: credentials file; else the AWS_ environment"`

	Seal           string `yaml:"seal" help:"what seals the root key: file, passphrase, pkcs11, awskms or shamir"`
	SealKey        string `yaml:"seal-key" help:"file seal: path of the key (beside the data it protects nothing against a copied directory)"`
	SealPassphrase string `yaml:"seal-passphrase-file" help:"passphrase seal: file that holds it; else REDOUBT_PASSPHRASE"`
	SealModule     string `yaml:"seal-pkcs11-module" help:"pkcs11 seal: path of the module"`
	SealToken      string `yaml:"seal-pkcs11-token" help:"pkcs11 seal: token label"`
	SealPIN        string `yaml:"seal-pkcs11-pin-file" help:"pkcs11 seal: file that holds the PIN; else REDOUBT_PIN"`
	SealLabel      string `yaml:"seal-pkcs11-label" help:"pkcs11 seal: label of the key in the token"`
	SealKMSKey     string `yaml:"seal-kms-key" help:"awskms seal: key id or ARN"`
	SealKMSURL     string `yaml:"seal-kms-endpoint" help:"awskms seal: endpoint of the other KMS"`
	SealKMSRegion  string `yaml:"seal-kms-region" help:"awskms seal: region"`
	SealKMSCreds   string `yaml:"seal-kms-credentials" help:"awskms seal: credentials file; else the AWS_ environment"`
	SealShares     int    `yaml:"seal-shares" help:"shamir seal: shares made at the first start"`
	SealThreshold  int    `yaml:"seal-threshold" help:"shamir seal: shares that it takes"`

	Dev            bool `yaml:"dev" help:"for CI: any access key is accepted as its account's root, clock and reset endpoints exist"`
	DevAllowRemote bool `yaml:"dev-allow-remote" help:"let dev mode listen beyond loopback"`

	AuditFailOpen  bool          `yaml:"audit-fail-open" help:"serve calls even when they cannot be recorded"`
	AuditRetention time.Duration `yaml:"audit-retention" help:"how long events are kept"`

	LogLevel  string `yaml:"log-level" help:"debug, info, warn or error"`
	LogFormat string `yaml:"log-format" help:"text or json"`

	DrainTimeout time.Duration `yaml:"drain-timeout" help:"how long running calls may take after SIGTERM"`
	MaxBody      int64         `yaml:"max-body" help:"largest request body of all services but S3, in bytes"`

	// Quotas bound calls per second by account and operation: "kms:Encrypt": 500.
	// What is not named is not bounded.
	Quotas map[string]float64 `yaml:"quotas" help:"calls per second and account, by service:Operation; file only"`
	// Limits replace resource quotas of an account and Region, by name; see
	// docs/configuration.md.
	Limits map[string]int `yaml:"limits" help:"resource quotas per account and region, by name, in place of AWS's; file only"`
	// EgressAllow lists destinations that outgoing requests may reach although
	// they are loopback, link-local or otherwise denied.
	EgressAllow []string `yaml:"egress-allow" help:"hosts, addresses or CIDRs that outgoing requests may reach although denied by default"`

	LambdaUnconfined     bool `yaml:"lambda-unconfined" help:"run functions although this host cannot isolate them from the server and each other"`
	LambdaStrictRuntimes bool `yaml:"lambda-strict-runtimes" help:"refuse runtimes of which this host has another version"`
	// LambdaEgress lists what functions may connect to; see docs/lambda.md.
	LambdaEgress []string `yaml:"lambda-egress" help:"what functions may connect to besides this server: HOST:PORT, *.DOMAIN:PORT or CIDR:PORT"`
	LambdaUID    int      `yaml:"lambda-uid" help:"first of 64 user ids that functions run as, when the server runs as root"`

	// CloudHSM maps CloudHSM cluster ids to PKCS#11 tokens.
	CloudHSM map[string]HSMCluster `yaml:"cloudhsm" help:"CloudHSM cluster id to PKCS#11 token; file only"`
	// XKSEndpoints says how the proxies of external key stores are reached, by the
	// host name of XksProxyUriEndpoint; others at port 443, by the system's CAs.
	XKSEndpoints map[string]XKSEndpoint `yaml:"xks-endpoints" help:"external key store endpoint's host name to address and certificates; file only"`
	// XKS configures the external key store proxy.
	XKS XKSProxy `yaml:"xks" help:"external key store proxy; file only"`
}

// HSMCluster is a PKCS#11 token that stands for a CloudHSM cluster.
type HSMCluster struct {
	Module string `yaml:"module"` // path of the PKCS#11 module
	Token  string `yaml:"token"`  // token label
	// PINFile holds the crypto user's PIN; without it, the key store password
	// that CreateCustomKeyStore brings is the PIN.
	PINFile string `yaml:"pin-file"`
	// TrustAnchor is the cluster's certificate (customerCA.crt, PEM).
	TrustAnchor string `yaml:"trust-anchor"`
	// RotatePassword lets ConnectCustomKeyStore change the crypto user's PIN, as
	// AWS does. Off, because the token is the operator's.
	RotatePassword bool   `yaml:"rotate-password"`
	Account        string `yaml:"account"` // owner; empty: every account
	Region         string `yaml:"region"`  // empty: every region
}

// XKSProxy is the proxy's identity and what it may use.
type XKSProxy struct {
	Prefix      string `yaml:"prefix"`        // URI path prefix
	AccessKeyID string `yaml:"access-key-id"` // 20 to 30 characters
	SecretFile  string `yaml:"secret-file"`   // holds the raw secret access key
	ClientCA    string `yaml:"client-ca"`     // PEM; required: the proxy speaks mutual TLS only
	// ClientNames are the common names that client certificates may have, such as
	// cks.kms.us-east-1.amazonaws.com; empty: any that client-ca signed.
	ClientNames []string `yaml:"client-names"`
	// The second credential holds beside the first, while they are rotated.
	NextAccessKeyID string   `yaml:"next-access-key-id"`
	NextSecretFile  string   `yaml:"next-secret-file"`
	Keys            []XKSKey `yaml:"keys"` // exported keys; no others are served
}

// XKSEndpoint is how the proxy of an external key store is reached.
type XKSEndpoint struct {
	Address    string `yaml:"address"`     // HOST:PORT instead of the endpoint's host at port 443
	CA         string `yaml:"ca"`          // PEM: authorities of the proxy's certificate instead of the system's
	ClientCert string `yaml:"client-cert"` // PEM: for proxies that ask for a certificate
	ClientKey  string `yaml:"client-key"`
	// VPCService makes a VPC endpoint service of this name exist, for key stores
	// with VPC_ENDPOINT_SERVICE connectivity to this endpoint.
	VPCService string `yaml:"vpc-endpoint-service"`
}

// XKSKey exports one KMS key under an external id.
type XKSKey struct {
	ID  string `yaml:"id"`  // external key id, as CreateKey's XksKeyId names it
	Key string `yaml:"key"` // ARN of the KMS key
}

// Defaults are the values of fields that are not set.
func Defaults() Config {
	return Config{
		Data:           "./redoubt-data",
		Listen:         "127.0.0.1:4566",
		ListenTLS:      "127.0.0.1:4567",
		ListenXKS:      "off",
		Account:        "123456789012",
		Region:         "us-east-1",
		Store:          "pebble",
		Blob:           "files",
		Seal:           "file",
		SealShares:     5,
		SealThreshold:  3,
		AuditRetention: 90 * 24 * time.Hour,
		LogLevel:       "info",
		LogFormat:      "text",
		DrainTimeout:   30 * time.Second,
		MaxBody:        1 << 20,
		LambdaUID:      2_000_000_000,
	}
}

var (
	accountPattern = regexp.MustCompile(`^\d{12}$`)
	regionPattern  = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-\d$`)
)

// Complete fills what is not set and checks the rest. It answers every problem
// at once.
func (c *Config) Complete() error {
	d := Defaults()
	fill(&c.Data, d.Data)
	fill(&c.Listen, d.Listen)
	fill(&c.ListenTLS, d.ListenTLS)
	fill(&c.ListenXKS, d.ListenXKS)
	fill(&c.Account, d.Account)
	fill(&c.Region, d.Region)
	fill(&c.Store, d.Store)
	fill(&c.Blob, d.Blob)
	fill(&c.Seal, d.Seal)
	fill(&c.SealKey, filepath.Join(c.Data, "seal.key"))
	fill(&c.SealShares, d.SealShares)
	fill(&c.SealThreshold, d.SealThreshold)
	fill(&c.AuditRetention, d.AuditRetention)
	fill(&c.LogLevel, d.LogLevel)
	fill(&c.LogFormat, d.LogFormat)
	fill(&c.DrainTimeout, d.DrainTimeout)
	fill(&c.MaxBody, d.MaxBody)
	fill(&c.LambdaUID, d.LambdaUID)

	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	for key, addr := range map[string]string{"listen": c.Listen, "listen-tls": c.ListenTLS, "listen-xks": c.ListenXKS} {
		if addr == "off" {
			continue
		}
		host, _, err := net.SplitHostPort(addr)
		if err != nil {
			bad(key, "%q is neither HOST:PORT nor off", addr)
		} else if c.Dev && !c.DevAllowRemote && !loopback(host) {
			bad(key, "dev mode accepts any access key and listens on loopback only; %q is not (dev-allow-remote lifts this)", addr)
		}
	}
	if !accountPattern.MatchString(c.Account) {
		bad("account", "%q is not 12 digits", c.Account)
	}
	if !regionPattern.MatchString(c.Region) {
		bad("region", "%q is not an AWS region name", c.Region)
	}
	if !slices.Contains([]string{"file", "passphrase", "pkcs11", "awskms", "shamir"}, c.Seal) {
		bad("seal", "%q is none of file, passphrase, pkcs11, awskms, shamir", c.Seal)
	}
	if c.Seal == "pkcs11" && (c.SealModule == "" || c.SealToken == "") {
		bad("seal", "pkcs11 needs seal-pkcs11-module and seal-pkcs11-token")
	}
	if c.Seal == "awskms" && c.SealKMSKey == "" {
		bad("seal", "awskms needs seal-kms-key")
	}
	if c.Seal == "shamir" && (c.SealThreshold < 2 || c.SealShares < c.SealThreshold || c.SealShares > 255) {
		bad("seal-shares", "2 <= seal-threshold <= seal-shares <= 255 does not hold for %d of %d", c.SealThreshold, c.SealShares)
	}
	if c.Store != "pebble" && c.Store != "memory" && !strings.HasPrefix(c.Store, "etcd://") {
		bad("store", "%q is none of pebble, memory, etcd://…", c.Store)
	}
	if dir, ok := strings.CutPrefix(c.Blob, "file://"); ok && !filepath.IsAbs(dir) {
		bad("blob", "%q does not name a directory by its whole path", c.Blob)
	} else if !ok && c.Blob != "files" {
		if _, err := parseBlobBucket(c.Blob, c.Region); err != nil {
			bad("blob", "%v", err)
		}
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		bad("tls-cert", "tls-cert and tls-key go together")
	}
	for _, p := range c.TrustedProxies {
		if _, err := ParsePrefix(p); err != nil {
			bad("trusted-proxies", "%v", err)
		}
	}
	if !slices.Contains([]string{"debug", "info", "warn", "error"}, c.LogLevel) {
		bad("log-level", "%q is none of debug, info, warn, error", c.LogLevel)
	}
	if c.IssuerURL != "" && !strings.HasPrefix(c.IssuerURL, "https://") {
		bad("issuer-url", "%q is no https address", c.IssuerURL)
	}
	if c.LogFormat != "text" && c.LogFormat != "json" {
		bad("log-format", "%q is neither text nor json", c.LogFormat)
	}
	for _, e := range c.LambdaEgress {
		if err := functions.ParseReach(e); err != nil {
			bad("lambda-egress", "%v", err)
		}
	}
	if c.LambdaUID < 1000 || c.LambdaUID > 4_000_000_000 {
		bad("lambda-uid", "%d is not between 1000 and 4000000000", c.LambdaUID)
	}
	for op, n := range c.Quotas {
		if s, o, ok := strings.Cut(op, ":"); !ok || s == "" || o == "" || n <= 0 {
			bad("quotas", "%q: %v is not service:Operation: calls per second", op, n)
		}
	}
	for name, n := range c.Limits {
		if !slices.Contains(limits, name) || n <= 0 {
			bad("limits", "%q: %d is not one of %s with a number", name, n, strings.Join(limits, ", "))
		}
	}
	c.checkKeyStores(bad)
	return errors.Join(errs...)
}

// The resource quotas that can be set.
const (
	standardParameters = "ssm:StandardParameters"
	advancedParameters = "ssm:AdvancedParameters"
)

var limits = []string{standardParameters, advancedParameters}

// fill sets *p to d if it has its zero value.
func fill[T comparable](p *T, d T) {
	var zero T
	if *p == zero {
		*p = d
	}
}

// ParsePrefix reads an address or a CIDR.
func ParsePrefix(s string) (netip.Prefix, error) {
	if p, err := netip.ParsePrefix(s); err == nil {
		return p.Masked(), nil
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Prefix{}, fmt.Errorf("%q is neither an address nor a CIDR", s)
	}
	return netip.PrefixFrom(a, a.BitLen()), nil
}

// loopback reports whether host can only be reached from this machine.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
