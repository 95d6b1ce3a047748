package egress

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"time"
)

// Config says what may be reached beyond the default. The zero value is usable.
type Config struct {
	// Allow lists exceptions; see Rule for their forms.
	Allow []string
	// Resolver answers addresses; nil is Go's own resolver over the system's
	// configuration.
	Resolver Resolver
	// Observe, if set, is told of every request after its headers came or it
	// failed. It must not block.
	Observe func(Outcome)
}

// Resolver looks up the addresses of a host; *net.Resolver is one.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
}

// Outcome is a request as logs and metrics may know it.
type Outcome struct {
	Purpose  string // "xks", "oidc", …
	Host     string // with port
	Status   int    // 0 without an answer
	Duration time.Duration
	Err      error
}

// Gate judges where requests go. It makes the clients.
type Gate struct {
	rules    []Rule
	resolver Resolver
	observe  func(Outcome)

	own *listeners
}

// listeners are this server's own.
type listeners struct {
	mu  sync.RWMutex
	all []netip.AddrPort
}

// New makes a gate.
func New(c Config) (*Gate, error) {
	g := &Gate{resolver: c.Resolver, observe: c.Observe, own: &listeners{}}
	if g.resolver == nil {
		g.resolver = &net.Resolver{PreferGo: true}
	}
	if g.observe == nil {
		g.observe = func(Outcome) {}
	}
	var err error
	g.rules, err = parseRules(c.Allow)
	return g, err
}

func parseRules(all []string) ([]Rule, error) {
	var rules []Rule
	for _, s := range all {
		r, err := ParseRule(s)
		if err != nil {
			return nil, err
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// With is a gate with exceptions of its own instead of this one's. It knows the
// same listeners, those that come later included.
func (g *Gate) With(allow []string) (*Gate, error) {
	rules, err := parseRules(allow)
	return &Gate{rules: rules, resolver: g.resolver, observe: g.observe, own: g.own}, err
}

// Own names a listener of this server, so that no request comes back in by the
// side door. A listener on the unspecified address covers every address of this
// machine.
func (g *Gate) Own(a net.Addr) {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return // not TCP: a socket in the file system is out of reach
	}
	g.own.mu.Lock()
	defer g.own.mu.Unlock()
	g.own.all = append(g.own.all, netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port()))
}

// ErrRefused is in every error by which the gate refuses a destination.
var ErrRefused = errors.New("egress: destination refused")

// judge answers nil if a request for host may go to the address.
func (g *Gate) judge(host string, to netip.AddrPort) error {
	addr := to.Addr().WithZone("").Unmap()
	to = netip.AddrPortFrom(addr, to.Port())
	class := classify(addr)
	own := g.isOwn(to)
	if class == "" && !own {
		return nil
	}
	for _, r := range g.rules {
		if ok, exact := r.allows(host, to, class); ok && (exact || !own) {
			return nil
		}
	}
	if own {
		class = "own listener"
	}
	return fmt.Errorf("%w: %s is at %s (%s)", ErrRefused, host, to, class)
}

func (g *Gate) isOwn(to netip.AddrPort) bool {
	g.own.mu.RLock()
	defer g.own.mu.RUnlock()
	for _, o := range g.own.all {
		if o.Port() != to.Port() {
			continue
		}
		if o.Addr() == to.Addr() || to.Addr().IsUnspecified() {
			return true
		}
		if o.Addr().IsUnspecified() && (to.Addr().IsLoopback() || isLocal(to.Addr())) {
			return true
		}
	}
	return false
}

// isLocal reports whether an interface of this machine has the address. When
// the machine won't say, it might.
func isLocal(a netip.Addr) bool {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return true
	}
	for _, i := range addrs {
		if p, err := netip.ParsePrefix(i.String()); err == nil && p.Addr().Unmap() == a {
			return true
		}
	}
	return false
}
