package objects

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What a listing must show, by the plainest means.
func plain(keys []string, q Query) (items, prefixes []string, more bool) {
	n := 0
	for _, k := range keys {
		if !strings.HasPrefix(k, q.Prefix) || k <= q.After {
			continue
		}
		group := ""
		if q.Delimiter != "" {
			if i := strings.Index(k[len(q.Prefix):], q.Delimiter); i >= 0 {
				group = k[:len(q.Prefix)+i+len(q.Delimiter)]
			}
		}
		if group != "" && (group == q.After || len(prefixes) > 0 && prefixes[len(prefixes)-1] == group) {
			continue
		}
		if n == q.Most {
			return items, prefixes, true
		}
		n++
		if group != "" {
			prefixes = append(prefixes, group)
		} else {
			items = append(items, k)
		}
	}
	return items, prefixes, false
}

func (w *world) checkList(keys []string, q Query) *Page[Entry] {
	w.t.Helper()
	q.Bucket = w.bucket
	p, err := w.List(context.Background(), q)
	if err != nil {
		w.t.Fatal(err)
	}
	var got []string
	for _, e := range p.Items {
		got = append(got, e.Key)
	}
	items, prefixes, more := plain(keys, q)
	if !slices.Equal(got, items) || !slices.Equal(p.Prefixes, prefixes) || p.More != more {
		w.t.Fatalf("%+v:\ngot  %q %q %v\nwant %q %q %v", q, got, p.Prefixes, p.More, items, prefixes, more)
	}
	return p
}

