package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/redoubt-sec/redoubt/server"
)

// slowDisk is the operating system's disk with flushes that take a while: where
// a flush costs next to nothing, a rate of durable writes says little about
// machines whose disks keep their word.
type slowDisk struct {
	vfs.FS
	delay time.Duration
}

type slowFile struct {
	vfs.File
	delay time.Duration
}

func slow(delay time.Duration) vfs.FS {
	if delay == 0 {
		return vfs.Default
	}
	return slowDisk{vfs.Default, delay}
}

func (d slowDisk) wrap(f vfs.File, err error) (vfs.File, error) {
	if err != nil {
		return nil, err
	}
	return slowFile{f, d.delay}, nil
}

func (d slowDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.FS.Create(name, c))
}

func (d slowDisk) ReuseForWrite(old, name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	return d.wrap(d.FS.ReuseForWrite(old, name, c))
}

func (d slowDisk) OpenReadWrite(name string, c vfs.DiskWriteCategory, o ...vfs.OpenOption) (vfs.File, error) {
	return d.wrap(d.FS.OpenReadWrite(name, c, o...))
}

func (f slowFile) Sync() error {
	time.Sleep(f.delay)
	return f.File.Sync()
}

func (f slowFile) SyncData() error {
	time.Sleep(f.delay)
	return f.File.SyncData()
}

// serveSlow is the server on a slow disk, in a process of its own.
func serveSlow(ctx context.Context, data string, delay time.Duration) error {
	conf := server.Config{Data: data, Listen: "127.0.0.1:0", ListenTLS: "off"}
	if err := conf.Complete(); err != nil {
		return err
	}
	s, err := server.Start(ctx, conf, server.Options{
		Version: "bench", Disk: slow(delay),
		Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
	})
	if err != nil {
		return fmt.Errorf("server: %w", err)
	}
	return s.Wait(ctx)
}
