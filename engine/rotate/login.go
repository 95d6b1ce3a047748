package rotate

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// login is where and as whom to sign in: a secret value as drivers see it.
type login struct {
	stage          string // of the version it was read from, for messages
	host           string
	port           int
	user, password string
	db             string
	security       security
	roots          *x509.CertPool // nil: the system's
	url            *url.URL       // of the HTTP engine
	master         string         // masterarn

	// note takes a warning of a driver for the log.
	note func(format string, args ...any)
}

// login reads what the engine needs from a secret value.
func (e *engine) login(d *document, stage string, roots *x509.CertPool) (*login, error) {
	kind, err := d.text("engine")
	if err != nil {
		return nil, err
	}
	if !slices.Contains(e.kinds, kind) {
		return nil, keyError("Database engine must be set to '%s' in order to use this rotation lambda", e.kinds[0])
	}
	required := []string{"host", "username", "password"}
	if e.byURL {
		required[0] = "url"
	}
	for _, key := range required {
		if _, ok := d.value(key); !ok {
			return nil, keyError("%s key is missing from secret JSON", key)
		}
	}
	l := &login{stage: stage, security: d.security(), roots: roots}
	texts := map[string]*string{"username": &l.user, "password": &l.password, "dbname": &l.db, "masterarn": &l.master}
	if !e.byURL {
		texts["host"] = &l.host
	}
	for key, to := range texts {
		if *to, err = d.text(key); err != nil {
			return nil, err
		}
	}
	if l.user == "" {
		return nil, valueError("username in the secret JSON is empty")
	}
	if strings.ContainsRune(l.user+l.password+l.db, 0) {
		return nil, valueError("username, password or dbname in the secret JSON holds a NUL character")
	}
	if l.db == "" {
		l.db = e.db
	}
	if e.byURL {
		err = l.readURL(d)
	} else {
		l.port, err = d.port(e.port)
	}
	if err != nil {
		return nil, err
	}
	return l, l.readRoots(d)
}

// readRoots takes the authorities that the secret itself names, as libpq's
// sslrootcert does, but in line: databases on one's own premises seldom have
// certificates of a public authority.
func (l *login) readRoots(d *document) error {
	pem, err := d.text("sslrootcert")
	if err != nil || pem == "" {
		return err
	}
	l.roots = x509.NewCertPool()
	if !l.roots.AppendCertsFromPEM([]byte(pem)) {
		return valueError("sslrootcert in the secret JSON holds no certificate in PEM")
	}
	return nil
}

// readURL reads the address of the HTTP engine. Plain HTTP needs "ssl": false.
func (l *login) readURL(d *document) error {
	text, err := d.text("url")
	if err != nil {
		return err
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Host == "" || u.User != nil || u.Fragment != "":
		return valueError("url in the secret JSON must be an https address without user and fragment")
	case u.Scheme == "https":
		l.security = security{tls: true}
	case u.Scheme != "http" || l.security.tls:
		return valueError("url in the secret JSON must be an https address; http takes \"ssl\": false beside it")
	}
	l.url, l.host = u, u.Host
	return nil
}

func (l *login) address() string { return net.JoinHostPort(l.host, strconv.Itoa(l.port)) }

// tlsConfig checks the server's certificate and that it names the host: what
// libpq calls verify-full.
func (l *login) tlsConfig() *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: l.roots, ServerName: l.host}
}
