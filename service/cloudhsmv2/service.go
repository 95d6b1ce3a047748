package cloudhsmv2

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/store"
)

// Deps is what the service works with.
type Deps struct {
	HSM *hsm.Engine
}

// Service is CloudHSM. It is safe for concurrent use.
type Service struct {
	hsm *hsm.Engine
}

// New makes the service.
func New(d Deps) *Service { return &Service{hsm: d.HSM} }

// find answers the caller's cluster.
func (s *Service) find(ctx context.Context, c *redoubt.Call, id *string) (*hsm.View, error) {
	v, err := s.hsm.Find(store.From(ctx), c.Account, c.Region, value(id))
	return v, failure(err, value(id))
}

// value answers what p points to, or the zero value.
func value[T any](p *T) T {
	if p == nil {
		var zero T
		return zero
	}
	return *p
}

func invalid(format string, args ...any) error {
	return cloudhsmv2api.ErrCloudHsmInvalidRequestException.New(format, args...)
}
