package objects

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/redoubt-sec/redoubt/store"
)

func (w *world) start(key string, sum Checksum, e Encryption, secrets [][]byte) *Upload {
	w.t.Helper()
	if e.Kind == "" {
		e.Kind = SSES3
	}
	var u *Upload
	w.tx(func(ctx context.Context) (err error) {
		u, err = w.StartUpload(ctx, NewUpload{Bucket: w.bucket, Key: key, Checksum: sum, Encryption: e, Secrets: secrets})
		return err
	})
	return u
}

func (w *world) part(u *Upload, n int, data []byte, secrets [][]byte) (*Part, error) {
	to, err := w.PutPart(context.Background(), NewPart{Bucket: u.Bucket, Key: u.Key, Upload: u.ID, Number: n, Size: int64(len(data)), Secrets: secrets})
	if err != nil {
		return nil, err
	}
	defer to.Close()
	if err := write(to, data); err != nil {
		return nil, err
	}
	if _, err := to.Finish(); err != nil {
		return nil, err
	}
	var p *Part
	err = w.do(func(ctx context.Context) (err error) {
		p, err = to.CommitPart(ctx)
		return err
	})
	return p, err
}

func (w *world) complete(c Complete) (v *Version, err error) {
	c.Bucket = w.bucket
	err = w.do(func(ctx context.Context) (err error) {
		v, err = w.CompleteUpload(ctx, c)
		return err
	})
	return v, err
}

