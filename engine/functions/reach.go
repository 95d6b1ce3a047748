package functions

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redoubt-sec/redoubt/egress"
)

// reach is what functions may connect to beyond this server's API, and how they
// get there. Inside a sandbox every address is local (everywhereLocal), so a
// connection to a port that a rule names comes here with its destination; names
// are answered with addresses that stand for them (198.18.0.0/15, RFC 2544), so
// that a connection comes with the name that was meant and nothing is resolved
// inside.
type reach struct {
	rules []reachRule
	gate  *egress.Gate
	log   *slog.Logger
}

// router is the way out of one sandbox. The names that it asked for are its own:
// no function uses up what others need.
type router struct {
	*reach
	mu    sync.Mutex
	names []string // by number: 198.18.0.1 is names[0]
}

// reachRule is one line of the configuration.
type reachRule struct {
	prefix netip.Prefix
	host   string // "*" for any, ".example.com" for all below
	port   uint16
}

const (
	maxReachPorts = 64
	maxReachNames = 4096
)

var standIns = netip.MustParsePrefix("198.18.0.0/15")

// ParseReach reads what functions may connect to: HOST:PORT, *.DOMAIN:PORT,
// *:PORT (any name), ADDRESS:PORT or CIDR:PORT, IPv4 and TCP. Loopback addresses
// mean this host.
func ParseReach(s string) error {
	_, err := parseReach(s)
	return err
}

func parseReach(s string) (reachRule, error) {
	bad := func(why string) (reachRule, error) {
		return reachRule{}, fmt.Errorf("%q: %s (HOST:PORT, *.DOMAIN:PORT, *:PORT, ADDRESS:PORT or CIDR:PORT)", s, why)
	}
	host, portText, ok := cutLast(s)
	if !ok || host == "" {
		return bad("no port")
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return bad("no port number")
	}
	if port == 53 || port == 9001 || port == 9002 {
		return bad("the port is taken inside sandboxes")
	}
	r := reachRule{port: uint16(port)}
	if p, err := netip.ParsePrefix(host); err == nil {
		r.prefix = p.Masked()
	} else if a, err := netip.ParseAddr(host); err == nil {
		r.prefix = netip.PrefixFrom(a, a.BitLen())
	} else if host == "*" {
		r.host = host
	} else if _, err := egress.ParseRule(host); err == nil {
		r.host = strings.TrimPrefix(strings.ToLower(strings.TrimSuffix(host, ".")), "*")
	} else {
		return bad("neither an address nor a host name")
	}
	if r.prefix.IsValid() && !r.prefix.Addr().Is4() {
		return bad("IPv6 destinations are reached by name")
	}
	return r, nil
}

func cutLast(s string) (before, after string, ok bool) {
	i := strings.LastIndexByte(s, ':')
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+1:], true
}

func newReach(rules []string, gate *egress.Gate, log *slog.Logger) (*reach, error) {
	r := &reach{log: log}
	var allow []string
	for _, s := range rules {
		rule, err := parseReach(s)
		if err != nil {
			return nil, fmt.Errorf("functions: %w", err)
		}
		r.rules = append(r.rules, rule)
		switch {
		case rule.host == "*": // what is denied by default stays so
		case rule.prefix.IsValid() && !rule.prefix.IsSingleIP():
			allow = append(allow, rule.prefix.String())
		default:
			allow = append(allow, strings.ToLower(s))
		}
	}
	if len(r.ports()) > maxReachPorts {
		return nil, fmt.Errorf("functions: more than %d different ports", maxReachPorts)
	}
	if len(r.rules) == 0 {
		return r, nil
	}
	if gate == nil {
		return nil, errors.New("functions: destinations without a gate")
	}
	var err error
	r.gate, err = gate.With(allow)
	return r, err
}

// ports are the ports on which sandboxes listen.
func (r *reach) ports() []int {
	var ports []int
	for _, rule := range r.rules {
		if !slices.Contains(ports, int(rule.port)) {
			ports = append(ports, int(rule.port))
		}
	}
	return ports
}

