package main

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strings"
	"time"
)

// shape is how objects of one size are measured: bytes, connections, and how many
// keys are written, over and over.
type shape struct {
	name                 string
	size                 int
	connections, objects int
	share                int // of the requests of a round: one in so many
}

var shapes = []shape{
	{"64 KiB", 64 << 10, 64, 256, 10},
	{"8 MiB", 8 << 20, 8, 16, 400},
}

// settling is how long what PUTs replaced takes to be cleared away: the GETs that come
// next are not charged for it.
const settling = 5 * time.Second

// objects measures S3's GET and PUT, under a KMS key with a Bucket Key, beside a plain
// file server that does as much cryptography; and small durable PUTs beside the
// storage engine's own group commit.
func (b *bencher) objects(ctx context.Context, c *caller, target *process) error {
	s3 := c.of("s3", "")
	s3.signer.S3 = true
	var key struct{ KeyMetadata struct{ Arn string } }
	if err := c.call("CreateKey", map[string]any{}, &key); err != nil {
		return err
	}
	rule := `<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>aws:kms</SSEAlgorithm><KMSMasterKeyID>` + key.KeyMetadata.Arn +
		`</KMSMasterKeyID></ApplyServerSideEncryptionByDefault><BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>`
	for _, x := range []struct{ path, body string }{{"/bench", ""}, {"/bench?encryption", rule}, {"/bench-plain", ""}} {
		if err := s3.put(x.path, []byte(x.body)); err != nil {
			return err
		}
	}
	dir, err := os.MkdirTemp(".", "bench-files") // on the disk that is measured, not in memory
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	yard, err := startBare(ctx, "-files", dir)
	if err != nil {
		return err
	}
	defer yard.stop()
	fmt.Printf("S3 under a KMS key with a Bucket Key, beside a file server with AES-256-GCM once (PUT: and SHA-256)\n\n")
	fmt.Printf("%-34s %10s %8s %9s %9s %8s %9s\n", "", "CPU µs", "ratio", "p50 ms", "p99 ms", "ratio", "req/s")
	for _, sh := range shapes {
		if err := b.shape(s3, sh, yard, target); err != nil {
			return err
		}
	}
	fmt.Println()
	return b.smallObjects(s3, target)
}

func (b *bencher) shape(s3 *caller, sh shape, yard, target *process) error {
	body := make([]byte, sh.size)
	rand.NewChaCha8([32]byte{1}).Read(body)
	put, get := make([][]byte, sh.objects), make([][]byte, sh.objects)
	var err error
	for i := range sh.objects {
		path := fmt.Sprintf("/bench/%d-%d", sh.size, i)
		if put[i], err = s3.head(http.MethodPut, path, body); err != nil {
			return err
		}
		if get[i], err = s3.head(http.MethodGet, path, nil); err != nil {
			return err
		}
	}
	l := load{requests: max(slice/sh.share, sh.objects), connections: sh.connections}
	of := func(list [][]byte) func(int) []byte { return func(i int) []byte { return list[i%sh.objects] } }
	for _, k := range []struct {
		name string
		list [][]byte
		body []byte
	}{{"PUT ", put, body}, {"GET ", get, nil}} {
		var base, own []result
		l.body = k.body
		for range b.rounds * max(b.load.requests/slice, 1) {
			r, s := l.each(yard, of(k.list)), l.each(target, of(k.list))
			if err := errors.Join(r.err, s.err); err != nil {
				return fmt.Errorf("%s: %w", sh.name, err)
			}
			base, own = append(base, r), append(own, s)
		}
		printBeside("file server "+k.name+sh.name, base, base)
		printBeside("S3 "+k.name+sh.name, own, base)
		time.Sleep(settling)
	}
	return nil
}

// smallObjects measures durable PUTs of new small objects.
func (b *bencher) smallObjects(s3 *caller, target *process) error {
	l := b.load
	l.requests = min(l.requests, 12_800)
	floor, err := pebbleRate(l, b.delay)
	if err != nil {
		return err
	}
	fmt.Printf("durable PUTs of new objects from %d clients%13s\n", l.connections, "of Pebble's rate")
	fmt.Printf("%-34s %10.0f/s\n", "Pebble, synced puts of 1 KiB", floor)
	for _, size := range []int{1 << 10, 16 << 10, 64 << 10} {
		l := l
		if size > 1<<10 {
			l.requests /= 4
		}
		body := bytes.Repeat([]byte("x"), size)
		list := make([][]byte, l.requests)
		for i := range list {
			if list[i], err = s3.head(http.MethodPut, fmt.Sprintf("/bench-plain/%d-%d", size, i), body); err != nil {
				return err
			}
		}
		l.body = body
		before, err := target.store()
		if err != nil {
			return err
		}
		r := l.each(target, func(i int) []byte { return list[i] })
		if r.err != nil {
			return r.err
		}
		after, err := target.store()
		if err != nil {
			return err
		}
		fmt.Printf("%-34s %10.0f/s %7.0f %%   CPU %.0f µs, p99 %.1f ms, %.1f a flush\n", fmt.Sprintf("S3 PutObject %d KiB", size>>10), r.rate, 100*r.rate/floor,
			float64(r.cpu.Nanoseconds())/1e3, r.p99.Seconds()*1e3, float64(l.requests)/max(after.flushes-before.flushes, 1))
	}
	fmt.Println()
	return nil
}

// signed is a request of S3.
func (c *caller) signed(method, path string, body []byte) (*http.Request, error) {
	h := http.Header{}
	if strings.Contains(path, "?") { // configurations prove themselves
		sum := md5.Sum(body)
		h.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
	return c.rest(method, path, h, body)
}

// head is a request as it goes over the wire, without the body.
func (c *caller) head(method, path string, body []byte) ([]byte, error) {
	r, err := c.signed(method, path, body)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", method, path, c.addr, len(body))
	r.Header.Write(&b)
	b.WriteString("\r\n")
	return b.Bytes(), nil
}

func (c *caller) put(path string, body []byte) error {
	r, err := c.signed(http.MethodPut, path, body)
	if err != nil {
		return err
	}
	_, err = send(r)
	return err
}
