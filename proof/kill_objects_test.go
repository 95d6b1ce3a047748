package proof

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// content is what an object holds: so many bytes made from a seed, or nothing. Its
// objects say it in their metadata too, so that a mixture of two shows.
type content struct {
	seed uint64
	size int
	gone bool
}

func (c content) String() string {
	if c.gone {
		return "nothing"
	}
	return fmt.Sprintf("%d-%d", c.seed, c.size)
}

// saying reads what String wrote.
func saying(text string) content {
	seed, size, _ := strings.Cut(text, "-")
	c := content{}
	c.seed, _ = strconv.ParseUint(seed, 10, 64)
	c.size, _ = strconv.Atoi(size)
	return c
}

func (c content) bytes() []byte {
	var seed [32]byte
	copy(seed[:], strconv.FormatUint(c.seed, 36))
	b := make([]byte, c.size)
	rand.NewChaCha8(seed).Read(b)
	return b
}

// drawn is content of a size that matters: with the metadata, in a blob, in chunks.
func drawn(r *rand.Rand) content {
	return content{seed: r.Uint64(), size: []int{0, 300, 15_000, 40_000, 65_536, 300_000, 2 << 20}[r.IntN(7)]}
}

// thing is a key that one client alone changes.
type thing struct {
	bucket, key string
	now         content
	next        *content // begun, and not acknowledged
	versions    map[string]content
	going       string // a version that is being deleted
}

// unfinished is an upload of which a part was acknowledged.
type unfinished struct {
	t    *thing
	id   string
	etag string
	part content
}

// hoarder is a client with keys of its own, and one that it shares with all others.
type hoarder struct {
	api     *s3.Client
	rand    *rand.Rand
	things  []*thing
	uploads []*unfinished
	kms     string // the id of a key
	dying   *atomic.Bool
	shared  *sync.Map // content of the shared key that was sent, by its words
	done    *atomic.Int64
	fault   error
}

const hot = "hot" // the key that all overwrite, in each bucket

var hoards = []string{"plain", "versioned", "suspended"}

// TestKillObjects: killed under all kinds of writes to buckets, the server has
// afterwards what it acknowledged, nothing by half, and not a byte too much on disk.
func TestKillObjects(t *testing.T) {
	rounds, least := 3, 60
	if soak {
		rounds, least = 100, 600
	}
	data := filepath.Join(t.TempDir(), "data")
	p := launch(t, data)
	api := p.s3(t)
	for _, b := range hoards {
		if _, err := api.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &b}); err != nil {
			t.Fatal(err)
		}
		for _, status := range map[string][]types.BucketVersioningStatus{"versioned": {"Enabled"}, "suspended": {"Enabled", "Suspended"}}[b] {
			if _, err := api.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: status}}); err != nil {
				t.Fatal(err)
			}
		}
	}
	key := p.must(t, &kmsapi.Model, "CreateKey", object{}, p.admin).at("KeyMetadata.KeyId")
	var dying atomic.Bool
	var done atomic.Int64 // changes that were acknowledged, in this round
	total := int64(0)
	var shared sync.Map
	hoarders := make([]*hoarder, 12)
	for i := range hoarders {
		h := &hoarder{rand: rand.New(rand.NewPCG(uint64(i), uint64(time.Now().UnixNano()))), kms: key, dying: &dying, done: &done, shared: &shared}
		for n := range 5 {
			h.things = append(h.things, &thing{bucket: hoards[(i+n)%3], key: fmt.Sprintf("%d/%d", i, n), now: content{gone: true}, versions: map[string]content{}})
		}
		hoarders[i] = h
	}
	for range rounds {
		dying.Store(false)
		done.Store(0)
		var wg sync.WaitGroup
		for _, h := range hoarders {
			h.api = p.s3(t)
			wg.Go(h.work)
		}
		until(t, &done, int64(least+rand.IntN(2*least)))
		dying.Store(true)
		p.kill()
		wg.Wait()
		total += done.Load()
		p.quiet(t)

		// What lies there is whole before any server has tidied up.
		verified(t, data, `(?m), 0 belong to nothing\n0 faults$`)
		p = launch(t, data)
		api = p.s3(t)
		for i, h := range hoarders {
			if h.fault != nil {
				t.Errorf("client %d, while the server lived: %v", i, h.fault)
			}
			h.api = api
			wg.Go(func() { h.check(t) })
		}
		wg.Wait()
		for _, b := range hoards {
			if c, err := held(api, b, hot, ""); err != nil {
				t.Errorf("%s/%s: %v", b, hot, err)
			} else if _, sent := shared.Load(b + c.String()); !sent && !c.gone {
				t.Errorf("%s/%s holds %v, which nobody wrote", b, hot, c)
			}
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d acknowledged changes over %d kills", total, rounds)
	// Nothing is left of what was given up: as many blobs as are referred to.
	for _, b := range hoards {
		emptied(t, api, b)
	}
	p.await(t, func() error {
		if n := blobs(t, data); n > 1 { // the marker by which the store knows its blobs
			return fmt.Errorf("%d blobs are left in empty buckets", n)
		}
		return nil
	})
	p.quiet(t)
	p.stop(t)
	verified(t, data, `(?s)^0 versions, 0 parts .* 0 wait to be written or removed, 0 belong to nothing\n0 faults\n$`)
}

// s3 is a client of AWS's own that tries everything once.
func (p *process) s3(t testing.TB) *s3.Client {
	tr := &http.Transport{MaxIdleConnsPerHost: 64}
	t.Cleanup(tr.CloseIdleConnections)
	return s3.New(s3.Options{
		Region: home, BaseEndpoint: &p.url, UsePathStyle: true, RetryMaxAttempts: 1, HTTPClient: &http.Client{Transport: tr},
		Credentials: credentials.NewStaticCredentialsProvider(p.admin.id, p.admin.secret, ""),
	})
}

// verified runs `redoubt blob verify` on a stopped server's data.
func verified(t testing.TB, data, want string) {
	t.Helper()
	path, err := binary()
	if err != nil {
		t.Fatal(err)
	}
	var out, told bytes.Buffer
	cmd := exec.Command(path, "blob", "verify", "--data", data)
	cmd.Stdout, cmd.Stderr = &out, &told
	if err := cmd.Run(); err != nil || !regexp.MustCompile(want).Match(out.Bytes()) {
		t.Errorf("blob verify: %v, want %s\n%.2000s%.2000s", err, want, out.Bytes(), told.Bytes())
	}
}

// blobs counts what lies where data of objects do, half written things included.
func blobs(t testing.TB, data string) int {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(data, "blobs", "*", strings.Repeat("?", 32)))
	if err != nil {
		t.Fatal(err)
	}
	return len(files)
}

