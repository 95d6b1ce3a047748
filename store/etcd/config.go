package etcd

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"
)

// maxPrefix keeps the largest commit within etcd's request size.
const maxPrefix = 64

// Config says where the cluster is; Parse makes it from a URL.
type Config struct {
	Endpoints []string // "host:port"
	Prefix    string   // of all keys, "redoubt/"
	Username  string
	Password  string
	TLS       *tls.Config // nil: plain
	// Lease is how long the others wait for a node that went silent; 1s to 1m.
	Lease time.Duration
	// KeepHistory leaves compaction to the operator.
	KeepHistory bool
}

// Parse reads
//
//	etcd://[user[:password]@]host[:port][,host[:port]…][/prefix][?option=value…]
//
// with the options tls (on, off), ca, cert, key (PEM files), server-name,
// password-file, lease (5s), compact (on, off). TLS is on when ca, cert or key
// are given, and must be switched off by hand for hosts beyond loopback.
func Parse(text string) (*Config, error) {
	c, err := parse(text)
	if err != nil {
		return nil, fmt.Errorf("store: bad etcd address: %w", err)
	}
	return c, nil
}

func parse(text string) (*Config, error) {
	rest, ok := strings.CutPrefix(text, "etcd://")
	if !ok {
		return nil, errors.New("it does not start with etcd://")
	}
	rest, query, _ := strings.Cut(rest, "?")
	hosts, path, _ := strings.Cut(rest, "/")
	c := &Config{Prefix: "redoubt/", Lease: 5 * time.Second}
	if i := strings.LastIndexByte(hosts, '@'); i >= 0 {
		user, err := url.Parse("x://" + hosts[:i+1] + "x")
		if err != nil {
			return nil, errors.New("the user name or password is not URL-encoded") // without quoting it
		}
		c.Username = user.User.Username()
		c.Password, _ = user.User.Password()
		hosts = hosts[i+1:]
	}
	local := true
	for h := range strings.SplitSeq(hosts, ",") {
		host, port, err := net.SplitHostPort(h)
		if err != nil {
			host, port = strings.Trim(h, "[]"), "2379"
		}
		if host == "" {
			return nil, errors.New("a host is missing")
		}
		ip := net.ParseIP(host)
		local = local && (host == "localhost" || ip != nil && ip.IsLoopback())
		c.Endpoints = append(c.Endpoints, net.JoinHostPort(host, port))
	}
	if path = strings.Trim(path, "/"); path != "" {
		c.Prefix = path + "/"
	}
	if len(c.Prefix) > maxPrefix {
		return nil, fmt.Errorf("the prefix is longer than %d bytes", maxPrefix)
	}
	options, err := url.ParseQuery(query)
	if err != nil {
		return nil, errors.New("the options are not URL-encoded")
	}
	return c, c.options(options, local)
}

func (c *Config) options(options url.Values, local bool) error {
	var ca, cert, key, name string
	secure, plain := false, false
	for k, v := range options {
		if len(v) != 1 {
			return fmt.Errorf("option %s is given more than once", k)
		}
		var err error
		switch v := v[0]; k {
		case "tls":
			secure, plain = v == "on", v == "off"
			if !secure && !plain {
				err = errors.New("is on or off")
			}
		case "ca":
			ca = v
		case "cert":
			cert = v
		case "key":
			key = v
		case "server-name":
			name = v
		case "password-file":
			var b []byte
			b, err = os.ReadFile(v)
			c.Password = strings.TrimRight(string(b), "\r\n")
		case "lease":
			c.Lease, err = time.ParseDuration(v)
		case "compact":
			c.KeepHistory = v == "off"
			if v != "on" && v != "off" {
				err = errors.New("is on or off")
			}
		default:
			err = errors.New("is unknown")
		}
		if err != nil {
			return fmt.Errorf("option %s: %w", k, err)
		}
	}
	if c.Lease < time.Second || c.Lease > time.Minute {
		return errors.New("option lease: is from 1s to 1m")
	}
	if c.Password != "" && c.Username == "" {
		return errors.New("a password without a user name")
	}
	files := ca+cert+key+name != ""
	switch {
	case plain && files:
		return errors.New("tls=off with options of TLS")
	case plain:
		return nil
	case !secure && !files:
		if !local {
			return errors.New("the hosts are not loopback: give ca=FILE or tls=on, or say tls=off to send everything in the clear")
		}
		return nil
	}
	return c.secure(ca, cert, key, name)
}

func (c *Config) secure(ca, cert, key, name string) error {
	c.TLS = &tls.Config{MinVersion: tls.VersionTLS12, ServerName: name}
	if ca != "" {
		pem, err := os.ReadFile(ca)
		if err != nil {
			return fmt.Errorf("option ca: %w", err)
		}
		c.TLS.RootCAs = x509.NewCertPool()
		if !c.TLS.RootCAs.AppendCertsFromPEM(pem) {
			return fmt.Errorf("option ca: %s holds no certificate in PEM form", ca)
		}
	}
	if (cert == "") != (key == "") {
		return errors.New("options cert and key go together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return fmt.Errorf("options cert and key: %w", err)
		}
		c.TLS.Certificates = []tls.Certificate{pair}
	}
	return nil
}
