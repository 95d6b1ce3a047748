package cloudtrail

import (
	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/schedule"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// MAC authenticates page tokens; *keyring.Keyring does.
type MAC interface {
	MAC(purpose string, data []byte) ([]byte, error)
	VerifyMAC(purpose string, data, mac []byte) error
}

// Sealer seals the keys that sign digests; *keyring.Keyring does.
type Sealer interface {
	Seal(purpose string, aad, plaintext []byte) ([]byte, error)
	Open(purpose string, aad, blob []byte) ([]byte, error)
}

// Deps is what the service works with.
type Deps struct {
	DB       *store.DB
	Trail    *trail.Log
	MAC      MAC
	Seal     Sealer
	Schedule *schedule.Schedule
	Clock    redoubt.Clock
	// Invoker reaches the services that trails point to.
	Invoker op.Invoker
	// Trails is how many trails a Region may have; 0 means AWS's 5.
	Trails int
}

// Service is the room. It is safe for concurrent use.
type Service struct {
	db       *store.DB
	log      *trail.Log
	mac      MAC
	seal     Sealer
	schedule *schedule.Schedule
	clock    redoubt.Clock
	invoker  op.Invoker
	most     int
}

// New makes the service.
func New(d Deps) *Service {
	if d.Trails <= 0 {
		d.Trails = 5
	}
	s := &Service{db: d.DB, log: d.Trail, mac: d.MAC, seal: d.Seal, schedule: d.Schedule, clock: d.Clock, invoker: d.Invoker, most: d.Trails}
	s.schedule.Handle(deliverJob, s.deliver)
	s.log.SelectData(s.wanted)
	return s
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
