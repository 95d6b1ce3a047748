package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

// format is the version of the data directory that this build writes.
const format = 2

// upgrades holds the step to every format from the one before: it copies all
// records.
var upgrades = map[int]func(from, to *pebble.DB) error{
	2: upgradeTo2,
}

// prepare finds out the format, upgrades it if it is old, and answers the folder
// of the records.
func prepare(f files, dir string, fail *failure) (string, error) {
	have, err := readFormat(f, dir)
	if err != nil {
		return "", err
	}
	if have == 0 {
		// FORMAT is the first to be written, so records without it are not ours
		// to take for new.
		names, err := f.List(dir)
		if err != nil {
			return "", err
		}
		for _, n := range names {
			if strings.HasPrefix(n, "records-") {
				return "", fmt.Errorf("it holds %s but its FORMAT file is missing", n)
			}
		}
		have = format
		if err := writeFormat(f, dir, have); err != nil {
			return "", err
		}
	}
	if have > format || have < 1 {
		return "", fmt.Errorf("it is of format %d and this version reads 1 to %d: use the version that wrote it, or a newer one", have, format)
	}
	for ; have < format; have++ {
		if err := upgrade(f, dir, have, fail); err != nil {
			return "", fmt.Errorf("upgrading from format %d: %w", have, err)
		}
	}
	// What an upgrade that was interrupted at its very end left.
	for old := 1; old < format; old++ {
		if err := f.RemoveAll(recordsDir(f, dir, old)); err != nil {
			return "", err
		}
	}
	return recordsDir(f, dir, have), nil
}

func recordsDir(f files, dir string, version int) string {
	return f.PathJoin(dir, fmt.Sprintf("records-%d", version))
}

func readFormat(f files, dir string) (int, error) {
	file, err := f.Open(f.PathJoin(dir, "FORMAT"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 100))
	if err != nil {
		return 0, err
	}
	var version int
	if _, err := fmt.Sscanf(string(text), "redoubt store, format %d\n", &version); err != nil {
		return 0, fmt.Errorf("its FORMAT file says %q, which is none of ours", strings.TrimSpace(string(text)))
	}
	return version, nil
}

// writeFormat replaces the file in one step.
func writeFormat(f files, dir string, version int) error {
	name := f.PathJoin(dir, "FORMAT")
	file, err := f.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(file, "redoubt store, format %d\n", version)
	if err := errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err := f.Rename(name+".new", name); err != nil {
		return err
	}
	return syncDir(f, dir)
}

func syncDir(f files, dir string) error {
	d, err := f.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func upgrade(f files, dir string, have int, fail *failure) error {
	next := recordsDir(f, dir, have+1)
	if err := f.RemoveAll(next); err != nil { // of an upgrade that was interrupted
		return err
	}
	o := options(f, fail)
	o.ErrorIfNotExists = true
	from, err := pebble.Open(recordsDir(f, dir, have), o)
	if err != nil {
		return err
	}
	defer from.Close()
	to, err := pebble.Open(next, options(f, fail))
	if err != nil {
		return err
	}
	err = upgrades[have+1](from, to)
	if err := errors.Join(err, to.Flush(), to.Close()); err != nil {
		return err
	}
	if err := syncDir(f, dir); err != nil {
		return err
	}
	return writeFormat(f, dir, have+1)
}

// Format 1 held records under their bare keys, without revisions; "\x00rev" was
// the newest one. All its records count as written by that.
func upgradeTo2(from, to *pebble.DB) error {
	rev := make([]byte, 8)
	v, closer, err := from.Get([]byte("\x00rev"))
	switch {
	case errors.Is(err, pebble.ErrNotFound):
	case err != nil:
		return err
	default:
		if len(v) != 8 {
			return errors.New("the newest revision is damaged")
		}
		copy(rev, v)
		closer.Close()
	}
	if binary.BigEndian.Uint64(rev) == 0 {
		rev[7] = 1
	}
	it, err := from.NewIter(&pebble.IterOptions{LowerBound: []byte{1}})
	if err != nil {
		return err
	}
	defer it.Close()
	batch := to.NewBatch()
	defer func() { batch.Close() }()
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err != nil {
			return err
		}
		if err := batch.Set(recordKey(string(it.Key())), append(rev[:8:8], value...), nil); err != nil {
			return err
		}
		if batch.Len() > groupBytes {
			if err := batch.Commit(pebble.NoSync); err != nil {
				return err
			}
			batch.Close()
			batch = to.NewBatch()
		}
	}
	if err := it.Error(); err != nil {
		return err
	}
	if err := batch.Set(revisionKey, rev, nil); err != nil {
		return err
	}
	return batch.Commit(pebble.Sync)
}
