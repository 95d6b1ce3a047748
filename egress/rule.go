package egress

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Rule is one exception of the configuration. Its forms:
//
//	10.1.2.3           an address            10.1.2.3:8443      at one port
//	127.0.0.0/8        a network             [::1]:8443
//	kms.example.com    a host                kms.example.com:443
//	*.example.com      every host below a domain
//
// Rules for addresses and networks allow what they name, whatever it is; only
// this server's own listeners take a rule for an address with a port. Rules for
// hosts trust the host's DNS for loopback and link-local addresses, but never for
// metadata services or own listeners.
type Rule struct {
	prefix netip.Prefix // valid for addresses and networks
	host   string       // lower case; "*.example.com" as ".example.com"
	port   uint16       // 0: any
}

// ParseRule reads a rule.
func ParseRule(s string) (Rule, error) {
	bad := func() (Rule, error) {
		return Rule{}, fmt.Errorf("egress: %q is no address, network or host, each with or without a port", s)
	}
	if p, err := netip.ParsePrefix(s); err == nil {
		return Rule{prefix: p.Masked()}, nil
	}
	if a, err := netip.ParseAddr(s); err == nil && a.Zone() == "" {
		return Rule{prefix: single(a)}, nil
	}
	if ap, err := netip.ParseAddrPort(s); err == nil && ap.Addr().Zone() == "" && ap.Port() != 0 {
		return Rule{prefix: single(ap.Addr()), port: ap.Port()}, nil
	}
	host, port, hasPort := strings.Cut(s, ":")
	r := Rule{host: strings.ToLower(strings.TrimSuffix(host, "."))}
	if hasPort {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil || n == 0 {
			return bad()
		}
		r.port = uint16(n)
	}
	name := strings.TrimPrefix(r.host, "*.")
	if !validHost(name) {
		return bad()
	}
	r.host = strings.TrimPrefix(r.host, "*")
	return r, nil
}

func single(a netip.Addr) netip.Prefix {
	a = a.Unmap()
	return netip.PrefixFrom(a, a.BitLen())
}

// validHost accepts DNS names. Names whose last label is a number are refused:
// resolvers of the C library read them as IPv4 addresses in decimal, octal or
// hexadecimal (inet_aton).
func validHost(h string) bool {
	if h == "" || len(h) > 253 {
		return false
	}
	labels := strings.Split(strings.TrimSuffix(h, "."), ".")
	for _, l := range labels {
		if l == "" || len(l) > 63 {
			return false
		}
		for i := range len(l) {
			c := l[i]
			if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' {
				return false
			}
		}
	}
	last := strings.ToLower(labels[len(labels)-1])
	if strings.HasPrefix(last, "0x") {
		return false
	}
	return strings.Trim(last, "0123456789") != ""
}

// allows reports whether the rule lifts the refusal of an address to which the
// host resolved, and whether it does so by naming address and port.
func (r Rule) allows(host string, to netip.AddrPort, class string) (ok, exact bool) {
	if r.port != 0 && r.port != to.Port() {
		return false, false
	}
	if r.prefix.IsValid() {
		if !r.prefix.Contains(to.Addr()) {
			return false, false
		}
		return true, r.port != 0 && r.prefix.IsSingleIP()
	}
	if class == metadata || class == metadata+" inside IPv6" {
		return false, false
	}
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if strings.HasPrefix(r.host, ".") {
		return strings.HasSuffix(host, r.host), false
	}
	return host == r.host, false
}
