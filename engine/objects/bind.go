package objects

import (
	"context"
	"errors"
	"fmt"

	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/store"
)

// home says where the store's blobs are: where the blob of this name is. It is
// made before the first one. A process that was given another directory or bucket
// than the others of its store would lose what it writes, and take what they wrote
// for lost; so it refuses.
type home struct{ Marker string }

var homes = store.GlobalTable[home]("objects.home").Rows()

const homeRow = "blobs"

// Check reports whether the blobs that this process was given are those of its
// store. Nothing written yet is no error.
func (s *Store) Check(ctx context.Context) error { return s.bind(ctx, false) }

// bind answers ErrElsewhere if these are not the store's blobs. first makes them
// that, if there are none yet.
func (s *Store) bind(ctx context.Context, first bool) error {
	if s.bound.Load() {
		return nil
	}
	h, err := homes.Get(s.DB.Begin(), homeRow)
	if errors.Is(err, store.ErrNotFound) {
		if !first {
			return nil
		}
		if h, err = s.settleHere(ctx); err != nil {
			return err
		}
	}
	if err != nil {
		return err
	}
	_, err = s.Blobs.Stat(ctx, h.Marker)
	if errors.Is(err, blob.ErrNotFound) {
		return ErrElsewhere
	}
	if err == nil {
		s.bound.Store(true)
	}
	return err
}

// settleHere makes the marker and then the record, unless another process was
// faster.
func (s *Store) settleHere(ctx context.Context) (*home, error) {
	h := &home{blob.NewName()}
	w, err := s.Blobs.Create(ctx, h.Marker, -1)
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(w, "redoubt objects"); err != nil {
		return nil, errors.Join(err, w.Abort())
	}
	if err := w.Commit(); err != nil {
		return nil, err
	}
	made := h
	err = s.run(ctx, func(tx *store.Tx) error {
		there, err := homes.Get(tx, homeRow)
		if err == nil {
			made = there
			return nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return err
		}
		made = h
		return homes.Put(tx, homeRow, h)
	})
	if err == nil && made != h {
		err = s.Blobs.Remove(ctx, h.Marker)
	}
	return made, err
}
