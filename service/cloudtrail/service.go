package cloudtrail

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
)

// MAC authenticates page tokens; *keyring.Keyring does.
type MAC interface {
	MAC(purpose string, data []byte) ([]byte, error)
	VerifyMAC(purpose string, data, mac []byte) error
}

// Deps is what the service works with.
type Deps struct {
	Trail *trail.Log
	MAC   MAC
	Clock redoubt.Clock
	// Invoker reaches the services that trails point to.
	Invoker op.Invoker
	// Trails is how many trails a Region may have; 0 means AWS's 5.
	Trails int
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	log     *trail.Log
	mac     MAC
	clock   redoubt.Clock
	invoker op.Invoker
	most    int
}

// New makes the service.
func New(d Deps) *Service {
	if d.Trails <= 0 {
		d.Trails = 5
	}
	return &Service{log: d.Trail, mac: d.MAC, clock: d.Clock, invoker: d.Invoker, most: d.Trails}
}

// value is what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

// present is a pointer to s, or nil when there is nothing to show.
func present(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
