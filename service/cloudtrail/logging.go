package cloudtrail

import (
	"context"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/store"
)

// StartLogging begins delivery.
func (s *Service) StartLogging(ctx context.Context, c *redoubt.Call, in *api.StartLoggingInput) (*api.StartLoggingOutput, error) {
	_, err := edit(ctx, c, value(in.Name), func(t *Trail) error {
		if t.Logging {
			return nil
		}
		t.Logging, t.Started = true, s.clock.Now()
		return s.startDelivery(store.From(ctx), t, c.Time)
	})
	return nil, err
}

// StopLogging ends delivery.
func (s *Service) StopLogging(ctx context.Context, c *redoubt.Call, in *api.StopLoggingInput) (*api.StopLoggingOutput, error) {
	_, err := edit(ctx, c, value(in.Name), func(t *Trail) error {
		if t.Logging {
			t.Logging, t.Stopped = false, s.clock.Now()
		}
		return nil
	})
	return nil, err
}

// GetTrailStatus says whether a trail logs and since when. The members that AWS
// no longer uses are present, as there.
func (s *Service) GetTrailStatus(ctx context.Context, c *redoubt.Call, in *api.GetTrailStatusInput) (*api.GetTrailStatusOutput, error) {
	t, err := visible(ctx, c, value(in.Name))
	if err != nil {
		return nil, err
	}
	out := &api.GetTrailStatusOutput{
		IsLogging: &t.Logging, LatestDeliveryAttemptTime: new(""), LatestNotificationAttemptTime: new(""),
		LatestNotificationAttemptSucceeded: new(""), LatestDeliveryAttemptSucceeded: new(""),
		TimeLoggingStarted: new(""), TimeLoggingStopped: new(""),
	}
	d, err := deliveries.In(t.Account, t.Home).Get(store.From(ctx), t.Name)
	if err == nil {
		out.LatestDeliveryError, out.LatestDigestDeliveryError, out.LatestCloudWatchLogsDeliveryError = present(d.Error), present(d.DigestError), present(d.LogsError)
		out.LatestDeliveryTime, out.LatestDigestDeliveryTime, out.LatestCloudWatchLogsDeliveryTime = happened(d.Latest), happened(d.Digested), happened(d.Logged)
		if !d.Latest.IsZero() {
			at := d.Latest.UTC().Format(time.RFC3339)
			out.LatestDeliveryAttemptTime, out.LatestDeliveryAttemptSucceeded = &at, &at
		}
	} else if !errors.Is(err, store.ErrNotFound) {
		return nil, err
	}
	if !t.Started.IsZero() {
		out.StartLoggingTime, out.TimeLoggingStarted = &t.Started, new(t.Started.UTC().Format(time.RFC3339))
	}
	if !t.Stopped.IsZero() {
		out.StopLoggingTime, out.TimeLoggingStopped = &t.Stopped, new(t.Stopped.UTC().Format(time.RFC3339))
	}
	return out, nil
}

// happened is a moment, or nothing where it has not come.
func happened(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
