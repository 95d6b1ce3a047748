package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// load is how many requests over how many connections.
type load struct {
	requests, connections int
	body                  []byte // sent behind each request
}

// result is one round.
type result struct {
	cpu      time.Duration // per request, of the server's process
	p50, p99 time.Duration
	rate     float64
	err      error
}

// slice is how many requests one case sends before the next has its turn: enough
// for the server's collector to run in each.
const slice = 4000

// printBeside prints the medians of a case's slices, and of their ratios to the
// bare handler's slices beside them.
func printBeside(name string, own, base []result) {
	ratio := func(of func(result) float64) float64 {
		all := make([]float64, len(own))
		for i := range own {
			all[i] = of(own[i]) / of(base[i])
		}
		return median(all)
	}
	figure := func(of func(result) float64) float64 {
		all := make([]float64, len(own))
		for i, r := range own {
			all[i] = of(r)
		}
		return median(all)
	}
	cpu := func(r result) float64 { return float64(r.cpu.Nanoseconds()) / 1e3 }
	p50 := func(r result) float64 { return r.p50.Seconds() * 1e3 }
	p99 := func(r result) float64 { return r.p99.Seconds() * 1e3 }
	rate := func(r result) float64 { return r.rate }
	fmt.Printf("%-34s %10.1f %7.2fx %9.2f %9.2f %7.2fx %9.0f\n", name, figure(cpu), ratio(cpu), figure(p50), figure(p99), ratio(p99), figure(rate))
}

func median(all []float64) float64 {
	slices.Sort(all)
	return all[len(all)/2]
}

// run sends the same request over and over.
func (l load) run(p *process, request []byte) result {
	return l.each(p, func(int) []byte { return request })
}

// each sends request(i) for i below l.requests.
func (l load) each(p *process, request func(i int) []byte) result {
	var next atomic.Int64
	var mu sync.Mutex
	var all []time.Duration
	var failure error
	var wg sync.WaitGroup
	before, err := p.cpu()
	if err != nil {
		return result{err: err}
	}
	start := time.Now()
	for range l.connections {
		wg.Add(1)
		go func() {
			defer wg.Done()
			own, err := l.connection(p.addr, &next, request)
			mu.Lock()
			defer mu.Unlock()
			all = append(all, own...)
			if err != nil && failure == nil {
				failure = err
			}
		}()
	}
	wg.Wait()
	took := time.Since(start)
	after, err := p.cpu()
	if failure = errors.Join(failure, err); failure != nil || len(all) == 0 {
		return result{err: failure}
	}
	slices.Sort(all)
	return result{
		cpu: (after - before) / time.Duration(len(all)),
		p50: all[len(all)/2], p99: all[len(all)*99/100],
		rate: float64(len(all)) / took.Seconds(),
	}
}

// connection is one client: it writes a request, reads its answer, and goes on.
func (l load) connection(addr string, next *atomic.Int64, request func(int) []byte) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReaderSize(conn, 8<<10)
	var took []time.Duration
	for {
		i := int(next.Add(1)) - 1
		if i >= l.requests {
			return took, nil
		}
		start := time.Now()
		if _, err := conn.Write(request(i)); err != nil {
			return took, err
		}
		if len(l.body) > 0 {
			if _, err := conn.Write(l.body); err != nil {
				return took, err
			}
		}
		status, body, err := answer(in)
		if err != nil {
			return took, err
		}
		if status != 200 {
			return took, fmt.Errorf("status %d: %s", status, body)
		}
		took = append(took, time.Since(start))
	}
}

// answer reads one HTTP answer that has a Content-Length.
func answer(in *bufio.Reader) (status int, body []byte, err error) {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return 0, nil, err
	}
	if len(line) < 12 {
		return 0, nil, errors.New("no status line")
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length := 0
	for {
		if line, err = in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if len(line) <= 2 {
			break
		}
		if k, v, ok := bytes.Cut(line, []byte(":")); ok && bytes.EqualFold(k, []byte("content-length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(v))); err != nil {
				return 0, nil, err
			}
		}
	}
	if status == 200 {
		_, err = in.Discard(length)
		return status, nil, err
	}
	body = make([]byte, length)
	_, err = io.ReadFull(in, body)
	return status, body, err
}

// cpu is the time that the process has run. /proc/PID/stat counts it in hundredths
// of a second, which short rounds do not add up to; the process's own clock in
// nanoseconds (clock_getcpuclockid(3)).
func (p *process) cpu() (time.Duration, error) {
	const scheduled = 2 // CPUCLOCK_SCHED
	var t unix.Timespec
	err := unix.ClockGettime(int32(^p.pid<<3|scheduled), &t)
	return time.Duration(t.Nano()), err
}
