package s3_test

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// query is what a listing is asked for.
type query struct {
	prefix, delimiter string
	after, afterID    string
	most              int
	url               bool
}

// String quotes everything: names hold what a terminal hides.
func (q query) String() string {
	return fmt.Sprintf("prefix %q delimiter %q after %q %q most %d url %t", q.prefix, q.delimiter, q.after, q.afterID, q.most, q.url)
}

// page is what a listing shows: entries, prefixes, whether there is more, and
// behind what.
type page struct {
	items    []entry
	prefixes []string
	more     bool
	next     entry
}

// naive answers a page: everything in order, without what stands before, grouped
// and cut off.
func naive(all []entry, q query) (p page) {
	passed := q.afterID == ""
	for _, e := range all {
		if e.key == q.after && q.afterID != "" && !passed {
			passed = e.id == q.afterID
			continue
		}
		if !strings.HasPrefix(e.key, q.prefix) || e.key < q.after || e.key == q.after && q.afterID == "" && q.after != "" {
			continue
		}
		group := ""
		if q.delimiter != "" {
			if i := strings.Index(e.key[len(q.prefix):], q.delimiter); i >= 0 {
				group = e.key[:len(q.prefix)+i+len(q.delimiter)]
			}
		}
		if group != "" && (group == q.after && q.afterID == "" || slices.Contains(p.prefixes, group)) {
			continue
		}
		if len(p.items)+len(p.prefixes) == q.most {
			p.more = q.most > 0
			return p
		}
		if group != "" {
			p.prefixes = append(p.prefixes, group)
			p.next = entry{key: group}
		} else {
			p.items = append(p.items, e)
			p.next = e
		}
	}
	return p
}

func escape(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "+", "%20")
}

// shown is a name as an answer has it.
func (q query) shown(name string) string {
	if !q.url {
		return strings.ReplaceAll(name, "\x01", "\ufffd") // which XML cannot hold
	}
	return name
}

func (q query) encoding() types.EncodingType {
	if q.url {
		return "url"
	}
	return ""
}

