package objects

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/minio/crc64nvme"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// Scrub says how Verify works.
type Scrub struct {
	// Secrets answers what opens a version's data, where the engine does not have it
	// itself (all but SSE-S3), or why it is not to be had. Such data are compared with
	// the checksum of their ciphertext instead of being decrypted. They are wiped after
	// use. nil: none are to be had.
	Secrets  func(context.Context, *Version) (secrets [][]byte, why string, err error)
	Progress func(Progress) // called every so many segments; may be nil
	// Remove removes blobs that nothing refers to.
	Remove bool
}

// Progress is how far Verify has come.
type Progress struct {
	Versions, Parts, Segments int64 // looked at; parts of uploads that are not completed
	Blobs                     int64 // found where they are kept
	Bytes                     int64 // read
}

// Fault is something that is not as it must be.
type Fault struct {
	Bucket, Key, Version string // empty where data stand alone
	Segment              string
	Err                  error
}

// maxFaults bounds what a report lists.
const maxFaults = 1000

// Report is what Verify found.
type Report struct {
	Progress
	Decrypted int64 // segments all of whose chunks are authentic; of the others, the ciphertext is as it was written
	// Skipped counts the others by why they were not decrypted.
	Skipped map[string]int64
	Waiting int64 // blobs that are being written, or are garbage that was not removed yet
	Orphans int64 // blobs that nothing refers to: room, not harm
	Removed int64 // of these
	Bad     int64 // faults, of which Faults lists up to a thousand
	Faults  []Fault
}

// Verify walks everything, also while the store is used: every segment that a
// record refers to must be there, as long as it should be, and unchanged; every
// chunk must be authentic, as far as keys are at hand; listings must agree with
// versions. It also finds what nothing refers to.
//
// The order of its walks makes it right while others write: references move from
// intents to parts and versions, from parts to versions, and from all to garbage,
// and it looks in this order.
func (s *Store) Verify(ctx context.Context, how Scrub) (*Report, error) {
	if err := s.bind(ctx, false); err != nil {
		return nil, err
	}
	v := &verification{s: s, ctx: ctx, how: how, report: &Report{Skipped: map[string]int64{}}}
	for _, step := range []func() error{v.list, v.intents, v.parts, v.versions, v.entries, v.garbage, v.orphans} {
		if err := step(); err != nil {
			return v.report, err
		}
	}
	v.tell()
	return v.report, nil
}

type verification struct {
	s      *Store
	ctx    context.Context
	how    Scrub
	report *Report
	known  names
	keys   dataKeys // of the data that is being looked at
	why    string   // there are none
	buffer [chunkSize + 2*overhead]byte
	plain  [chunkSize]byte
}

func (v *verification) fault(f Fault) {
	v.report.Bad++
	if len(v.report.Faults) < maxFaults {
		v.report.Faults = append(v.report.Faults, f)
	}
}

func (v *verification) tell() {
	if v.how.Progress != nil {
		v.how.Progress(v.report.Progress)
	}
}

// list learns which blobs and inline data there are.
func (v *verification) list() error {
	for info, err := range v.s.Blobs.List(v.ctx, "") {
		if err != nil {
			return err
		}
		v.known.blobs = append(v.known.blobs, held{name: rawName(info.Name)})
		if v.report.Blobs++; v.report.Blobs%10_000 == 0 {
			v.tell()
		}
	}
	for kv, err := range pages(v.ctx, v.s.DB, inlines) {
		if err != nil {
			return err
		}
		v.known.inlines = append(v.known.inlines, held{name: rawName(kv.Key[len(inlines):])})
	}
	return nil
}

func (v *verification) intents() error {
	h, err := homes.Get(v.s.DB.Begin(), homeRow)
	if err == nil {
		v.known.see(Segment{ID: h.Marker})
		v.report.Blobs-- // it holds nothing
	} else if !errors.Is(err, store.ErrNotFound) {
		return err
	}
	prefix := intents.Key("")
	for kv, err := range pages(v.ctx, v.s.DB, prefix) {
		if err != nil {
			return err
		}
		if p := store.Parts(kv.Key[len(prefix):]); len(p) == 2 && v.known.see(Segment{ID: p[1]}) {
			v.report.Waiting++
		}
	}
	return nil
}

