package egress

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"syscall"
	"time"
)

// dial resolves the host, judges every address and connects to the first that is
// allowed and answers.
func (g *Gate) dial(ctx context.Context, network, address string, timeout time.Duration) (net.Conn, error) {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.ParseUint(portText, 10, 16)
	if err != nil || port == 0 {
		return nil, fmt.Errorf("%w: port %q", ErrRefused, portText)
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	d := net.Dialer{
		Timeout: timeout,
		// The last word has whoever sees the address that the kernel is given.
		Control: func(_, address string, _ syscall.RawConn) error {
			to, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("%w: %q", ErrRefused, address)
			}
			return g.judge(host, to)
		},
	}
	var failed error
	for _, a := range addrs {
		to := netip.AddrPortFrom(a, uint16(port))
		err := g.judge(host, to)
		if err == nil {
			var c net.Conn
			if c, err = d.DialContext(ctx, "tcp", to.String()); err == nil {
				return c, nil
			}
		}
		if failed == nil {
			failed = err
		}
		if ctx.Err() != nil {
			break
		}
	}
	return nil, failed
}

func (g *Gate) resolve(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a}, nil
	}
	if !validHost(host) {
		return nil, fmt.Errorf("%w: %q is no host name", ErrRefused, host)
	}
	addrs, err := g.resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	if len(addrs) == 0 {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addrs, nil
}
