package logs

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/logs"
)

// Deps is what the service works with.
type Deps struct {
	Logs  *logs.Logs
	Clock redoubt.Clock
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	logs  *logs.Logs
	clock redoubt.Clock
}

// New makes the service.
func New(d Deps) *Service { return &Service{logs: d.Logs, clock: d.Clock} }

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// some is a pointer to v, or nil for the zero value.
func some[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}

func place(c *redoubt.Call) logs.Place { return logs.Place{Account: c.Account, Region: c.Region} }