// parts looks at the parts of uploads, and at the records of parts whose uploads
// are over, which the collector will remove.
func (v *verification) parts() error {
	prefix := uploads.Key("")
	for kv, err := range pages(v.ctx, v.s.DB, prefix) {
		if err != nil {
			return err
		}
		p := store.Parts(kv.Key[len(prefix):])
		u := &Upload{Bucket: p[0], Key: p[1], ID: p[2]}
		if err := decode(kv.Value, u); err != nil {
			return err
		}
		as := &Version{Bucket: u.Bucket, Key: u.Key, Encryption: u.Encryption, Data: u.Data}
		where := Fault{Bucket: u.Bucket, Key: u.Key}
		if err := v.unlock(as); err != nil {
			where.Err = err
			v.fault(where)
		}
		for row, err := range parts.Scan(v.s.DB.Begin(), store.Query{Prefix: u.ID + "\x00"}) {
			if err != nil {
				return err
			}
			v.report.Parts++
			still := func() (there bool, err error) {
				err = v.s.run(v.ctx, func(tx *store.Tx) error {
					now, err := parts.Get(tx, row.ID)
					if errors.Is(err, store.ErrNotFound) {
						there = false
						return nil
					}
					there = err == nil && now.Segment.ID == row.Value.Segment.ID
					return err
				})
				return there, err
			}
			if err := v.segment(where, row.Value.Segment, u.Encryption.Kind, still); err != nil {
				return err
			}
		}
		v.keys.wipe()
	}
	rows := parts.Key("")
	for kv, err := range pages(v.ctx, v.s.DB, rows) {
		if err != nil {
			return err
		}
		var p Part
		if err := decode(kv.Value, &p); err != nil {
			return err
		}
		v.known.see(p.Segment)
	}
	return nil
}

func (v *verification) versions() error {
	prefix := versions.Key("")
	bucket, key := "", ""
	for kv, err := range pages(v.ctx, v.s.DB, prefix) {
		if err != nil {
			return err
		}
		rec := &Version{}
		if err := decode(kv.Value, rec); err != nil {
			v.fault(Fault{Err: fmt.Errorf("record %q: %w", kv.Key, err)})
			continue
		}
		rec.Bucket, rec.Key = splitVersion(kv.Key[len(prefix):])
		if rec.Bucket != bucket || rec.Key != key {
			bucket, key = rec.Bucket, rec.Key
			if err := v.listed(rec); err != nil {
				return err
			}
		}
		v.report.Versions++
		if rec.Marker {
			continue
		}
		if err := v.version(rec); err != nil {
			return err
		}
	}
	return nil
}

// listed checks that a key's newest version is what listings show.
func (v *verification) listed(rec *Version) error {
	tx := v.s.DB.Begin()
	e, err := entries.Get(tx, store.ID(rec.Bucket, rec.Key))
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	if (err == nil) == !rec.Marker && (err != nil || e.Seq == rec.Seq) {
		return nil
	}
	// Perhaps it was written meanwhile: once more, in a transaction that is checked.
	good := false
	err = v.s.run(v.ctx, func(tx *store.Tx) error {
		e, err := entries.Get(tx, store.ID(rec.Bucket, rec.Key))
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return err
		}
		listed := err == nil
		for row, err := range versions.Scan(tx, store.Query{Prefix: store.ID(rec.Bucket, rec.Key) + "\x00"}) {
			if err != nil {
				return err
			}
			good = listed == !row.Value.Marker && (!listed || e.Seq == row.Value.Seq)
			return nil
		}
		good = !listed
		return nil
	})
	if err == nil && !good {
		v.fault(Fault{Bucket: rec.Bucket, Key: rec.Key, Version: rec.ID, Err: errors.New("the newest version is not what listings show")})
	}
	return err
}

// entries checks that every entry has its version.
func (v *verification) entries() error {
	prefix := entries.Key("")
	for kv, err := range pages(v.ctx, v.s.DB, prefix) {
		if err != nil {
			return err
		}
		p := store.Parts(kv.Key[len(prefix):])
		if len(p) != 2 {
			continue
		}
		var there bool
		err := v.s.run(v.ctx, func(tx *store.Tx) error {
			e, err := entries.Get(tx, kv.Key[len(prefix):])
			if errors.Is(err, store.ErrNotFound) {
				there = true // removed meanwhile
				return nil
			}
			if err == nil {
				there, err = versions.Has(tx, versionRow(p[0], p[1], e.Seq))
			}
			return err
		})
		if err != nil {
			return err
		}
		if !there {
			v.fault(Fault{Bucket: p[0], Key: p[1], Err: errors.New("listed, but there is no such version")})
		}
	}
	return nil
}

// unlock takes the data keys of a version, or of an upload's parts, if they are
// to be had.
func (v *verification) unlock(rec *Version) error {
	v.keys.wipe()
	v.keys, v.why = nil, "the data key does not open"
	var secrets [][]byte
	defer func() { dataKeys(secrets).wipe() }()
	if kind := rec.Encryption.Kind; kind.Secrets() > 0 {
		if v.how.Secrets == nil {
			v.why = "KMS was not asked"
			if kind == SSEC {
				v.why = "customers' keys are not kept"
			}
			return nil
		}
		var why string
		var err error
		if secrets, why, err = v.how.Secrets(v.ctx, rec); err != nil {
			return err
		}
		if secrets == nil {
			v.why = why
			return nil
		}
	}
	var err error
	v.keys, err = v.s.openDataKeys(v.s.DB.Begin(), rec.Bucket, rec.Key, &rec.Encryption, secrets, &rec.Data)
	return err
}