func (rule reachRule) matchesName(name string) bool {
	switch {
	case rule.host == "*":
		return true
	case strings.HasPrefix(rule.host, "."):
		return strings.HasSuffix(name, rule.host)
	}
	return rule.host != "" && name == rule.host
}

// standIn answers the address that stands for a name, if a rule lets functions
// reach it.
func (r *router) standIn(name string) (netip.Addr, bool) {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if !slices.ContainsFunc(r.rules, func(rule reachRule) bool { return rule.matchesName(name) }) {
		return netip.Addr{}, false
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	n := slices.Index(r.names, name)
	if n < 0 {
		if len(r.names) == maxReachNames {
			return netip.Addr{}, false
		}
		n = len(r.names)
		r.names = append(r.names, name)
	}
	a := standIns.Addr().As4()
	n++
	a[2], a[3] = byte(n>>8), byte(n)
	return netip.AddrFrom4(a), true
}

// nameOf answers the name for which an address stands.
func (r *router) nameOf(a netip.Addr) (string, bool) {
	if !standIns.Contains(a) {
		return "", false
	}
	b := a.As4()
	n := (int(b[1])-18)<<16 | int(b[2])<<8 | int(b[3])
	r.mu.Lock()
	defer r.mu.Unlock()
	if n < 1 || n > len(r.names) {
		return "", false
	}
	return r.names[n-1], true
}

// target answers what a destination inside a sandbox means outside.
func (r *router) target(to netip.AddrPort) (string, bool) {
	a := to.Addr().Unmap()
	if name, ok := r.nameOf(a); ok {
		ok = slices.ContainsFunc(r.rules, func(rule reachRule) bool { return rule.port == to.Port() && rule.matchesName(name) })
		return net.JoinHostPort(name, strconv.Itoa(int(to.Port()))), ok
	}
	ok := slices.ContainsFunc(r.rules, func(rule reachRule) bool {
		return rule.port == to.Port() && rule.prefix.IsValid() && rule.prefix.Contains(a)
	})
	return netip.AddrPortFrom(a, to.Port()).String(), ok
}

// forward connects a connection from a sandbox to its destination.
func (r *router) forward(c net.Conn) {
	defer c.Close()
	to, err := netip.ParseAddrPort(c.LocalAddr().String())
	if err != nil {
		return
	}
	target, ok := r.target(to)
	if !ok {
		reset(c)
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	out, err := r.gate.Dial(ctx, "function", target, egress.Bounds{Connect: 30 * time.Second, Life: 24 * time.Hour, MaxRead: 1 << 50})
	cancel()
	if err != nil {
		r.log.Debug("a function's connection was not made", "to", target, "error", err)
		reset(c)
		return
	}
	defer out.Close()
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(out, c)
		closeWrite(out)
	}()
	io.Copy(c, out)
	closeWrite(c)
	<-done
}

// reset makes the end of a connection an error for the other side.
func reset(c net.Conn) {
	if t, ok := c.(*net.TCPConn); ok {
		t.SetLinger(0)
	}
}

func closeWrite(c net.Conn) {
	if t, ok := c.(interface{ CloseWrite() error }); ok {
		t.CloseWrite()
	} else {
		c.Close()
	}
}

// conns accepts connections and serves each on its own, at most maxConns at a
// time.
type conns struct {
	listener net.Listener
	serve    func(net.Conn)

	mu   sync.Mutex
	open map[net.Conn]bool
	done bool
	wait sync.WaitGroup
}

const maxConns = 128

func (s *conns) run() {
	defer s.wait.Wait()
	for {
		c, err := s.listener.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.done || len(s.open) >= maxConns {
			s.mu.Unlock()
			reset(c)
			c.Close()
			continue
		}
		s.open[c] = true
		s.mu.Unlock()
		s.wait.Go(func() {
			s.serve(c)
			s.mu.Lock()
			delete(s.open, c)
			s.mu.Unlock()
		})
	}
}

// close ends all connections.
func (s *conns) close() {
	s.listener.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.done = true
	for c := range s.open {
		c.Close()
	}
}
