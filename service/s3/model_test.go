package s3_test

import (
	"bytes"
	"cmp"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// model is a bucket by the plainest means: what every listing and every read of the
// real one must agree with.
type model struct {
	w        *world
	t        *testing.T
	rand     *rand.Rand
	bucket   string
	status   types.BucketVersioningStatus
	versions map[string][]mversion // by key, the newest first
	uploads  []*mupload            // in the order in which they were begun
	source   []byte                // 5 MiB and more, for parts
}

type mversion struct {
	id, etag string
	data     string
	marker   bool
}

type mupload struct {
	key, id string
	parts   map[int32]mpart
}

type mpart struct {
	etag string
	data string
}

// pieces are what keys are made of: what sorts oddly, what XML and URLs do not
// take as it is, delimiters.
var pieces = []string{"a", "b", "ab", "/", "/", "//", "-", "é", "ê", "한", "핝", "💾", " ", "+", "%", "%2F", "&", "<", "\"", "~", "\x7f", "\r", "\n", "\x01", "\\", "..", "?", "#"}

// TestModel does random things to a bucket, the same ones every time, and compares
// it with the model. With REDOUBT_SOAK=1 more of them, other ones each time.
func (w *world) model(t *testing.T) {
	seed, rounds := uint64(4), 1
	if os.Getenv("REDOUBT_SOAK") == "1" {
		seed, rounds = uint64(time.Now().UnixNano()), 40
	}
	for range rounds {
		seed++
		t.Logf("seed %d", seed)
		m := &model{w: w, t: t, rand: rand.New(rand.NewPCG(seed, 0)), bucket: w.bucket(t), versions: map[string][]mversion{}}
		m.source = bytes.Repeat([]byte("0123456789abcde\n"), (5<<20+1<<10)/16)
		for n := range 420 {
			m.step()
			if n%20 == 19 {
				for range 12 {
					m.compare()
				}
			}
			if t.Failed() {
				t.Fatalf("after %d steps from seed %d", n+1, seed)
			}
		}
		m.compareData()
		w.emptied(t, m.bucket)
	}
}

func (m *model) key() string {
	if known := slices.Sorted(maps.Keys(m.versions)); len(known) > 0 && m.rand.IntN(2) == 0 {
		return known[m.rand.IntN(len(known))]
	}
	var b strings.Builder
	for range 1 + m.rand.IntN(4) {
		b.WriteString(pieces[m.rand.IntN(len(pieces))])
	}
	return b.String()
}

// id is a version id of a key, of a real version or of none.
func (m *model) id(key string) string {
	if v := m.versions[key]; len(v) > 0 && m.rand.IntN(5) > 0 {
		return v[m.rand.IntN(len(v))].id
	}
	return "null"
}

func (m *model) step() {
	ctx := m.t.Context()
	key := m.key()
	switch m.rand.IntN(16) {
	case 0:
		if m.rand.IntN(4) > 0 {
			return
		}
		m.status = "Enabled"
		if m.rand.IntN(2) == 0 {
			m.status = "Suspended"
		}
		_, err := m.w.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{Bucket: &m.bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: m.status}})
		ok(m.t, err)
	case 1, 2:
		out, err := m.w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.bucket, Key: &key})
		ok(m.t, err)
		if m.status == "" {
			delete(m.versions, key)
			return
		}
		m.add(key, mversion{id: aws.ToString(out.VersionId), marker: true})
	case 3, 4:
		id := m.id(key)
		_, err := m.w.s3.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &m.bucket, Key: &key, VersionId: &id})
		ok(m.t, err)
		m.removed(key, id)
	case 5:
		m.deleteMany()
	case 6:
		m.copy(key)
	case 7, 8:
		m.begin(key)
	case 9, 10, 11:
		m.part()
	case 12:
		m.end()
	default:
		m.put(key)
	}
}

// add makes v the newest version of a key; there is one at most with the id null.
func (m *model) add(key string, v mversion) {
	if v.id == "" {
		v.id = "null"
	}
	if want := m.status == "Enabled"; want != (v.id != "null") {
		m.t.Errorf("%q: version %s in a bucket whose versioning is %q", key, v.id, m.status)
	}
	m.removed(key, v.id)
	m.versions[key] = append([]mversion{v}, m.versions[key]...)
}