// maxReasons bounds how many reasons of skipping a report tells apart.
const maxReasons = 1000

func (v *verification) skip() {
	why := v.why
	if _, ok := v.report.Skipped[why]; !ok && len(v.report.Skipped) >= maxReasons {
		why = "other reasons"
	}
	v.report.Skipped[why]++
}

func (v *verification) version(rec *Version) error {
	where := Fault{Bucket: rec.Bucket, Key: rec.Key, Version: rec.ID}
	still := func() (bool, error) { return v.s.refers(v.ctx, rec) }
	if err := v.unlock(rec); err != nil {
		if there, serr := still(); serr != nil || !there {
			return serr
		}
		where.Err = err
		v.fault(where)
	}
	defer func() { v.keys.wipe() }()
	if len(rec.Data.Starts) == 0 {
		if rec.Data.Segment.Size != rec.Size {
			where.Err = fmt.Errorf("%w: size %d, data %d", ErrDamaged, rec.Size, rec.Data.Segment.Size)
			v.fault(where)
		}
		return v.segment(where, rec.Data.Segment, rec.Encryption.Kind, still)
	}
	var size int64
	for n := range rec.Data.Starts {
		row, err := readRow(v.s.DB.Begin(), &rec.Data, n, "")
		if errors.Is(err, ErrDamaged) {
			if there, serr := still(); serr != nil || !there {
				return serr
			}
			where.Err = err
			v.fault(where)
			return nil
		}
		if err != nil {
			return err
		}
		for _, p := range row {
			size += p.Size
			if err := v.segment(where, p.Segment, rec.Encryption.Kind, still); err != nil {
				return err
			}
		}
	}
	if size != rec.Size {
		where.Err = fmt.Errorf("%w: size %d, parts %d", ErrDamaged, rec.Size, size)
		v.fault(where)
	}
	return nil
}

// segment reads a segment to its end.
func (v *verification) segment(where Fault, seg Segment, kind Kind, still func() (bool, error)) error {
	v.known.see(seg)
	if v.report.Segments++; v.report.Segments%100 == 0 {
		v.tell()
	}
	err := v.read(seg, kind)
	if err == nil {
		if v.keys != nil {
			v.report.Decrypted++
		} else {
			v.skip()
		}
		return nil
	}
	if cerr := v.ctx.Err(); cerr != nil {
		return cerr
	}
	if there, serr := still(); serr != nil || !there {
		return serr
	}
	where.Segment, where.Err = seg.ID, err
	v.fault(where)
	return nil
}

func (v *verification) read(seg Segment, kind Kind) error {
	layers := kind.layers()
	from, err := v.source(seg)
	if err != nil {
		return err
	}
	defer from.Close()
	var c *chunkCipher
	if v.keys != nil {
		if c, err = newChunkCipher(v.keys, seg.ID); err != nil {
			return err
		}
	}
	crc := uint64(0)
	total := chunks(seg.Size)
	for n := range total {
		if err := v.ctx.Err(); err != nil {
			return err
		}
		size := int64(chunkSize)
		if n == total-1 {
			size = seg.Size - n*chunkSize
		}
		b := v.buffer[:size+int64(layers*overhead)]
		got, err := io.ReadFull(from, b)
		v.report.Bytes += int64(got)
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return fmt.Errorf("%w: it ends in chunk %d of %d", ErrDamaged, n, total)
		}
		if err != nil {
			return err
		}
		crc = crc64nvme.Update(crc, b)
		if c != nil {
			if _, err := c.open(v.plain[:0], b, n, n == total-1); err != nil {
				return fmt.Errorf("%w: chunk %d of %d is not authentic", ErrDamaged, n, total)
			}
		}
	}
	if n, _ := from.Read(v.buffer[:1]); n > 0 {
		return fmt.Errorf("%w: it is longer than what was written", ErrDamaged)
	}
	if crc != seg.CRC {
		return fmt.Errorf("%w: the ciphertext is not what was written", ErrDamaged)
	}
	return nil
}

// orphans counts what nothing refers to. What the list showed and is gone by now
// was referred to.
func (v *verification) orphans() error {
	for _, h := range v.known.blobs {
		if h.seen {
			continue
		}
		name := h.String()
		_, err := v.s.Blobs.Stat(v.ctx, name)
		if errors.Is(err, blob.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v.report.Orphans++
		if v.how.Remove {
			if err := v.s.Blobs.Remove(v.ctx, name); err != nil {
				return err
			}
			v.report.Removed++
		}
	}
	for _, h := range v.known.inlines {
		if h.seen {
			continue
		}
		err := v.s.run(v.ctx, func(tx *store.Tx) error {
			_, err := tx.Get(inlines + h.String())
			return err
		})
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		v.report.Orphans++
	}
	return nil
}