// read takes a name from an answer. It must not hold what encoding protects from.
func (m *model) name(q query, p *string) string {
	if p == nil || !q.url {
		return aws.ToString(p)
	}
	for _, c := range []byte(*p) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`"<>&?#\`, c) >= 0 {
			m.t.Errorf("an encoded name: %q", *p)
		}
	}
	name, err := url.QueryUnescape(*p)
	if err != nil {
		m.t.Errorf("%q: %v", *p, err)
	}
	return name
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// compare asks for one random listing of each kind, page by page.
func (m *model) compare() {
	q := query{most: []int{0, 1, 1, 2, 3, 5, 8, 1000}[m.rand.IntN(8)], url: m.rand.IntN(3) > 0}
	if m.rand.IntN(2) == 0 {
		key := m.key()
		q.prefix = key[:m.rand.IntN(len(key)+1)]
		if strings.ToValidUTF8(q.prefix, "") != q.prefix {
			q.prefix = ""
		}
	}
	if m.rand.IntN(3) > 0 {
		q.delimiter = []string{"/", "/", "//", "a", "é", "%2F", "b/"}[m.rand.IntN(7)]
	}
	if m.rand.IntN(3) == 0 {
		q.after = m.key()
		if i := strings.Index(q.after, "/"); i >= 0 && m.rand.IntN(2) == 0 {
			q.after = q.after[:i+1]
		}
	}
	m.walk("ListObjectsV2", q, m.sortedObjects(), m.list2())
	m.walk("ListObjects", q, m.sortedObjects(), m.list1)
	m.walk("ListMultipartUploads", q, m.sortedUploads(), m.listUploads)
	if list := m.versions[q.after]; len(list) > 0 && m.rand.IntN(2) == 0 {
		q.afterID = list[m.rand.IntN(len(list))].id
	}
	m.walk("ListObjectVersions", q, m.sortedVersions(), m.listVersions)
	m.listParts()
}

// walk compares page after page with the model.
func (m *model) walk(what string, q query, all []entry, ask func(query) page) {
	for n := 0; ; n++ {
		want, got := naive(all, q), ask(q)
		for i := range want.items {
			want.items[i].key = q.shown(want.items[i].key)
		}
		var prefixes []string
		for _, p := range want.prefixes {
			prefixes = append(prefixes, q.shown(p))
		}
		if !slices.Equal(got.items, want.items) || !slices.Equal(got.prefixes, prefixes) || got.more != want.more {
			m.t.Fatalf("%s %v, page %d:\ngot  %q %q %v\nwant %q %q %v", what, q, n, got.items, got.prefixes, got.more, want.items, prefixes, want.more)
		}
		if !want.more {
			return
		}
		if q.url && (got.next.key != want.next.key || got.next.id != want.next.id) {
			m.t.Fatalf("%s %v, page %d goes on behind %q, want %q", what, q, n, got.next, want.next)
		}
		q.after, q.afterID = want.next.key, want.next.id
	}
}

func (m *model) list1(q query) (p page) {
	out, err := m.w.s3.ListObjects(m.t.Context(), &s3.ListObjectsInput{Bucket: &m.bucket, Prefix: &q.prefix, Delimiter: optional(q.delimiter), Marker: optional(q.after), MaxKeys: aws.Int32(int32(q.most)), EncodingType: q.encoding()})
	ok(m.t, err)
	m.objects(q, &p, out.Contents, out.CommonPrefixes)
	p.more = *out.IsTruncated
	if (out.NextMarker != nil) != (p.more && q.delimiter != "") {
		m.t.Errorf("NextMarker %v", out.NextMarker)
	}
	if p.next.key = m.name(q, out.NextMarker); out.NextMarker == nil && len(p.items) > 0 {
		p.next.key = p.items[len(p.items)-1].key // as clients go on without a delimiter
	}
	if m.name(q, out.Prefix) != q.shown(q.prefix) || m.name(q, out.Delimiter) != q.shown(q.delimiter) || m.name(q, out.Marker) != q.shown(q.after) || int(*out.MaxKeys) != q.most {
		m.t.Errorf("%v is answered as %+v", q, out)
	}
	return p
}

// list2 goes on by tokens: it remembers the one of the page before.
func (m *model) list2() func(q query) page {
	var token *string
	return func(q query) (p page) {
		in := &s3.ListObjectsV2Input{Bucket: &m.bucket, Prefix: &q.prefix, Delimiter: optional(q.delimiter), MaxKeys: aws.Int32(int32(q.most)), ContinuationToken: token, EncodingType: q.encoding()}
		if token == nil {
			in.StartAfter = optional(q.after)
		}
		out, err := m.w.s3.ListObjectsV2(m.t.Context(), in)
		ok(m.t, err)
		m.objects(q, &p, out.Contents, out.CommonPrefixes)
		p.more, p.next, token = *out.IsTruncated, naive(m.sortedObjects(), q).next, out.NextContinuationToken
		if p.more != (token != nil) || int(*out.KeyCount) != len(p.items)+len(p.prefixes) {
			m.t.Errorf("%+v", out)
		}
		return p
	}
}

func (m *model) prefixes(q query, p *page, prefixes []types.CommonPrefix) {
	for _, c := range prefixes {
		p.prefixes = append(p.prefixes, m.name(q, c.Prefix))
	}
}

func (m *model) objects(q query, p *page, list []types.Object, prefixes []types.CommonPrefix) {
	for _, o := range list {
		key := m.name(q, o.Key)
		p.items = append(p.items, entry{key: key})
		if v := m.versions[key]; q.url && (len(v) == 0 || *o.ETag != v[0].etag || *o.Size != int64(len(v[0].data))) {
			m.t.Errorf("%q: %s, %d bytes", key, *o.ETag, *o.Size)
		}
	}
	m.prefixes(q, p, prefixes)
}

func (m *model) listVersions(q query) (p page) {
	out, err := m.w.s3.ListObjectVersions(m.t.Context(), &s3.ListObjectVersionsInput{Bucket: &m.bucket, Prefix: &q.prefix, Delimiter: optional(q.delimiter), KeyMarker: optional(q.after), VersionIdMarker: optional(q.afterID), MaxKeys: aws.Int32(int32(q.most)), EncodingType: q.encoding()})
	ok(m.t, err)
	// The SDK answers versions and markers apart; in the document they are in order.
	type shown struct {
		entry
		latest, marker bool
		etag           string
	}
	there := map[entry]shown{}
	for _, v := range out.Versions {
		e := entry{m.name(q, v.Key), *v.VersionId}
		there[e] = shown{e, *v.IsLatest, false, *v.ETag}
	}
	for _, v := range out.DeleteMarkers {
		e := entry{m.name(q, v.Key), *v.VersionId}
		there[e] = shown{e, *v.IsLatest, true, ""}
	}
	if len(there) != len(out.Versions)+len(out.DeleteMarkers) {
		m.t.Errorf("%v: an entry twice", q)
	}
	for _, e := range m.sortedVersions() {
		s, listed := there[entry{q.shown(e.key), e.id}]
		if !listed {
			continue
		}
		p.items = append(p.items, s.entry)
		i := slices.IndexFunc(m.versions[e.key], func(v mversion) bool { return v.id == e.id })
		if v := m.versions[e.key][i]; s.latest != (i == 0) || s.marker != v.marker || s.etag != v.etag {
			m.t.Errorf("%q: %+v, want %+v", e.key, s, v)
		}
		delete(there, s.entry)
	}
	if len(there) > 0 {
		m.t.Errorf("%v: %q is not there", q, slices.Collect(maps.Keys(there)))
	}
	m.prefixes(q, &p, out.CommonPrefixes)
	p.more = *out.IsTruncated
	p.next = entry{m.name(q, out.NextKeyMarker), aws.ToString(out.NextVersionIdMarker)}
	return p
}

func (m *model) listUploads(q query) (p page) {
	out, err := m.w.s3.ListMultipartUploads(m.t.Context(), &s3.ListMultipartUploadsInput{Bucket: &m.bucket, Prefix: &q.prefix, Delimiter: optional(q.delimiter), KeyMarker: optional(q.after), UploadIdMarker: optional(q.afterID), MaxUploads: aws.Int32(int32(q.most)), EncodingType: q.encoding()})
	ok(m.t, err)
	for _, u := range out.Uploads {
		p.items = append(p.items, entry{m.name(q, u.Key), *u.UploadId})
	}
	m.prefixes(q, &p, out.CommonPrefixes)
	p.more = *out.IsTruncated
	p.next = entry{m.name(q, out.NextKeyMarker), aws.ToString(out.NextUploadIdMarker)}
	return p
}

// listParts compares the parts of an upload, page by page.
func (m *model) listParts() {
	if len(m.uploads) == 0 {
		return
	}
	u := m.uploads[m.rand.IntN(len(m.uploads))]
	want, after, most := slices.Sorted(maps.Keys(u.parts)), "0", 1+m.rand.IntN(4)
	for {
		out, err := m.w.s3.ListParts(m.t.Context(), &s3.ListPartsInput{Bucket: &m.bucket, Key: &u.key, UploadId: &u.id, MaxParts: aws.Int32(int32(most)), PartNumberMarker: &after})
		ok(m.t, err)
		n := min(most, len(want))
		if len(out.Parts) != n || *out.IsTruncated != (n < len(want)) {
			m.t.Fatalf("parts behind %s: %+v, want %v", after, out.Parts, want)
		}
		for i, p := range out.Parts {
			if made := u.parts[want[i]]; *p.PartNumber != want[i] || *p.ETag != made.etag || *p.Size != int64(len(made.data)) {
				m.t.Errorf("part %d: %+v", want[i], p)
			}
		}
		if want = want[n:]; len(want) == 0 {
			return
		}
		if after = aws.ToString(out.NextPartNumberMarker); after != fmt.Sprint(*out.Parts[n-1].PartNumber) {
			m.t.Fatalf("goes on behind %s", after)
		}
	}
}
