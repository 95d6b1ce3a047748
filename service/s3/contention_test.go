package s3_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// many runs f for 0 to n-1, eight at a time.
func many(n int, f func(i int)) {
	var wg sync.WaitGroup
	var next atomic.Int64
	for range 8 {
		wg.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	wg.Wait()
}

// parts uploads thousands of parts in any order, some of them several times.
func (w *world) parts(t *testing.T) {
	ctx := t.Context()
	b, key := w.bucket(t), aws.String("of many parts")
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: key})
	ok(t, err)
	n := 1500
	if os.Getenv("REDOUBT_SOAK") == "1" {
		n = 10_000
	}
	// The numbers go up to the last that there is.
	number := func(i int) int32 { return int32(10_000 - n + i + 1) }
	order := rand.New(rand.NewPCG(4, 4)).Perm(n)
	etags := make([]*string, n)
	many(n+n/10, func(i int) {
		turn := "first"
		if i >= n { // replaces the part that came first
			i, turn = i-n, "second"
		}
		i = order[i]
		p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: aws.Int32(number(i)), Body: strings.NewReader(turn + strconv.Itoa(i))})
		if err != nil {
			t.Error(err)
			return
		}
		if *p.ETag != digest(turn+strconv.Itoa(i)) {
			t.Errorf("part %d: %s", number(i), *p.ETag)
		}
		if turn == "second" || etags[i] == nil {
			etags[i] = p.ETag
		}
	})
	for _, bad := range []int32{0, 10_001, -1} {
		_, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: key, UploadId: up.UploadId, PartNumber: &bad, Body: strings.NewReader("x")})
		refused(t, err, 400, "InvalidArgument")
	}
	var list []types.CompletedPart
	pages := s3.NewListPartsPaginator(w.s3, &s3.ListPartsInput{Bucket: &b, Key: key, UploadId: up.UploadId})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		ok(t, err)
		if len(page.Parts) > 1000 {
			t.Error(len(page.Parts), "parts on a page")
		}
		for _, p := range page.Parts {
			if i := len(list); i >= n || *p.PartNumber != number(i) || *p.ETag != *etags[i] {
				t.Fatalf("part %d of the list: %+v", i, p)
			}
			list = append(list, types.CompletedPart{PartNumber: p.PartNumber, ETag: p.ETag})
		}
	}
	if len(list) != n {
		t.Fatalf("%d parts are listed of %d", len(list), n)
	}
	complete := func(list []types.CompletedPart) error {
		_, err := w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: key, UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}})
		return err
	}
	refused(t, complete(list), 400, "EntityTooSmall")
	swapped := append([]types.CompletedPart{}, list...)
	swapped[n/2], swapped[n/2+1] = swapped[n/2+1], swapped[n/2]
	refused(t, complete(swapped), 400, "InvalidPartOrder")
	twice := append([]types.CompletedPart{list[0]}, list...)
	refused(t, complete(twice), 400, "InvalidPartOrder")
	wrong := append([]types.CompletedPart{}, list...)
	wrong[n-1].ETag = wrong[n-2].ETag
	refused(t, complete(wrong), 400, "InvalidPart")
	// What is not named goes.
	ok(t, complete(list[n-1:]))
	if text, got := read(t, w.s3, b, *key); digest(text) != *etags[n-1] || !strings.HasSuffix(*got.ETag, `-1"`) {
		t.Errorf("%q %s", text, *got.ETag)
	}
	w.emptied(t, b)
}

// contention is many clients at one key.
func (w *world) contention(t *testing.T) {
	ctx := t.Context()
	const n = 48
	text := func(i int) string { return strings.Repeat(strconv.Itoa(i)+",", 1+i*2000) } // small, and over chunks
	body := func(i int) *bytes.Reader { return bytes.NewReader([]byte(text(i))) }
	whole := func(got string) bool {
		i, err := strconv.Atoi(strings.SplitN(got, ",", 2)[0])
		return err == nil && i < n && got == text(i)
	}
	for _, versioned := range []bool{false, true} {
		b, key := w.bucket(t), aws.String("hot")
		if versioned {
			_, err := w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &b, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"}})
			ok(t, err)
		}
		w.put(t, b, *key, text(0))
		ids := make([]string, n)
		many(n, func(i int) {
			out, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: key, Body: body(i)})
			if err != nil {
				t.Error(err)
				return
			}
			ids[i] = aws.ToString(out.VersionId)
			// Some write is always visible, and all of it.
			if got, _ := read(t, w.s3, b, *key); !whole(got) {
				t.Errorf("%d bytes, %.20q…: nobody wrote that", len(got), got)
			}
		})
		// Who writes last, alone, is what is read.
		w.put(t, b, *key, text(7))
		if got, _ := read(t, w.s3, b, *key); got != text(7) {
			t.Errorf("%.20q… after all others were done", got)
		}
		if versioned {
			seen := map[string]bool{}
			for i, id := range ids {
				if got, _ := read(t, w.s3, b, *key, func(in *s3.GetObjectInput) { in.VersionId = &id }); got != text(i) || seen[id] {
					t.Errorf("version %s holds %.20q…", id, got)
				}
				seen[id] = true
			}
		}
		w.emptied(t, b)
	}
	b := w.bucket(t)
	// One alone makes what must not be there yet.
	var made atomic.Int64
	many(n, func(i int) {
		_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("once"), Body: body(i % 4), IfNoneMatch: aws.String("*")})
		if err == nil {
			made.Add(1)
		} else if !codeIn(err, "PreconditionFailed", "ConditionalRequestConflict") {
			t.Error(err)
		}
	})
	if made.Load() != 1 {
		t.Errorf("%d clients made the same object", made.Load())
	}
	// A counter that is only overwritten as it was read counts all.
	w.put(t, b, "counter", "0")
	many(n, func(int) {
		for {
			got, out := read(t, w.s3, b, "counter")
			at, _ := strconv.Atoi(got)
			_, err := w.s3.PutObject(ctx, &s3.PutObjectInput{Bucket: &b, Key: aws.String("counter"), Body: strings.NewReader(fmt.Sprint(at + 1)), IfMatch: out.ETag})
			if err == nil {
				return
			}
			if !codeIn(err, "PreconditionFailed", "ConditionalRequestConflict") {
				t.Error(err)
				return
			}
		}
	})
	if got, _ := read(t, w.s3, b, "counter"); got != strconv.Itoa(n) {
		t.Errorf("counted to %s of %d", got, n)
	}
	// Of two that complete one upload, one does.
	up, err := w.s3.CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &b, Key: aws.String("up")})
	ok(t, err)
	p, err := w.s3.UploadPart(ctx, &s3.UploadPartInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, PartNumber: aws.Int32(1), Body: strings.NewReader("x")})
	ok(t, err)
	made.Store(0)
	many(8, func(int) {
		_, err := w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &b, Key: aws.String("up"), UploadId: up.UploadId, MultipartUpload: &types.CompletedMultipartUpload{Parts: []types.CompletedPart{{PartNumber: aws.Int32(1), ETag: p.ETag}}}})
		if err == nil {
			made.Add(1)
		} else if !codeIn(err, "NoSuchUpload") {
			t.Error(err)
		}
	})
	if made.Load() != 1 {
		t.Errorf("%d clients completed the same upload", made.Load())
	}
	w.emptied(t, b)
}
