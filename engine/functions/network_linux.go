package functions

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"os"

	"golang.org/x/sys/unix"
)

// network opens the sockets that the engine serves. They are made here, inside
// the sandbox's network, and served from outside: a socket belongs to the network
// in which it was made, whoever accepts on it. So nothing has to be copied, and
// the network has no other way in or out.
func (b *sandbox) network() (files []*os.File, runtimeAddr string, err error) {
	if !b.spec.Confined {
		// The host's own network: the engine looks at who connects.
		f, addr, err := listen("127.0.0.1:0")
		return []*os.File{f}, addr, err
	}
	if err := loopbackUp(); err != nil {
		return nil, "", err
	}
	for _, addr := range []string{runtimeAPI, serverAPI} {
		f, _, err := listen(addr)
		if err != nil {
			return nil, "", err
		}
		files = append(files, f)
	}
	if len(b.spec.Ports) == 0 {
		return files, runtimeAPI, nil
	}
	if err := everywhereLocal(); err != nil {
		return nil, "", err
	}
	u, err := net.ListenUDP("udp4", net.UDPAddrFromAddrPort(netip.MustParseAddrPort(resolverAddr)))
	if err != nil {
		return nil, "", err
	}
	f, err := u.File()
	if err != nil {
		return nil, "", err
	}
	u.Close()
	files = append(files, f)
	for _, p := range b.spec.Ports {
		f, _, err := listen(fmt.Sprintf("0.0.0.0:%d", p))
		if err != nil {
			return nil, "", err
		}
		files = append(files, f)
	}
	return files, runtimeAPI, nil
}

func listen(addr string) (*os.File, string, error) {
	l, err := net.Listen("tcp4", addr)
	if err != nil {
		return nil, "", err
	}
	defer l.Close()
	f, err := l.(*net.TCPListener).File()
	return f, l.Addr().String(), err
}

// loopbackUp switches the loopback interface on.
func loopbackUp() error {
	s, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	r, err := unix.NewIfreq("lo")
	if err != nil {
		return err
	}
	r.SetUint16(unix.IFF_UP | unix.IFF_RUNNING)
	if err := unix.IoctlIfreq(s, unix.SIOCSIFFLAGS, r); err != nil {
		return fmt.Errorf("loopback: %w", err)
	}
	return nil
}

// everywhereLocal makes every IPv4 address an address of this network: "ip route
// add local default dev lo" (rtnetlink(7)). Connections to the ports that the
// engine forwards thus come to its listeners with their destination intact;
// others are refused at once.
func everywhereLocal() error {
	s, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return err
	}
	defer unix.Close(s)
	lo, err := net.InterfaceByName("lo")
	if err != nil {
		return err
	}
	e := binary.NativeEndian
	m := make([]byte, unix.SizeofNlMsghdr+unix.SizeofRtMsg+8)
	e.PutUint32(m[0:], uint32(len(m)))
	e.PutUint16(m[4:], unix.RTM_NEWROUTE)
	e.PutUint16(m[6:], unix.NLM_F_REQUEST|unix.NLM_F_ACK|unix.NLM_F_CREATE|unix.NLM_F_EXCL)
	e.PutUint32(m[8:], 1)
	r := m[unix.SizeofNlMsghdr:]
	r[0] = unix.AF_INET
	r[4], r[5], r[6], r[7] = unix.RT_TABLE_LOCAL, unix.RTPROT_STATIC, unix.RT_SCOPE_HOST, unix.RTN_LOCAL
	a := r[unix.SizeofRtMsg:]
	e.PutUint16(a[0:], 8)
	e.PutUint16(a[2:], unix.RTA_OIF)
	e.PutUint32(a[4:], uint32(lo.Index))
	if err := unix.Sendto(s, m, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return fmt.Errorf("route: %w", err)
	}
	answer := make([]byte, 4096)
	n, _, err := unix.Recvfrom(s, answer, 0)
	if err != nil {
		return fmt.Errorf("route: %w", err)
	}
	if n >= 20 && e.Uint16(answer[4:]) == unix.NLMSG_ERROR {
		if no := int32(e.Uint32(answer[16:])); no != 0 {
			return fmt.Errorf("route: %w", unix.Errno(-no))
		}
	}
	return nil
}
