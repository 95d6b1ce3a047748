package s3

import (
	"context"
	"net/http"
	"time"
)

// What tests outside of the package use.

// Later sets the clock by which Sweep judges forward by d, beyond a week.
func (s *Store) Later(d time.Duration) {
	s.now = func() time.Time { return time.Now().Add(sweepAge + d) }
}

// MakeBucket makes the bucket.
func (s *Store) MakeBucket(ctx context.Context) error {
	_, err := s.call(ctx, request{method: http.MethodPut})
	return err
}
