// Bench measures the server's CPU time per request beside a bare net/http
// handler, both as processes of their own under the same load in one run:
//
//	go run ./bench [-redoubt bin/redoubt] [-requests N] [-connections N]
//
// CPU time is what the kernel counts for the process. The load comes from this process
// over keep-alive connections, with signed requests that were prepared beforehand.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	bare := flag.Bool("bare", false, "be the bare handler")
	files := flag.String("files", "", "be the plain file server of this `directory`")
	redoubt := flag.String("redoubt", "bin/redoubt", "the server's `binary`")
	requests := flag.Int("requests", 40_000, "requests a round")
	connections := flag.Int("connections", 64, "keep-alive connections")
	profile := flag.String("cpu-profile", "", "have the server write its CPU profile to this `file`")
	only := flag.String("only", "", "measure only cases whose name contains this `text`")
	rounds := flag.Int("rounds", 3, "rounds of so many requests")
	delay := flag.Duration("sync-delay", 0, "have flushes of the store's disk take at least so long, in Pebble's own rate too")
	slowed := flag.String("slow-server", "", "be the server on a slow disk, with this data `directory`")
	flag.Parse()
	if *bare {
		serveBare()
		return
	}
	if *files != "" {
		serveFiles(*files)
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if *slowed != "" {
		if err := serveSlow(ctx, *slowed, *delay); err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			os.Exit(1)
		}
		return
	}
	b := bencher{binary: *redoubt, load: load{requests: *requests, connections: *connections}, rounds: *rounds, profile: *profile, only: *only, delay: *delay}
	if err := b.run(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// serveBare is the yardstick: it reads the body and answers a fixed JSON of the
// size of Encrypt's answer.
func serveBare() {
	answer, _ := json.Marshal(map[string]string{
		"CiphertextBlob": strings.Repeat("x", 520), "EncryptionAlgorithm": "SYMMETRIC_DEFAULT",
		"KeyId": "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab",
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println(l.Addr())
	http.Serve(l, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.ReadAll(r.Body); err != nil {
			return
		}
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Write(answer)
	}))
}

// bencher is one run.
type bencher struct {
	binary  string
	load    load
	rounds  int
	profile string
	only    string
	delay   time.Duration
}

func (b *bencher) wants(name string) bool { return b.only == "" || strings.Contains(name, b.only) }

func (b *bencher) run(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "redoubt-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	data := filepath.Join(dir, "data")
	target, err := startRedoubt(ctx, b.binary, data, b.profile, b.delay)
	if err != nil {
		return err
	}
	defer func() { target.stop() }()
	c, err := newCaller(target.addr, filepath.Join(data, "credentials"))
	if err != nil {
		return err
	}
	if err := b.calls(ctx, c, target); err != nil {
		return err
	}
	if b.wants("S3") {
		if err := b.objects(ctx, c, target); err != nil {
			return err
		}
	}
	if b.wants("durable") {
		if err := b.durable(c, target); err != nil {
			return err
		}
	}
	if b.wants("functions") && b.delay == 0 {
		if err := b.functions(c); err != nil {
			return err
		}
	}
	if b.wants("start") && b.delay == 0 {
		target.stop()
		return starts(ctx, b.binary, data, b.rounds)
	}
	return nil
}

// calls measures calls that change nothing beside the bare handler. They take turns
// in short slices, and each slice is set against the bare handler's beside it: what
// else the machine does, which comes and goes, meets both alike.
func (b *bencher) calls(ctx context.Context, c *caller, target *process) error {
	cases, err := prepare(c)
	if err != nil {
		return err
	}
	request := cases[0].request
	cases = slices.DeleteFunc(cases, func(k bench) bool { return !b.wants(k.name) })
	if len(cases) == 0 {
		return nil
	}
	yard, err := startBare(ctx, "-bare")
	if err != nil {
		return err
	}
	defer yard.stop()
	short := load{requests: min(slice, b.load.requests), connections: b.load.connections}
	turns := b.rounds * b.load.requests / short.requests
	base, results := make([]result, turns), make([][]result, len(cases))
	for turn := range turns {
		if base[turn] = short.run(yard, request); base[turn].err != nil {
			return fmt.Errorf("bare handler: %w", base[turn].err)
		}
		for i, k := range cases {
			r := short.run(target, k.request)
			if r.err != nil {
				return fmt.Errorf("%s: %w", k.name, r.err)
			}
			results[i] = append(results[i], r)
		}
	}
	fmt.Printf("%d connections, medians of %d slices of %d requests, each beside the bare handler's\n\n", short.connections, turns, short.requests)
	fmt.Printf("%-34s %10s %8s %9s %9s %8s %9s\n", "", "CPU µs", "ratio", "p50 ms", "p99 ms", "ratio", "req/s")
	printBeside("bare net/http handler", base, base)
	for i, k := range cases {
		printBeside(k.name, results[i], base)
	}
	fmt.Println()
	return nil
}
