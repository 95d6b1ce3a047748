package pebble

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
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
// of the records. fresh: there are none yet; when they have been made, FORMAT is to
// be written without its mark, and from then on their absence is an error.
func prepare(f files, dir string, fail *failure) (records string, fresh bool, err error) {
	have, fresh, err := readFormat(f, dir)
	if err != nil {
		return "", false, err
	}
	if have == 0 {
		// FORMAT is the first to be written, so records without it are not ours
		// to take for new.
		names, err := f.List(dir)
		if err != nil {
			return "", false, err
		}
		for _, n := range names {
			if strings.HasPrefix(n, "records-") {
				return "", false, fmt.Errorf("it holds %s but its FORMAT file is missing", n)
			}
		}
		have, fresh = format, true
		if err := writeFormat(f, dir, have, fresh); err != nil {
			return "", false, err
		}
	}
	if have > format || have < 1 {
		return "", false, fmt.Errorf("it is of format %d and this version reads 1 to %d: use the version that wrote it, or a newer one", have, format)
	}
	if fresh {
		// Its making was interrupted: nothing was ever acknowledged.
		if err := f.RemoveAll(recordsDir(f, dir, have)); err != nil {
			return "", false, err
		}
	}
	for ; have < format; have++ {
		if err := upgrade(f, dir, have, fail); err != nil {
			return "", false, fmt.Errorf("upgrading from format %d: %w", have, err)
		}
	}
	// What an upgrade that was interrupted at its very end left.
	for old := 1; old < format; old++ {
		if err := f.RemoveAll(recordsDir(f, dir, old)); err != nil {
			return "", false, err
		}
	}
	return recordsDir(f, dir, have), fresh, nil
}

func recordsDir(f files, dir string, version int) string {
	return f.PathJoin(dir, fmt.Sprintf("records-%d", version))
}

// unmade follows the version in FORMAT while the first records are being made.
const unmade = ", being made"

func readFormat(f files, dir string) (version int, fresh bool, err error) {
	file, err := f.Open(f.PathJoin(dir, "FORMAT"))
	if errors.Is(err, fs.ErrNotExist) {
		return 0, false, nil
	}
	if err != nil {
		return 0, false, err
	}
	defer file.Close()
	b, err := io.ReadAll(io.LimitReader(file, 100))
	if err != nil {
		return 0, false, err
	}
	text, fresh := strings.CutSuffix(strings.TrimSuffix(string(b), "\n"), unmade)
	number, ok := strings.CutPrefix(text, "redoubt store, format ")
	version, err = strconv.Atoi(number)
	if !ok || err != nil {
		return 0, false, fmt.Errorf("its FORMAT file says %q, which is none of ours", text)
	}
	return version, fresh, nil
}

// writeFormat replaces the file in one step.
func writeFormat(f files, dir string, version int, fresh bool) error {
	name := f.PathJoin(dir, "FORMAT")
	file, err := f.Create(name+".new", vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	mark := ""
	if fresh {
		mark = unmade
	}
	_, err = fmt.Fprintf(file, "redoubt store, format %d%s\n", version, mark)
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
	return writeFormat(f, dir, have+1, false)
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