// odd are names with every byte that UTF-8 has, and such as mean something to
// somebody else.
func odd() []string {
	keys := []string{"a", "a/", "a//", "a/b", "/", "//", ".", "..", "../x", "a/../b", "%00", "\x00", "\x00\x00", "\x00\x01", "\x01", "\x01\x01", "\x01\x02", "a\x00", "a\x00b", "a\x01", "\xf4\x8f\xbf\xbf",
		strings.Repeat("\x00", MaxKey), strings.Repeat("\x01", MaxKey), strings.Repeat("/", MaxKey), strings.Repeat("한", 341), strings.Repeat("k", MaxKey), strings.Repeat("k", MaxKey-1), " ", "a b", "a+b", "\"<>&'", "\r\n", "\u2028", "é", "é"}
	for i := range 128 {
		keys = append(keys, fmt.Sprintf("byte/%c", rune(i)), fmt.Sprintf("%c", rune(i)))
	}
	for _, r := range []rune{0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000} {
		keys = append(keys, string(r))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

func TestOddKeys(t *testing.T) {
	w := open(t)
	keys := odd()
	for _, k := range keys {
		w.put(k, []byte(k), Unversioned)
		w.put(k, []byte("2"+k), Enabled)
	}
	for _, k := range keys {
		w.want(k, "", []byte("2"+k))
		w.want(k, NullID, []byte(k))
	}
	for _, q := range []Query{{Most: 1000}, {Most: 1000, Delimiter: "/"}, {Most: 1000, Delimiter: "\x00"}, {Most: 1000, Prefix: "\x01"}, {Most: 7, Delimiter: "\x01"}, {Most: 1000, Delimiter: "te/"}} {
		w.checkList(keys, q)
	}
	seen := map[string]int{}
	q := Query{Bucket: w.bucket, Most: 13}
	for {
		p, err := w.ListVersions(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Items {
			if seen[v.Key]++; v.Latest != (seen[v.Key] == 1) {
				t.Errorf("%q: %+v", v.Key, v)
			}
		}
		if !p.More {
			break
		}
		q.After, q.AfterID = p.Next, p.NextID
	}
	if len(seen) != len(keys) {
		t.Errorf("%d of %d keys", len(seen), len(keys))
	}
	w.clean()
	for _, k := range []string{"", strings.Repeat("k", MaxKey+1), "\xff", "a\xc0\xaf"} {
		_, err := w.putAs(k, nil, NewObject{}, Put{})
		w.refused(err, ErrBadKey)
		_, err = w.head(k, "")
		w.refused(err, ErrBadKey)
	}
}

// Pages of any size, prefix and delimiter show what the plainest program shows.
func TestListing(t *testing.T) {
	w := open(t)
	var keys []string
	for i := range 400 {
		k := fmt.Sprintf("%c/%c/%c%d", 'a'+rune(i%3), 'a'+rune(i%7), 'a'+rune(i%2), i)
		if i%5 == 0 {
			k = fmt.Sprintf("%c%d", 'a'+rune(i%4), i)
		}
		keys = append(keys, k)
		w.put(k, nil, Unversioned)
	}
	keys = append(keys, "b/", "b/a/")
	w.put("b/", nil, Unversioned)
	w.put("b/a/", nil, Unversioned)
	slices.Sort(keys)
	for range 300 {
		q := Query{Most: 1 + rand.IntN(20)}
		q.Prefix = []string{"", "", "a", "a/", "b/c", "b/c/", "c/a/a", "z", "b/a/"}[rand.IntN(9)]
		q.Delimiter = []string{"", "/", "/", "a", "a/"}[rand.IntN(5)]
		if rand.IntN(2) == 0 {
			q.After = keys[rand.IntN(len(keys))]
			if rand.IntN(3) == 0 {
				q.After += "x"
			}
		}
		for pages := 0; ; pages++ {
			p := w.checkList(keys, q)
			if !p.More {
				break
			}
			if pages > 500 || pages > 0 && p.Next <= q.After { // it may begin within a common prefix
				t.Fatalf("no end: %+v", q)
			}
			q.After = p.Next
		}
	}
	if p, err := w.List(context.Background(), Query{Bucket: w.bucket}); err != nil || len(p.Items) != 0 || p.More {
		t.Errorf("%+v %v", p, err)
	}
	_, err := w.ListVersions(context.Background(), Query{Bucket: w.bucket, Most: 5, After: "a", AfterID: "nonsense"})
	w.refused(err, ErrBadVersion)
	other := NewBucket()
	if p, err := w.List(context.Background(), Query{Bucket: other, Most: 5}); err != nil || len(p.Items) != 0 {
		t.Errorf("%+v %v", p, err)
	}
}

func TestListUploads(t *testing.T) {
	w := open(t)
	var want []string
	for i := range 30 {
		key := fmt.Sprintf("%c/%d", 'a'+rune(i%3), i%5)
		u := w.start(key, Checksum{}, Encryption{}, nil)
		want = append(want, key+" "+u.ID)
		w.clock.Advance(1)
	}
	slices.Sort(want) // by key, then by time: ids are ordered so
	var got []string
	q := Query{Bucket: w.bucket, Most: 4}
	for {
		p, err := w.ListUploads(context.Background(), q)
		if err != nil {
			t.Fatal(err)
		}
		for _, u := range p.Items {
			got = append(got, u.Key+" "+u.ID)
		}
		if !p.More {
			break
		}
		q.After, q.AfterID = p.Next, p.NextID
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q\n%q", got, want)
	}
	p, err := w.ListUploads(context.Background(), Query{Bucket: w.bucket, Most: 10, Delimiter: "/", After: "a/"})
	if err != nil || !slices.Equal(p.Prefixes, []string{"b/", "c/"}) {
		t.Errorf("%+v %v", p, err)
	}
	p, err = w.ListUploads(context.Background(), Query{Bucket: w.bucket, Most: 100, After: "b/4"})
	if err != nil || len(p.Items) != 10 {
		t.Errorf("%d %v", len(p.Items), err)
	}
}

// model is the object store by the plainest means.
type model struct {
	keys  map[string][]mversion // newest first
	state Versioning
}

type mversion struct {
	id     string
	data   string
	marker bool
}

func (m *model) put(key string, v mversion) {
	list := m.keys[key]
	if m.state != Enabled {
		list = slices.DeleteFunc(slices.Clone(list), func(o mversion) bool { return o.id == NullID })
	}
	m.keys[key] = append([]mversion{v}, list...)
}

// TestModel does random things to the store and to a model, and compares.
func TestModel(t *testing.T) {
	w := open(t)
	m := &model{keys: map[string][]mversion{}}
	names := []string{"a", "a/b", "a/c", "b", "b/\x00", "c\x01", "é/x", "é/y"}
	rounds := 1500
	if testing.Short() {
		rounds = 300
	}
	for i := range rounds {
		key := names[rand.IntN(len(names))]
		list := m.keys[key]
		switch n := rand.IntN(20); {
		case n == 0 && i > 100: // never unversioned again
			m.state = []Versioning{Enabled, Enabled, Suspended}[rand.IntN(3)]
		case n < 8:
			size := []int{0, 10, 20_000, 70_000}[rand.IntN(4)]
			data := random(size, uint64(i))
			v := w.put(key, data, m.state)
			m.put(key, mversion{id: v.ID, data: string(data)})
		case n < 10:
			u := w.start(key, Checksum{}, Encryption{}, nil)
			data := random(30_000, uint64(i))
			p, err := w.part(u, 3, data, nil)
			if err != nil {
				t.Fatal(err)
			}
			v, err := w.complete(Complete{Key: key, Upload: u.ID, Versioning: m.state, Parts: []Chosen{{Number: 3, ETag: p.ETag}}})
			if err != nil {
				t.Fatal(err)
			}
			m.put(key, mversion{id: v.ID, data: string(data)})
		case n < 13:
			var out *Deleted
			w.tx(func(ctx context.Context) (err error) {
				out, err = w.Delete(ctx, Delete{Bucket: w.bucket, Key: key, Versioning: m.state})
				return err
			})
			if m.state == Unversioned {
				delete(m.keys, key)
			} else {
				m.put(key, mversion{id: out.ID, marker: true})
			}
		case n < 16 && len(list) > 0:
			j := rand.IntN(len(list))
			w.tx(func(ctx context.Context) error {
				_, err := w.Delete(ctx, Delete{Bucket: w.bucket, Key: key, ID: list[j].id, Versioning: m.state})
				return err
			})
			m.keys[key] = slices.Delete(slices.Clone(list), j, j+1)
		default:
			w.compare(m, key)
		}
		if i%100 == 99 {
			for _, key := range names {
				w.compare(m, key)
			}
			w.compareLists(m)
			w.clean()
		}
	}
}

func (w *world) compare(m *model, key string) {
	w.t.Helper()
	list := m.keys[key]
	got, err := w.get(key, "")
	switch {
	case len(list) == 0 || list[0].marker:
		w.refused(err, ErrNoKey)
	case err != nil || string(got) != list[0].data:
		w.t.Fatalf("%q: %d bytes, %v", key, len(got), err)
	}
	for _, v := range list {
		got, err := w.get(key, v.id)
		var marker *MarkerError
		if v.marker != errors.As(err, &marker) || !v.marker && (err != nil || string(got) != v.data) {
			w.t.Fatalf("%q %s: %d bytes, %v", key, v.id, len(got), err)
		}
	}
}

func (w *world) compareLists(m *model) {
	w.t.Helper()
	var keys, all []string
	for k, list := range m.keys {
		if len(list) > 0 && !list[0].marker {
			keys = append(keys, k)
		}
	}
	slices.Sort(keys)
	w.checkList(keys, Query{Most: 1000})
	w.checkList(keys, Query{Most: 1000, Delimiter: "/"})
	for k, list := range m.keys {
		for i, v := range list {
			all = append(all, fmt.Sprintf("%s %03d %s %v %v", k, i, v.id, v.marker, i == 0))
		}
	}
	slices.Sort(all)
	var got []string
	nth := map[string]int{}
	for q := (Query{Bucket: w.bucket, Most: 1 + rand.IntN(9)}); ; {
		p, err := w.ListVersions(context.Background(), q)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, v := range p.Items {
			got = append(got, fmt.Sprintf("%s %03d %s %v %v", v.Key, nth[v.Key], v.ID, v.Marker, v.Latest))
			nth[v.Key]++
		}
		if !p.More {
			break
		}
		q.After, q.AfterID = p.Next, p.NextID
	}
	slices.Sort(got)
	if !slices.Equal(got, all) {
		w.t.Fatalf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(all, "\n"))
	}
}
