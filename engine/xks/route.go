package xks

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
)

// Route says how the proxy at an endpoint is reached, where that differs from
// HTTPS at port 443 with a certificate of a public authority: API calls cannot
// say it, since XksProxyUriEndpoint has no room for a port.
type Route struct {
	// Address is the HOST:PORT to connect to; empty: the endpoint's host, port 443.
	// The proxy's certificate must carry the endpoint's host all the same.
	Address string
	// Roots are the authorities for the proxy's certificate; nil: the system's.
	Roots *x509.CertPool
	// Certificate authenticates us to proxies that ask (mutual TLS).
	Certificate *tls.Certificate
	// VPCService is the name by which stores with VPC_ENDPOINT_SERVICE
	// connectivity reach the endpoint. Nothing else makes such a service exist.
	VPCService string
}

// Options are what the back end is made with.
type Options struct {
	Gate *egress.Gate
	// Routes by the endpoint's host name, lower case.
	Routes map[string]Route
	// Budget is the time for a request; 0 means the specification's 250 ms.
	Budget time.Duration
}

// sender is a client that egress made.
type sender interface {
	Do(*http.Request) (*http.Response, error)
	CloseIdleConnections()
}

// peer is where the requests for an endpoint go.
type peer struct {
	send  sender
	route Route
}

// peers makes a client per route, and one for all other endpoints: what users
// name must not make clients pile up.
func peers(o Options) map[string]peer {
	m := make(map[string]peer, len(o.Routes)+1)
	base := egress.Options{Timeout: o.Budget, MaxResponse: MaxBody, Idle: 32}
	for host, r := range o.Routes {
		c := base
		c.Roots, c.Certificate, c.ServerName = r.Roots, r.Certificate, host
		m[strings.ToLower(host)] = peer{o.Gate.Client("xks", c), r}
	}
	m[""] = peer{o.Gate.Client("xks", base), Route{}}
	return m
}
