package server

import (
	"context"
	"time"

	"github.com/redoubt-sec/redoubt/store"
)

type shim struct{}

func (shim) Handle(kind string, run func(ctx context.Context, id string) error) {}
func (shim) At(tx *store.Tx, kind, id string, at time.Time) error               { return nil }
func (shim) Cancel(tx *store.Tx, kind, id string) error                         { return nil }