func TestMultipart(t *testing.T) {
	w := open(t)
	secrets := [][]byte{random(32, 1), random(32, 2)}
	for _, kind := range []Kind{SSES3, DSSEKMS} {
		secrets := secrets[:kind.Secrets()]
		for _, sumOf := range []Checksum{{}, {CRC64NVME, FullObject, ""}, {CRC32, FullObject, ""}, {SHA256, Composite, ""}, {SHA1, Composite, ""}} {
			if kind == DSSEKMS && sumOf.Type == Composite {
				continue // the layers and the sums do not know each other
			}
			key := fmt.Sprint(kind, sumOf)
			u := w.start(key, sumOf, Encryption{Kind: kind}, secrets)
			data := map[int][]byte{9: random(100, 9), 4: random(MinPart, 4), 1: random(MinPart+1, 1), 2: random(MinPart+chunkSize, 2)}
			// Out of order, one of them twice, one that is not chosen.
			if _, err := w.part(u, 2, random(50, 0), secrets); err != nil {
				t.Fatal(err)
			}
			var chosen []Chosen
			etags := map[int]string{}
			for _, n := range []int{9, 4, 1, 2} {
				p, err := w.part(u, n, data[n], secrets)
				if err != nil {
					t.Fatal(err)
				}
				etags[n] = p.ETag
				if kind == SSES3 && p.ETag != hex.EncodeToString(sum(MD5, data[n])) {
					t.Errorf("etag %s", p.ETag)
				}
			}
			if _, err := w.part(u, 7, random(MinPart, 7), secrets); err != nil {
				t.Fatal(err)
			}
			whole, raw, sums := []byte{}, []byte{}, []byte{}
			for _, n := range []int{1, 2, 4, 9} {
				chosen = append(chosen, Chosen{Number: n, ETag: etags[n]})
				whole = append(whole, data[n]...)
				b, _ := hex.DecodeString(etags[n])
				raw = append(raw, b...)
				if sumOf.Algorithm != "" {
					sums = append(sums, sum(sumOf.Algorithm, data[n])...)
				}
			}
			v, err := w.complete(Complete{Key: key, Upload: u.ID, Parts: chosen})
			if err != nil {
				t.Fatal(err)
			}
			if v.ETag != hex.EncodeToString(sum(MD5, raw))+"-4" || v.Parts != 4 || v.Size != int64(len(whole)) {
				t.Errorf("%+v", v)
			}
			want := Checksum{}
			switch sumOf.Type {
			case FullObject:
				want = Checksum{sumOf.Algorithm, FullObject, base64.StdEncoding.EncodeToString(sum(sumOf.Algorithm, whole))}
			case Composite:
				want = Checksum{sumOf.Algorithm, Composite, base64.StdEncoding.EncodeToString(sum(sumOf.Algorithm, sums)) + "-4"}
			}
			if v.Checksum != want {
				t.Errorf("checksum %+v, want %+v", v.Checksum, want)
			}
			got, err := w.read(v, Read{Secrets: secrets, Length: -1})
			if err != nil || !bytes.Equal(got, whole) {
				t.Fatalf("%d of %d bytes, %v", len(got), len(whole), err)
			}
			for range 30 {
				from, n := rand.Int64N(v.Size), rand.Int64N(v.Size)
				got, err := w.read(v, Read{Secrets: secrets, Offset: from, Length: n})
				if err != nil || !bytes.Equal(got, whole[from:min(from+n, v.Size)]) {
					t.Fatalf("%d from %d: %d, %v", n, from, len(got), err)
				}
			}
			w.tx(func(ctx context.Context) error {
				list, more, err := w.Parts(ctx, v, 1, 2)
				if err != nil || !more || len(list) != 2 || list[0].Number != 2 || list[1].Size != MinPart {
					t.Errorf("%+v %v %v", list, more, err)
				}
				p, err := w.PartAt(ctx, v, 4)
				if err != nil || p.Offset != v.Size-100 || p.Size != 100 || (p.Checksum.Value == "") != (sumOf.Algorithm == "") {
					t.Errorf("%+v %v", p, err)
				}
				_, err = w.PartAt(ctx, v, 5)
				w.refused(err, ErrRange)
				return nil
			})
			_, err = w.complete(Complete{Key: key, Upload: u.ID, Parts: chosen})
			w.refused(err, ErrNoUpload)
			_, err = w.part(u, 1, data[1], secrets)
			w.refused(err, ErrNoUpload)
		}
	}
	if r := w.clean(); r.Blobs != int64(r.Segments) && r.Parts != 0 {
		t.Errorf("%+v", r)
	}
	n := 0
	for _, err := range parts.Scan(w.DB.Begin(), store.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	if n != 0 {
		t.Errorf("%d records of parts are left", n)
	}
}

func TestUploadRefusals(t *testing.T) {
	w := open(t)
	u := w.start("k", Checksum{Algorithm: SHA256, Type: Composite}, Encryption{}, nil)
	small, err := w.part(u, 1, random(MinPart-1, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	last, err := w.part(u, 2, random(10, 1), nil)
	if err != nil {
		t.Fatal(err)
	}
	one, two := Chosen{Number: 1, ETag: small.ETag}, Chosen{Number: 2, ETag: last.ETag}
	bad := func(want error, list ...Chosen) {
		t.Helper()
		_, err := w.complete(Complete{Key: "k", Upload: u.ID, Parts: list})
		w.refused(err, want)
	}
	bad(ErrNoParts)
	bad(ErrPartOrder, two, one)
	bad(ErrPartOrder, one, one)
	bad(ErrPartTooSmall, one, two)
	bad(ErrInvalidPart, two, Chosen{Number: 3, ETag: small.ETag})
	bad(ErrInvalidPart, Chosen{Number: 2, ETag: small.ETag})
	bad(ErrInvalidPart, Chosen{Number: 2, ETag: last.ETag, Checksum: Checksum{Algorithm: SHA256, Value: "AAAA"}})
	bad(ErrInvalidPart, Chosen{Number: 10_001, ETag: last.ETag})
	bad(ErrInvalidPart, Chosen{Number: -1, ETag: last.ETag})
	var pe *PartError
	_, err = w.complete(Complete{Key: "k", Upload: u.ID, Parts: []Chosen{one, two}})
	if !errors.As(err, &pe) || pe.Number != 1 || pe.Size != MinPart-1 {
		t.Errorf("%+v", pe)
	}
	size := int64(11)
	_, err = w.complete(Complete{Key: "k", Upload: u.ID, Parts: []Chosen{two}, Size: &size})
	w.refused(err, ErrSize)
	_, err = w.complete(Complete{Key: "k", Upload: u.ID, Parts: []Chosen{two}, Checksum: Checksum{Value: "AAAA-1"}})
	w.refused(err, ErrChecksum)
	w.put("k", []byte("x"), Unversioned)
	_, err = w.complete(Complete{Key: "k", Upload: u.ID, Parts: []Chosen{two}, Condition: Condition{IfNoneMatch: true}})
	w.refused(err, ErrExists)
	w.want("k", "", []byte("x"))
	for _, n := range []int{0, -1, 10_001} {
		_, err = w.part(u, n, nil, nil)
		w.refused(err, ErrPartNumber)
	}
	for _, other := range []Upload{{Bucket: w.bucket, Key: "other", ID: u.ID}, {Bucket: w.bucket, Key: "k", ID: u.ID[1:] + "0"}, {Bucket: w.bucket, Key: "k", ID: "x"}, {Bucket: NewBucket(), Key: "k", ID: u.ID}} {
		_, err = w.part(&other, 1, nil, nil)
		w.refused(err, ErrNoUpload)
	}
	// An abort while a part is under way: the part is lost, and leaves nothing.
	to, err := w.PutPart(context.Background(), NewPart{Bucket: u.Bucket, Key: u.Key, Upload: u.ID, Number: 5, Size: -1})
	if err != nil {
		t.Fatal(err)
	}
	if err := write(to, random(1<<20, 5)); err != nil {
		t.Fatal(err)
	}
	w.tx(func(ctx context.Context) error { return w.AbortUpload(ctx, u.Bucket, u.Key, u.ID) })
	if _, err := to.Finish(); err != nil {
		t.Fatal(err)
	}
	w.refused(w.do(func(ctx context.Context) error { _, err := to.CommitPart(ctx); return err }), ErrNoUpload)
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	w.refused(w.do(func(ctx context.Context) error { return w.AbortUpload(ctx, u.Bucket, u.Key, u.ID) }), ErrNoUpload)
	if r := w.clean(); r.Blobs != 0 || r.Parts != 0 {
		t.Errorf("%+v", r)
	}
}

// Ten thousand parts, in any order, are one object.
func TestManyParts(t *testing.T) {
	if testing.Short() {
		t.Skip("short")
	}
	w := open(t)
	u := w.start("k", Checksum{Algorithm: CRC64NVME, Type: FullObject}, Encryption{}, nil)
	chosen := make([]Chosen, MaxParts)
	one := random(10, 1)
	for _, i := range rand.Perm(MaxParts) {
		p, err := w.part(u, i+1, one, nil)
		if err != nil {
			t.Fatal(err)
		}
		chosen[i] = Chosen{Number: i + 1, ETag: p.ETag}
	}
	after, n := 0, 0
	for more := true; more; {
		var list []Part
		var err error
		if list, more, err = w.ListParts(context.Background(), u, after, 999); err != nil {
			t.Fatal(err)
		}
		for _, p := range list {
			if n++; p.Number != n {
				t.Fatalf("part %d at %d", p.Number, n)
			}
		}
		after = list[len(list)-1].Number
	}
	if n != MaxParts {
		t.Fatal(n)
	}
	_, err := w.complete(Complete{Key: "k", Upload: u.ID, Parts: chosen})
	w.refused(err, ErrPartTooSmall)
	w.minPart = 1
	v, err := w.complete(Complete{Key: "k", Upload: u.ID, Parts: chosen})
	if err != nil {
		t.Fatal(err)
	}
	whole := bytes.Repeat(one, MaxParts)
	w.want("k", "", whole)
	if want := base64.StdEncoding.EncodeToString(sum(CRC64NVME, whole)); v.Checksum.Value != want {
		t.Errorf("%+v", v.Checksum)
	}
	for range 50 {
		from := rand.Int64N(v.Size)
		got, err := w.read(v, Read{Offset: from, Length: 25})
		if err != nil || !bytes.Equal(got, whole[from:min(from+25, v.Size)]) {
			t.Fatal(from, err)
		}
	}
	if r := w.clean(); r.Segments != MaxParts {
		t.Errorf("%+v", r)
	}
	w.tx(func(ctx context.Context) error {
		_, err := w.Delete(ctx, Delete{Bucket: w.bucket, Key: "k"})
		return err
	})
	if r := w.clean(); r.Segments != 0 {
		t.Errorf("%+v", r)
	}
}

// A bucket that is dropped takes its uploads along.
func TestDropWithUploads(t *testing.T) {
	w := open(t)
	for i := range 5 {
		u := w.start(fmt.Sprint("k", i), Checksum{}, Encryption{}, nil)
		for n := range 3 {
			if _, err := w.part(u, n+1, random(20_000, 1), nil); err != nil {
				t.Fatal(err)
			}
		}
	}
	w.tx(func(ctx context.Context) error { return w.DropBucket(ctx, w.bucket) })
	if r := w.clean(); r.Blobs != 0 || r.Parts != 0 {
		t.Errorf("%+v", r)
	}
}
