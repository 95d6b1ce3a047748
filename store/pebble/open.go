package pebble

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/internal/history"
)

// Sizes. The memtable bounds the log that a start has to replay; it and the
// block cache bound idle memory. Hot records are cached decoded, above.
const (
	memTable   = 8 << 20
	blockCache = 16 << 20
)

// Options are the knobs; the zero value is usable.
type Options struct {
	// Log is told of trouble in the background; nil discards it.
	Log *slog.Logger
	// FS is where the directory lies; nil: on the operating system's disks. For
	// tests and benchmarks.
	FS vfs.FS
}

// Backend is an open data directory.
type Backend struct {
	db   *pebble.DB
	lock io.Closer
	log  *history.Log
	view atomic.Pointer[view]
	open sync.WaitGroup // views that are not released

	onChange atomic.Pointer[[]func([]string)]
	onWrite  atomic.Pointer[[]func([]store.Write)]
	queue    queue
	next     int64 // newest revision given out; the committer's
	ended    chan struct{}
	groups   atomic.Int64

	failure  *failure
	closed   atomic.Bool
	closing  sync.Once
	closeErr error
}

var (
	_ store.Backend  = (*Backend)(nil)
	_ store.Advancer = (*Backend)(nil)
	_ store.Measured = (*Backend)(nil)
	_ store.Teller   = (*Backend)(nil)
)

// Open opens the data directory, makes it when there is none, and upgrades it
// when it is of an older format. It refuses a directory that another process
// uses, that others may look into, or that a newer version wrote.
func Open(dir string, o Options) (*Backend, error) {
	if err := private(dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	if o.FS == nil {
		o.FS = vfs.Default
	}
	return open(dir, o, o.FS)
}

// private insists that nobody but its owner may enter dir, if it exists.
func private(dir string) error {
	fi, err := os.Lstat(dir)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !fi.IsDir():
		return fmt.Errorf("%s is no directory", dir)
	case fi.Mode().Perm()&0o077 != 0:
		return fmt.Errorf("%s is open to others (mode %04o): chmod 700 %s", dir, fi.Mode().Perm(), dir)
	}
	return nil
}

func open(dir string, o Options, base vfs.FS) (*Backend, error) {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	fs := files{base}
	if err := makeDir(fs, dir); err != nil {
		return nil, fmt.Errorf("store: %w", err)
	}
	lock, err := fs.Lock(fs.PathJoin(dir, "LOCK"))
	if err != nil {
		return nil, fmt.Errorf("store: %s is in use by another process: %w", dir, err)
	}
	b := &Backend{lock: lock, failure: newFailure(o.Log), ended: make(chan struct{})}
	b.queue.init()
	records, fresh, err := prepare(fs, dir, b.failure)
	if err == nil {
		o := options(fs, b.failure)
		o.ErrorIfNotExists = !fresh // records that are gone are not made anew
		b.db, err = pebble.Open(records, o)
	}
	if err == nil && fresh {
		err = errors.Join(syncDir(fs, dir), writeFormat(fs, dir, format, false))
	}
	if err == nil {
		b.next, err = newestRevision(b.db)
	}
	if err != nil {
		if b.db != nil {
			b.db.Close()
		}
		lock.Close()
		return nil, fmt.Errorf("store: opening %s: %w", dir, err)
	}
	b.log = history.New(b.next)
	b.failure.watches.Store(b.log)
	b.show()
	go b.run()
	return b, nil
}

// makeDir makes dir and what is missing above it, durably: a file is as lost as
// any folder on its path.
func makeDir(f files, dir string) error {
	if _, err := f.Stat(dir); err == nil || !errors.Is(err, os.ErrNotExist) {
		return err
	}
	above := f.PathDir(dir)
	if above != dir {
		if err := makeDir(f, above); err != nil {
			return err
		}
	}
	if err := f.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return syncDir(f, above)
}

func options(fs vfs.FS, f *failure) *pebble.Options {
	o := &pebble.Options{
		FS:                          fs,
		FormatMajorVersion:          pebble.FormatTableFormatV6,
		CacheSize:                   blockCache,
		MemTableSize:                memTable,
		MemTableStopWritesThreshold: 4,
		L0CompactionThreshold:       4,
		L0StopWritesThreshold:       24,
		LBaseMaxBytes:               64 << 20,
		MaxManifestFileSize:         8 << 20,
		MaxOpenFiles:                512,
		Logger:                      f,
		EventListener:               f.listener(),
	}
	for i := range o.Levels {
		// Absence is asked for as often as presence: uniqueness checks.
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
		// Most bytes are ciphertext; more than the fastest is wasted on them.
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.FastestCompression }
	}
	return o
}

var revisionKey = []byte("m/rev")

func newestRevision(db *pebble.DB) (int64, error) {
	v, closer, err := db.Get(revisionKey)
	if errors.Is(err, pebble.ErrNotFound) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	defer closer.Close()
	if len(v) != 8 {
		return 0, fmt.Errorf("the newest revision is damaged: %d bytes", len(v))
	}
	return int64(binary.BigEndian.Uint64(v)), nil
}

// Ready implements store.Backend.
func (b *Backend) Ready() error {
	if b.closed.Load() {
		return store.ErrClosed
	}
	return b.failure.err()
}

// Close waits for the commits that are under way and closes the directory. After
// a failure it leaves the files as they are, and locked until the process ends,
// because the engine may still be writing.
func (b *Backend) Close() error {
	b.closing.Do(func() {
		b.closed.Store(true)
		b.queue.close()
		select {
		case <-b.ended:
		case <-b.failure.failed:
		}
		if b.failure.err() != nil {
			b.log.Close(store.ErrClosed)
			return
		}
		b.view.Load().release()
		b.open.Wait()
		b.log.Close(store.ErrClosed)
		b.closeErr = errors.Join(b.db.Close(), b.lock.Close())
	})
	return b.closeErr
}

// Advance implements store.Advancer.
func (b *Backend) Advance(ctx context.Context, rev int64) error {
	_, err := b.submit(ctx, store.Commit{}, rev)
	return err
}

// Figures implements store.Measured.
func (b *Backend) Figures() map[string]int64 {
	if b.Ready() != nil {
		return nil
	}
	m := b.db.Metrics()
	return map[string]int64{
		"groups":           b.groups.Load(), // fsyncs of the log
		"disk_bytes":       int64(m.DiskSpaceUsage()),
		"log_bytes":        int64(m.WAL.Size),
		"memtable_bytes":   int64(m.MemTable.Size),
		"cache_bytes":      m.BlockCache.Size,
		"flushes":          m.Flush.Count,
		"compactions":      m.Compact.Count,
		"compaction_debt":  int64(m.Compact.EstimatedDebt),
		"level0_tables":    m.Levels[0].TablesCount,
		"read_amplitude":   int64(m.ReadAmp()),
		"queued_commits":   int64(b.queue.length()),
		"open_table_files": m.FileCache.TableCount,
	}
}