func (m *model) removed(key, id string) {
	left := slices.DeleteFunc(m.versions[key], func(v mversion) bool { return v.id == id })
	if m.versions[key] = left; len(left) == 0 {
		delete(m.versions, key)
	}
}

func digest(text string) string {
	sum := md5.Sum([]byte(text))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func (m *model) put(key string) {
	text := strings.Repeat(strconv.Itoa(m.rand.IntN(1000)), 1+m.rand.IntN(40))
	out := m.w.put(m.t, m.bucket, key, text)
	if *out.ETag != digest(text) {
		m.t.Errorf("%q: %s", key, *out.ETag)
	}
	m.add(key, mversion{id: aws.ToString(out.VersionId), etag: *out.ETag, data: text})
}

// copy copies an object, by its version: so even onto itself.
func (m *model) copy(key string) {
	from := m.key()
	for _, v := range m.versions[from] {
		if v.marker {
			continue
		}
		source := m.bucket + "/" + escape(from) + "?versionId=" + v.id
		in := &s3.CopyObjectInput{Bucket: &m.bucket, Key: &key, CopySource: &source}
		out, err := m.w.s3.CopyObject(m.t.Context(), in)
		ok(m.t, err)
		if *out.CopyObjectResult.ETag != digest(v.data) {
			m.t.Errorf("copying %q: %s", from, *out.CopyObjectResult.ETag)
		}
		m.add(key, mversion{id: aws.ToString(out.VersionId), etag: digest(v.data), data: v.data})
		return
	}
}

// deleteMany deletes some keys and versions in one request. What is named twice is
// deleted twice.
func (m *model) deleteMany() {
	var list []types.ObjectIdentifier
	for range 1 + m.rand.IntN(4) {
		o := types.ObjectIdentifier{Key: aws.String(m.key())}
		if strings.ContainsAny(*o.Key, "\x01\r") {
			continue // the client writes them as XML 1.0 does not allow
		}
		if m.rand.IntN(2) == 0 {
			o.VersionId = aws.String(m.id(*o.Key))
		}
		if !slices.ContainsFunc(list, func(p types.ObjectIdentifier) bool { return *p.Key == *o.Key }) {
			list = append(list, o)
		}
	}
	if len(list) == 0 {
		return
	}
	out, err := m.w.s3.DeleteObjects(m.t.Context(), &s3.DeleteObjectsInput{Bucket: &m.bucket, Delete: &types.Delete{Objects: list}})
	ok(m.t, err)
	if len(out.Deleted) != len(list) || len(out.Errors) > 0 {
		m.t.Errorf("%+v", out)
		return
	}
	for _, o := range list {
		i := slices.IndexFunc(out.Deleted, func(d types.DeletedObject) bool {
			return *d.Key == *o.Key && aws.ToString(d.VersionId) == aws.ToString(o.VersionId)
		})
		if i < 0 {
			m.t.Errorf("%q is not among %+v", *o.Key, out.Deleted)
			return
		}
		switch d := out.Deleted[i]; {
		case o.VersionId != nil:
			m.removed(*o.Key, *o.VersionId)
		case m.status == "":
			delete(m.versions, *o.Key)
		default:
			m.add(*o.Key, mversion{id: aws.ToString(d.DeleteMarkerVersionId), marker: true})
		}
	}
}

func (m *model) begin(key string) {
	if len(m.uploads) > 12 {
		return
	}
	u, err := m.w.s3.CreateMultipartUpload(m.t.Context(), &s3.CreateMultipartUploadInput{Bucket: &m.bucket, Key: &key})
	ok(m.t, err)
	m.uploads = append(m.uploads, &mupload{key: key, id: *u.UploadId, parts: map[int32]mpart{}})
}

// part uploads a part of any number, some of them once more; now and then one that
// is large enough to be followed by others.
func (m *model) part() {
	if len(m.uploads) == 0 {
		return
	}
	u := m.uploads[m.rand.IntN(len(m.uploads))]
	n := int32(1 + m.rand.IntN(8))
	if m.rand.IntN(6) == 0 {
		n = int32(1 + m.rand.IntN(10_000))
	}
	text := strconv.Itoa(m.rand.IntN(1_000_000))
	if m.rand.IntN(4) == 0 {
		at := m.rand.IntN(1 << 10)
		text = string(m.source[at : at+5<<20])
	}
	p, err := m.w.s3.UploadPart(m.t.Context(), &s3.UploadPartInput{Bucket: &m.bucket, Key: &u.key, UploadId: &u.id, PartNumber: &n, Body: strings.NewReader(text)})
	ok(m.t, err)
	if *p.ETag != digest(text) {
		m.t.Errorf("part %d: %s", n, *p.ETag)
	}
	u.parts[n] = mpart{*p.ETag, text}
}

// end aborts an upload, or completes it with some of its parts.
func (m *model) end() {
	if len(m.uploads) == 0 {
		return
	}
	ctx := m.t.Context()
	i := m.rand.IntN(len(m.uploads))
	u := m.uploads[i]
	over := func() { m.uploads = slices.Delete(m.uploads, i, i+1) }
	var list []types.CompletedPart
	var data, sums strings.Builder
	small := 0
	for _, n := range slices.Sorted(maps.Keys(u.parts)) {
		if m.rand.IntN(4) == 0 {
			continue
		}
		p := u.parts[n]
		if len(list) > 0 && small == 0 && len(u.parts[*list[len(list)-1].PartNumber].data) < 5<<20 {
			small = int(*list[len(list)-1].PartNumber)
		}
		list = append(list, types.CompletedPart{PartNumber: &n, ETag: &p.etag})
		data.WriteString(p.data)
		raw, _ := hex.DecodeString(strings.Trim(p.etag, `"`))
		sums.Write(raw)
	}
	if len(list) == 0 {
		_, err := m.w.s3.AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &m.bucket, Key: &u.key, UploadId: &u.id})
		ok(m.t, err)
		over()
		return
	}
	out, err := m.w.s3.CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &m.bucket, Key: &u.key, UploadId: &u.id, MultipartUpload: &types.CompletedMultipartUpload{Parts: list}})
	if small > 0 {
		refused(m.t, err, 400, "EntityTooSmall")
		return
	}
	ok(m.t, err)
	want := strings.TrimSuffix(digest(sums.String()), `"`) + fmt.Sprintf(`-%d"`, len(list))
	if *out.ETag != want {
		m.t.Errorf("%q of %d parts: %s, want %s", u.key, len(list), *out.ETag, want)
	}
	m.add(u.key, mversion{id: aws.ToString(out.VersionId), etag: want, data: data.String()})
	over()
}