// answered reports whether an error is the server's word, and not the end of it.
func answered(err error) bool {
	var api smithy.APIError
	return errors.As(err, &api)
}

// is reports whether the server refused with a code.
func is(err error, codes ...string) bool {
	var api smithy.APIError
	if errors.As(err, &api) {
		for _, c := range codes {
			if api.ErrorCode() == c {
				return true
			}
		}
	}
	return false
}

// held reads an object and compares its data with what it says that it holds.
func held(api *s3.Client, bucket, key, version string) (content, error) {
	in := &s3.GetObjectInput{Bucket: &bucket, Key: &key}
	if version != "" {
		in.VersionId = &version
	}
	out, err := api.GetObject(context.Background(), in)
	if is(err, "NoSuchKey") {
		return content{gone: true}, nil
	}
	if err != nil {
		return content{}, err
	}
	defer out.Body.Close()
	body, err := io.ReadAll(out.Body)
	if err != nil {
		return content{}, err
	}
	c := saying(out.Metadata["content"])
	if !bytes.Equal(body, c.bytes()) {
		return c, fmt.Errorf("%w: %d bytes that are not those of %v", errMixed, len(body), c)
	}
	return c, nil
}

var errMixed = errors.New("mixed")

func emptied(t testing.TB, api *s3.Client, b string) {
	t.Helper()
	uploads, err := api.ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range uploads.Uploads {
		if _, err := api.AbortMultipartUpload(t.Context(), &s3.AbortMultipartUploadInput{Bucket: &b, Key: u.Key, UploadId: u.UploadId}); err != nil {
			t.Fatal(err)
		}
	}
	pages := s3.NewListObjectVersionsPaginator(api, &s3.ListObjectVersionsInput{Bucket: &b})
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var list []types.ObjectIdentifier
		for _, v := range page.Versions {
			list = append(list, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		for _, v := range page.DeleteMarkers {
			list = append(list, types.ObjectIdentifier{Key: v.Key, VersionId: v.VersionId})
		}
		if len(list) == 0 {
			return
		}
		out, err := api.DeleteObjects(t.Context(), &s3.DeleteObjectsInput{Bucket: &b, Delete: &types.Delete{Objects: list, Quiet: aws.Bool(true)}})
		if err != nil || len(out.Errors) > 0 {
			t.Fatal(err, out)
		}
	}
}
