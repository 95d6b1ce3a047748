package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// starts measures how long a server takes that has run before: from its
// process's start to the first answered call, best of some; and what it then
// holds in memory.
func starts(ctx context.Context, binary, data string, rounds int) error {
	best, memory := time.Hour, 0
	for range rounds {
		took, rss, err := start(ctx, binary, data)
		if err != nil {
			return err
		}
		best, memory = min(best, took), max(memory, rss)
	}
	fmt.Printf("\n%-34s %10.0f ms to the first answered call\n", "start on data that is there", best.Seconds()*1e3)
	fmt.Printf("%-34s %10.1f MiB resident\n", "idle after it", float64(memory)/(1<<20))
	return nil
}

func start(ctx context.Context, binary, data string) (took time.Duration, rss int, err error) {
	addr, err := freeAddr()
	if err != nil {
		return 0, 0, err
	}
	c, err := newCaller(addr, filepath.Join(data, "credentials"))
	if err != nil {
		return 0, 0, err
	}
	begin := time.Now()
	p, err := launch(ctx, binary, data, addr, "")
	if err != nil {
		return 0, 0, err
	}
	defer p.stop()
	for {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			conn.Close()
			break
		}
		if time.Since(begin) > 10*time.Second {
			return 0, 0, err
		}
		time.Sleep(time.Millisecond)
	}
	if err := c.call("ListKeys", map[string]any{"Limit": 1}, nil); err != nil {
		return 0, 0, err
	}
	took = time.Since(begin)
	http.DefaultClient.CloseIdleConnections()
	time.Sleep(time.Second)
	rss, err = p.resident("VmRSS")
	return took, rss, err
}

func freeAddr() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer l.Close()
	return l.Addr().String(), nil
}

// resident is a line of /proc/PID/status, in bytes.
func (p *process) resident(line string) (int, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.pid))
	if err != nil {
		return 0, err
	}
	for l := range strings.Lines(string(b)) {
		if rest, ok := strings.CutPrefix(l, line+":"); ok {
			n, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(rest), " kB"))
			return n << 10, err
		}
	}
	return 0, fmt.Errorf("%w: no %s", syscall.ENOENT, line)
}