// compareData reads every version.
func (m *model) compareData() {
	for key, list := range m.versions {
		for i, v := range list {
			in := &s3.GetObjectInput{Bucket: &m.bucket, Key: &key, VersionId: &v.id}
			if v.marker {
				_, err := m.w.s3.GetObject(m.t.Context(), in)
				refused(m.t, err, 405, "MethodNotAllowed")
				in.VersionId = nil
				if _, err := m.w.s3.GetObject(m.t.Context(), in); i == 0 {
					refused(m.t, err, 404, "NoSuchKey")
				}
				continue
			}
			text, got := read(m.t, m.w.s3, m.bucket, key, func(in *s3.GetObjectInput) { in.VersionId = &v.id })
			if text != v.data || *got.ETag != v.etag {
				m.t.Errorf("%q version %s: %d bytes, %s; want %d, %s", key, v.id, len(text), *got.ETag, len(v.data), v.etag)
			}
			if i == 0 {
				if text, _ := read(m.t, m.w.s3, m.bucket, key); text != v.data {
					m.t.Errorf("%q: %d bytes without a version id", key, len(text))
				}
			}
		}
	}
}

// entry is what a listing has to order: a key, and what stands under it.
type entry struct{ key, id string }

func (m *model) sortedVersions() (list []entry) {
	for _, key := range slices.Sorted(maps.Keys(m.versions)) {
		for _, v := range m.versions[key] {
			list = append(list, entry{key, v.id})
		}
	}
	return list
}

func (m *model) sortedObjects() (list []entry) {
	for _, key := range slices.Sorted(maps.Keys(m.versions)) {
		if !m.versions[key][0].marker {
			list = append(list, entry{key: key})
		}
	}
	return list
}

func (m *model) sortedUploads() (list []entry) {
	for _, u := range m.uploads {
		list = append(list, entry{u.key, u.id})
	}
	slices.SortStableFunc(list, func(a, b entry) int { return cmp.Compare(a.key, b.key) })
	return list
}
