package egress

import "net/netip"

// class is a set of addresses that is refused unless allowed.
type class struct {
	prefix netip.Prefix
	name   string
}

// classes are checked in order. Sources: IANA's special-purpose address
// registries; the clouds' documentation for their metadata services.
var classes = []class{
	{netip.MustParsePrefix("169.254.169.254/32"), metadata},
	{netip.MustParsePrefix("169.254.170.2/32"), metadata},   // ECS task credentials
	{netip.MustParsePrefix("169.254.170.23/32"), metadata},  // EKS pod identity
	{netip.MustParsePrefix("fd00:ec2::254/128"), metadata},  // EC2
	{netip.MustParsePrefix("fd00:ec2::23/128"), metadata},   // EKS pod identity
	{netip.MustParsePrefix("fd20:ce::254/128"), metadata},   // Google
	{netip.MustParsePrefix("168.63.129.16/32"), metadata},   // Azure
	{netip.MustParsePrefix("100.100.100.200/32"), metadata}, // Alibaba
	{netip.MustParsePrefix("192.0.0.192/32"), metadata},     // Oracle
	{netip.MustParsePrefix("127.0.0.0/8"), "loopback"},
	{netip.MustParsePrefix("::1/128"), "loopback"},
	{netip.MustParsePrefix("0.0.0.0/8"), "unspecified"},
	{netip.MustParsePrefix("::/128"), "unspecified"},
	{netip.MustParsePrefix("169.254.0.0/16"), "link-local"},
	{netip.MustParsePrefix("fe80::/10"), "link-local"},
	{netip.MustParsePrefix("fec0::/10"), "site-local"},
	{netip.MustParsePrefix("224.0.0.0/4"), "multicast"},
	{netip.MustParsePrefix("ff00::/8"), "multicast"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"}, // broadcast included
	{netip.MustParsePrefix("100::/64"), "discard"},
}

const metadata = "metadata service"

// classify names why an address is refused by default, or answers "".
func classify(a netip.Addr) string {
	a = a.WithZone("").Unmap()
	if v4, ok := embedded(a); ok {
		if c := classify(v4); c != "" {
			return c + " inside IPv6"
		}
	}
	for _, c := range classes {
		if c.prefix.Contains(a) {
			return c.name
		}
	}
	return ""
}

var (
	nat64      = netip.MustParsePrefix("64:ff9b::/96")   // RFC 6052
	nat64Local = netip.MustParsePrefix("64:ff9b:1::/48") // RFC 8215
	sixToFour  = netip.MustParsePrefix("2002::/16")      // RFC 3056
	teredo     = netip.MustParsePrefix("2001::/32")      // RFC 4380
	compatible = netip.MustParsePrefix("::/96")          // RFC 4291, deprecated
)

// embedded answers the IPv4 address that an IPv6 address leads to.
func embedded(a netip.Addr) (netip.Addr, bool) {
	if !a.Is6() {
		return a, false
	}
	b := a.As16()
	last := [4]byte(b[12:16])
	switch {
	case nat64.Contains(a), nat64Local.Contains(a):
		return netip.AddrFrom4(last), true
	case sixToFour.Contains(a):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	case teredo.Contains(a):
		for i := range last {
			last[i] ^= 0xff
		}
		return netip.AddrFrom4(last), true
	case compatible.Contains(a) && b[12]|b[13]|b[14] != 0:
		return netip.AddrFrom4(last), true
	}
	return a, false
}
