package front

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

func door(dev bool) *Door {
	return &Door{dev: dev, hosts: map[string]bool{"redoubt.example.com": true},
		proxies: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}}
}

// Security requirement 1: foreign Host, Origin and cross-site requests never
// reach control paths, nor anything in dev mode.
func TestForeignPagesAreKeptOut(t *testing.T) {
	for _, c := range []struct {
		name, path, host string
		header           [2]string
		dev, refused     bool
	}{
		{"control", "/_redoubt/health", "127.0.0.1:4566", [2]string{}, false, false},
		{"control, rebound name", "/_redoubt/health", "evil.example", [2]string{}, false, true},
		{"control, foreign origin", "/_redoubt/reset", "127.0.0.1:4566", [2]string{"Origin", "https://evil.example"}, true, true},
		{"control, null origin", "/_redoubt/reset", "127.0.0.1:4566", [2]string{"Origin", "null"}, true, true},
		{"control, own origin", "/_redoubt/reset", "127.0.0.1:4566", [2]string{"Origin", "http://127.0.0.1:4566"}, true, false},
		{"control, cross-site", "/_redoubt/health", "127.0.0.1:4566", [2]string{"Sec-Fetch-Site", "cross-site"}, false, true},
		{"dev call", "/", "localhost:4566", [2]string{}, true, false},
		{"dev call, rebound name", "/", "evil.example:4566", [2]string{}, true, true},
		{"dev call, cross-site", "/", "127.0.0.1:4566", [2]string{"Sec-Fetch-Site", "cross-site"}, true, true},
		{"dev call, foreign origin", "/", "127.0.0.1:4566", [2]string{"Origin", "https://evil.example"}, true, true},
		{"dev call, service as host", "/", "kms.localhost:4566", [2]string{}, true, false},
		{"dev call, AWS name", "/", "kms.us-east-1.amazonaws.com", [2]string{}, true, false},
		{"dev call, below own name", "/", "bucket.s3.redoubt.example.com", [2]string{}, true, false},
		{"dev call, look-alike", "/", "notredoubt.example.com", [2]string{}, true, true},
		{"dev call, foreign address", "/", "192.0.2.1", [2]string{}, true, true},
		{"production call, any host", "/", "kms.intern", [2]string{}, false, false},
	} {
		r := httptest.NewRequest(http.MethodPost, c.path, nil)
		r.Host = c.host
		if c.header[0] != "" {
			r.Header.Set(c.header[0], c.header[1])
		}
		if got := door(c.dev).guard(r) != ""; got != c.refused {
			t.Errorf("%s: refused %v", c.name, got)
		}
	}
}

// Security requirement 10: a length given twice is refused.
func TestTransferEncodingIsRefused(t *testing.T) {
	r := httptest.NewRequest(http.MethodPost, "/", nil)
	r.TransferEncoding = []string{"chunked"}
	if door(false).guard(r) == "" {
		t.Fatal("accepted")
	}
}

// Security requirement 19: X-Forwarded-For counts only from listed peers.
func TestForwardedForCountsOnlyFromProxies(t *testing.T) {
	for _, c := range []struct{ peer, header, want string }{
		{"192.0.2.9:1", "203.0.113.5", "192.0.2.9"},
		{"10.0.0.1:1", "203.0.113.5", "203.0.113.5"},
		{"10.0.0.1:1", "198.51.100.1, 203.0.113.5", "203.0.113.5"}, // the left part is the client's own claim
		{"10.0.0.1:1", "203.0.113.5, 10.0.0.2", "203.0.113.5"},
		{"10.0.0.1:1", "garbage", "10.0.0.1"},
		{"10.0.0.1:1", "", "10.0.0.1"},
		{"[::ffff:10.0.0.1]:1", "203.0.113.5", "203.0.113.5"},
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = c.peer
		if c.header != "" {
			r.Header.Set("X-Forwarded-For", c.header)
		}
		if got := door(false).clientIP(r); got != c.want {
			t.Errorf("%s with %q: %s, want %s", c.peer, c.header, got, c.want)
		}
	}
}

func TestValidRegion(t *testing.T) {
	for _, r := range []string{"us-east-1", "eu-west-1", "ap-southeast-4", "us-gov-east-1", "cn-north-1", "il-central-1", "us-iso-east-1"} {
		if !validRegion(r) {
			t.Errorf("%s refused", r)
		}
	}
	for _, r := range []string{"", "us", "us-east", "us-east-1/..", "US-EAST-1", "us_east_1", "us-east-x", "a/b-c-1", "us--1"} {
		if validRegion(r) {
			t.Errorf("%q accepted", r)
		}
	}
}

func TestQuotaHoldsAndRefills(t *testing.T) {
	q := quotas{rates: map[string]float64{"kms:Encrypt": 2}}
	c := &redoubt.Call{Service: "kms", Operation: "Encrypt", Account: "1", Region: "r"}
	at := now()
	for i, want := range []bool{true, true, false} {
		if q.allow(c, at) != want {
			t.Fatalf("call %d: the quota is 2 a second", i)
		}
	}
	other := &redoubt.Call{Service: "kms", Operation: "Encrypt", Account: "2", Region: "r"}
	if !q.allow(other, at) {
		t.Fatal("one account used another's quota")
	}
	for i, want := range []bool{true, false} {
		if q.allow(c, at.Add(500*time.Millisecond)) != want {
			t.Fatalf("call %d: half a second gives back one call", i)
		}
	}
}
