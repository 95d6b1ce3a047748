package cloudtrail

import (
	"context"

	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
)

// Limits of what goes to a log group. Source: CloudTrail User Guide, "Sending events to
// CloudWatch Logs"; PutLogEvents.
const (
	mostLogged = 256 << 10 // bytes of one event
	logBatch   = 1000      // events
	logBytes   = 900 << 10
)

// toLogs sends records to the trail's log group, as the role that it was given.
// Failing does not hold the delivery of files up.
func (s *Service) toLogs(ctx context.Context, t *Trail, d *Delivery, region string, records []*trail.Record) {
	if t.LogGroup == "" {
		return
	}
	err := s.logStream(ctx, t, region)
	var batch []logsapi.InputLogEvent
	bytes := 0
	send := func() {
		if err == nil && len(batch) > 0 {
			_, err = op.Invoke(ctx, s.invoker, t.logger(), logsapi.OpPutLogEvents, &logsapi.PutLogEventsInput{LogGroupName: new(t.logGroup()), LogStreamName: new(t.logStreamOf(region)), LogEvents: batch})
		}
		batch, bytes = nil, 0
	}
	for _, r := range records {
		if len(r.JSON) > mostLogged {
			continue
		}
		if len(batch) == logBatch || bytes+len(r.JSON) > logBytes {
			send()
		}
		batch = append(batch, logsapi.InputLogEvent{Timestamp: new(r.Time.UnixMilli()), Message: new(string(r.JSON))})
		bytes += len(r.JSON)
	}
	send()
	d.LogsError = ""
	if err != nil {
		d.LogsError = deliveryError(err)
		return
	}
	d.Logged = s.clock.Now()
}
