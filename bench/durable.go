package main

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// parameters is how many parameters PutParameter makes before it writes new
// versions: an account has room for 10,000.
const parameters = 8000

// writesPerSecret is how many versions PutSecretValue makes of a secret: a secret
// takes 900 a day.
const writesPerSecret = 10

// durable measures acknowledged writes: CreateAlias, PutKeyPolicy, PutParameter and
// PutSecretValue, audit event included, beside Pebble's own group commit of one kilobyte a write.
func (b *bencher) durable(c *caller, p *process) error {
	l := b.load
	l.requests = min(l.requests, 25_600)
	floor, err := pebbleRate(l, b.delay)
	if err != nil {
		return err
	}
	fmt.Printf("durable writes from %d clients%22s\n", l.connections, "of Pebble's rate")
	fmt.Printf("%-34s %10.0f/s\n", "Pebble, synced puts of 1 KiB", floor)

	keys := make([]string, max(l.connections*4, l.requests/25)) // fifty aliases a key are allowed
	for i := range keys {
		var key struct{ KeyMetadata struct{ KeyId string } }
		if err := c.call("CreateKey", map[string]any{}, &key); err != nil {
			return err
		}
		keys[i] = key.KeyMetadata.KeyId
	}
	create := make([][]byte, l.requests)
	put := make([][]byte, l.requests)
	parameter := make([][]byte, l.requests)
	ssm := c.of("ssm", "AmazonSSM")
	secret := make([][]byte, l.requests)
	secrets := c.of("secretsmanager", "secretsmanager")
	names := max(1, l.requests/writesPerSecret)
	for i := range names {
		if err := secrets.call("CreateSecret", map[string]any{"Name": fmt.Sprintf("bench-%d", i), "SecretString": "value", "ClientRequestToken": newToken(0)}, nil); err != nil {
			return err
		}
	}
	for i := range l.requests {
		in := map[string]any{"SecretId": fmt.Sprintf("bench-%d", i%names), "SecretString": fmt.Sprint("value ", i), "ClientRequestToken": newToken(1 + i)}
		if secret[i], err = secrets.bytes("PutSecretValue", in); err != nil {
			return err
		}
		if create[i], err = c.bytes("CreateAlias", map[string]any{"AliasName": fmt.Sprintf("alias/bench-%d", i), "TargetKeyId": keys[i%len(keys)]}); err != nil {
			return err
		}
		if parameter[i], err = ssm.bytes("PutParameter", map[string]any{"Name": fmt.Sprintf("/bench/%d", i%parameters), "Type": "String", "Value": fmt.Sprint("value ", i), "Overwrite": true}); err != nil {
			return err
		}
		policy := fmt.Sprintf(`{"Version":"2012-10-17","Id":"v%d","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::123456789012:root"},"Action":"kms:*","Resource":"*"}]}`, i)
		if put[i], err = c.bytes("PutKeyPolicy", map[string]any{"KeyId": keys[i%len(keys)], "Policy": policy}); err != nil {
			return err
		}
	}
	for _, x := range []struct {
		name     string
		requests [][]byte
	}{{"KMS CreateAlias", create}, {"KMS PutKeyPolicy", put}, {"SSM PutParameter", parameter}, {"Secrets Manager PutSecretValue", secret}} {
		before, err := p.store()
		if err != nil {
			return err
		}
		r := l.each(p, func(i int) []byte { return x.requests[i] })
		if r.err != nil {
			return fmt.Errorf("%s: %w", x.name, r.err)
		}
		after, err := p.store()
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %10.0f/s %7.0f %%   CPU %.0f µs, p99 %.1f ms, %.1f a flush, %.0f conflicts\n", x.name, r.rate, 100*r.rate/floor,
			float64(r.cpu.Nanoseconds())/1e3, r.p99.Seconds()*1e3,
			float64(l.requests)/max(after.flushes-before.flushes, 1), after.conflicts-before.conflicts)
	}
	return nil
}

// store is what a server says of its store.
type store struct{ flushes, conflicts float64 }

func (p *process) store() (s store, err error) {
	resp, err := http.Get("http://" + p.addr + "/_redoubt/metrics")
	if err != nil {
		return s, err
	}
	defer resp.Body.Close()
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		switch name {
		case `redoubt_store_engine{figure="groups"}`:
			s.flushes, err = strconv.ParseFloat(value, 64)
		case "redoubt_store_conflicts_total":
			s.conflicts, err = strconv.ParseFloat(value, 64)
		}
		if err != nil {
			return s, err
		}
	}
	return s, lines.Err()
}

// pebbleRate is what the storage engine itself manages on this disk.
func pebbleRate(l load, delay time.Duration) (float64, error) {
	dir, err := os.MkdirTemp("", "redoubt-bench-pebble")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	db, err := pebble.Open(filepath.Join(dir, "db"), &pebble.Options{Logger: quiet{}, FS: slow(delay)})
	if err != nil {
		return 0, err
	}
	defer db.Close()
	value := make([]byte, 1024)
	var next atomic.Int64
	var failed atomic.Value
	var wg sync.WaitGroup
	start := time.Now()
	for range l.connections {
		wg.Add(1)
		go func() {
			defer wg.Done()
			for {
				i := next.Add(1)
				if i > int64(l.requests) {
					return
				}
				if err := db.Set(fmt.Appendf(nil, "key-%d", i), value, pebble.Sync); err != nil {
					failed.Store(err)
					return
				}
			}
		}()
	}
	wg.Wait()
	if err, ok := failed.Load().(error); ok {
		return 0, err
	}
	return float64(l.requests) / time.Since(start).Seconds(), nil
}

// quiet is a log that says nothing.
type quiet struct{}

func (quiet) Infof(string, ...any)              {}
func (quiet) Errorf(string, ...any)             {}
func (quiet) Fatalf(format string, args ...any) { panic(fmt.Sprintf(format, args...)) }
