package front

import (
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// guard refuses what no service should see: browsers that were talked into
// sending requests here, and requests that two HTTP readers may read in two ways.
//
// A page on the web can make a browser on this machine send requests to
// 127.0.0.1, and with DNS rebinding even under the page's own origin. Signed
// requests are out of its reach, but dev mode accepts any access key and control
// paths are not signed. So there, Host must be a name of ours and nothing may
// come from another site.
func (d *Door) guard(r *http.Request) string {
	if unframed(r) {
		return "Transfer-Encoding is not supported; send Content-Length"
	}
	control := strings.HasPrefix(r.URL.Path, controlPrefix)
	if !control && !d.dev {
		return ""
	}
	if s, _ := d.site(r.Host); s != nil && !control {
		return "" // made to be called by pages of others: its CORS settings say which
	}
	if !d.ours(r.Host) {
		return "the Host header names no host of this server"
	}
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return "cross-site request"
	}
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || !strings.EqualFold(u.Host, r.Host) {
			return "cross-site request"
		}
	}
	return ""
}

// unframed reports whether nothing says how long a body is. net/http has dropped a
// Content-Length that stood beside Transfer-Encoding, which is how requests are
// smuggled past proxies (RFC 9112, section 6.3). AWS's clients always send a length.
func unframed(r *http.Request) bool {
	return len(r.TransferEncoding) > 0 && r.Header.Get("X-Amz-Decoded-Content-Length") == ""
}

// ours reports whether a Host header names this server: loopback, a name that is
// fixed to loopback, AWS's own host names (for clients whose resolver points
// them here) or one from the configuration.
func (d *Door) ours(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.ToLower(strings.Trim(strings.TrimSuffix(host, "."), "[]"))
	if a, err := netip.ParseAddr(host); err == nil {
		// Rebinding needs a name: an address in Host is what the client dialled.
		return a.IsLoopback() || d.hosts[host] || !d.dev
	}
	if host == "localhost" || d.hosts[host] {
		return true
	}
	for _, suffix := range []string{".localhost", ".amazonaws.com", ".amazonaws.com.cn", ".api.aws", ".on.aws"} {
		if strings.HasSuffix(host, suffix) {
			return true
		}
	}
	// Virtual hosts below a configured name: bucket.s3.redoubt.example.com.
	for i := strings.IndexByte(host, '.'); i >= 0; {
		host = host[i+1:]
		if d.hosts[host] {
			return true
		}
		i = strings.IndexByte(host, '.')
	}
	return false
}

// clientIP is the address that a request came from: the peer's, or, when the
// peer is a trusted proxy, the last hop in X-Forwarded-For that is not one.
// Whether the request came over TLS is never taken from a header.
func (d *Door) clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		host = r.RemoteAddr
	}
	if len(d.proxies) == 0 && !strings.HasPrefix(host, "::ffff:") && strings.IndexByte(host, '%') < 0 {
		return host // as netip would write it
	}
	peer, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	peer = peer.Unmap().WithZone("")
	if len(d.proxies) == 0 || !d.trusted(peer) {
		return peer.String()
	}
	hops := strings.Split(strings.Join(r.Header["X-Forwarded-For"], ","), ",")
	for i := len(hops) - 1; i >= 0; i-- {
		hop, err := netip.ParseAddr(strings.TrimSpace(hops[i]))
		if err != nil {
			break
		}
		peer = hop.Unmap().WithZone("")
		if !d.trusted(peer) {
			break
		}
	}
	return peer.String()
}

func (d *Door) trusted(a netip.Addr) bool {
	for _, p := range d.proxies {
		if p.Contains(a) {
			return true
		}
	}
	return false
}
