package functions

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"strings"
	"time"
)

// sandboxable reports whether this program can start itself as a helper at all.
func sandboxable() bool { return sandboxes.Load() }

// trySandbox makes a sandbox in which nothing but "true" runs. It answers what is
// weaker than it could be.
func (e *Engine) trySandbox() (notes []string, err error) {
	b, err := newBox(e.spawner, true)
	if err != nil {
		return nil, err
	}
	defer b.close()
	s := spec{
		Confined: true, UID: e.uid(0), Stage: e.stage, Hide: e.hidden(), Tmp: 512, Memory: 128, Ports: e.reach.ports(),
		Argv: []string{"/usr/bin/true"}, Dir: "/",
	}
	files, err := b.configure(s)
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		f.Close()
	}
	select {
	case <-b.exited:
	case <-time.After(10 * time.Second):
		return nil, errors.New("a program did not end within 10 s")
	}
	if b.last.How != "" || b.last.Failed != "" {
		return nil, errors.New(b.last.How + b.last.Failed)
	}
	notes = append(notes, b.notes...)
	notes = append(notes, "memory is bounded by a watch of resident sizes, every "+watchEvery.String())
	if _, err := hostShares(); err != nil {
		notes = append(notes, "processors are not divided by memory size: "+err.Error())
	}
	if os.Geteuid() != 0 {
		notes = append(notes, "the server does not run as root: functions run as its own user, in namespaces of users of their own")
	}
	return notes, nil
}

// hostMemory is the memory of this host in MiB.
func hostMemory() int {
	f, err := os.Open("/proc/meminfo")
	if err != nil {
		return 4096
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		var kb int
		if n, _ := fmt.Sscanf(s.Text(), "MemTotal: %d kB", &kb); n == 1 {
			return kb >> 10
		}
	}
	return 4096
}

// ownUser lets only this process's user connect: where functions share the host's
// network, others on it could answer in their place.
type ownUser struct{ net.Listener }

// Accept implements net.Listener.
func (l ownUser) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if uid, ok := userOf(c.RemoteAddr()); ok && uid == os.Geteuid() {
			return c, nil
		}
		c.Close()
	}
}

// userOf answers whose socket a local IPv4 address is, from /proc/net/tcp.
func userOf(a net.Addr) (int, bool) {
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil || !ap.Addr().Is4() {
		return 0, false
	}
	b := ap.Addr().As4()
	want := fmt.Sprintf("%02X%02X%02X%02X:%04X", b[3], b[2], b[1], b[0], ap.Port())
	f, err := os.Open("/proc/net/tcp")
	if err != nil {
		return 0, false
	}
	defer f.Close()
	s := bufio.NewScanner(f)
	for s.Scan() {
		fields := strings.Fields(s.Text())
		if len(fields) > 7 && fields[1] == want {
			var uid int
			_, err := fmt.Sscan(fields[7], &uid)
			return uid, err == nil
		}
	}
	return 0, false
}
