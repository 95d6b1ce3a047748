package egress

import (
	"net/netip"
	"strings"
	"testing"
)

func TestClassify(t *testing.T) {
	for addr, want := range map[string]string{
		"127.0.0.1": "loopback", "127.255.255.254": "loopback", "::1": "loopback", "::ffff:127.0.0.1": "loopback",
		"0.0.0.0": "unspecified", "0.1.2.3": "unspecified", "::": "unspecified", "::ffff:0.0.0.0": "unspecified",
		"169.254.1.1": "link-local", "fe80::1": "link-local", "fe80::1%eth0": "link-local", "fec0::1": "site-local",
		"169.254.169.254": metadata, "::ffff:169.254.169.254": metadata, "fd00:ec2::254": metadata, "168.63.129.16": metadata, "100.100.100.200": metadata,
		"224.0.0.1": "multicast", "ff02::1": "multicast", "255.255.255.255": "reserved", "240.0.0.1": "reserved",
		"64:ff9b::7f00:1": "loopback inside IPv6", "64:ff9b::a9fe:a9fe": metadata + " inside IPv6", "64:ff9b:1::a9fe:a9fe": metadata + " inside IPv6",
		"2002:7f00:1::": "loopback inside IPv6", "2001:0:1::80ff:fffe": "loopback inside IPv6", "::127.0.0.1": "loopback inside IPv6",
		"10.0.0.1": "", "172.16.0.1": "", "192.168.1.1": "", "100.64.0.1": "", "fd12::1": "", "8.8.8.8": "", "2600::1": "", "64:ff9b::808:808": "",
	} {
		if got := classify(netip.MustParseAddr(addr)); got != want {
			t.Errorf("%s: %q, want %q", addr, got, want)
		}
	}
}

func TestParseRule(t *testing.T) {
	for _, s := range []string{"10.1.2.3", "10.1.2.3:8443", "127.0.0.0/8", "::1", "[::1]:8443", "fd00::/8", "kms.example.com", "kms.example.com:443", "*.example.com", "localhost", "*.Example.com.:1"} {
		if _, err := ParseRule(s); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"", "*", "*.", "a b", "http://x", "x:0", "x:99999", "x:y", "10.0.0.0/33", "10.0.0.1:0", "2130706433", "0177.0.0.1", "0x7f.1", "127.1", "x..y", "fe80::1%eth0", "*.*.example.com", "exämple.com"} {
		if _, err := ParseRule(s); err == nil {
			t.Errorf("%q accepted", s)
		}
	}
}

func FuzzParseRule(f *testing.F) {
	f.Add("10.0.0.0/8")
	f.Add("*.example.com:443")
	f.Fuzz(func(t *testing.T, s string) {
		r, err := ParseRule(s)
		if err == nil && !r.prefix.IsValid() && !validHost(strings.TrimPrefix(r.host, ".")) {
			t.Errorf("%q became %+v", s, r)
		}
	})
}
