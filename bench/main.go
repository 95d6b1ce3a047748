// Bench measures the server's CPU time per request beside a bare net/http
// handler, both as processes of their own under the same load in one run:
//
//	go run ./bench [-redoubt bin/redoubt] [-requests N] [-connections N]
//
// CPU time is what /proc/PID/stat says. Rounds of all cases take turns and the
// best of each figure counts, because what else the machine does adds to all. The load comes from this process over
// keep-alive connections, with signed requests that were prepared beforehand.
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
	"strings"
)

func main() {
	bare := flag.Bool("bare", false, "be the bare handler")
	redoubt := flag.String("redoubt", "bin/redoubt", "the server's `binary`")
	requests := flag.Int("requests", 40_000, "requests a round")
	connections := flag.Int("connections", 64, "keep-alive connections")
	profile := flag.String("cpu-profile", "", "have the server write its CPU profile to this `file`")
	only := flag.String("only", "", "measure only cases whose name contains this `text`")
	rounds := flag.Int("rounds", 3, "rounds; the best counts")
	flag.Parse()
	if *bare {
		serveBare()
		return
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, *redoubt, load{requests: *requests, connections: *connections}, *rounds, *profile, *only); err != nil {
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

func run(ctx context.Context, binary string, l load, rounds int, profile, only string) error {
	dir, err := os.MkdirTemp("", "redoubt-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	yard, err := startBare(ctx)
	if err != nil {
		return err
	}
	defer yard.stop()
	target, err := startRedoubt(ctx, binary, filepath.Join(dir, "data"), profile)
	if err != nil {
		return err
	}
	defer func() { target.stop() }()
	c, err := newCaller(target.addr, filepath.Join(dir, "data", "credentials"))
	if err != nil {
		return err
	}
	cases, err := prepare(c)
	if err != nil {
		return err
	}
	fmt.Printf("%d connections, %d requests a round, best of %d rounds\n\n", l.connections, l.requests, rounds)
	fmt.Printf("%-34s %10s %8s %9s %9s %8s %9s\n", "", "CPU µs", "ratio", "p50 ms", "p99 ms", "ratio", "req/s")
	var kept []bench
	for _, k := range cases {
		if strings.Contains(k.name, only) {
			kept = append(kept, k)
		}
	}
	// In turn, so that the machine's moods meet all alike.
	var base result
	results := make([]result, len(kept))
	request := cases[0].request
	for range rounds {
		if base = better(base, l.run(yard, request)); base.err != nil {
			return fmt.Errorf("bare handler: %w", base.err)
		}
		for i, k := range kept {
			if results[i] = better(results[i], l.run(target, k.request)); results[i].err != nil {
				return fmt.Errorf("%s: %w", k.name, results[i].err)
			}
		}
	}
	base.print("bare net/http handler", base)
	for i, k := range kept {
		results[i].print(k.name, base)
	}
	if only == "" || strings.Contains("durable", only) {
		if err := durable(c, target, l); err != nil {
			return err
		}
	}
	if only == "" || strings.Contains("start", only) {
		target.stop()
		return starts(ctx, binary, filepath.Join(dir, "data"), rounds)
	}
	return nil
}
