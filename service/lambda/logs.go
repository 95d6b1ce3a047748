package lambda

import (
	"context"
	"errors"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/op"
)

// Bounds of one PutLogEvents. Source: CloudWatch Logs API, "PutLogEvents".
const (
	maxLogEvents = 10000
	maxLogBytes  = 1 << 20
	perLogEvent  = 26
	// logPatience bounds how long one batch of lines may take.
	logPatience = 30 * time.Second
)

// sink takes the log of a version.
func (s *Service) sink(r ref, f *Function, v *Version) functions.Sink {
	return functions.SinkFunc(func(group, stream string, lines []functions.Line) { s.log(r, f, v, group, stream, lines) })
}

// log writes lines of a function to CloudWatch Logs as its execution role: a role
// without the rights has no logs, as at AWS. Lines that nobody takes are counted.
// Built-in functions have a role of the service that they belong to.
func (s *Service) log(r ref, f *Function, v *Version, group, stream string, lines []functions.Line) {
	ctx, cancel := context.WithTimeout(context.Background(), logPatience)
	defer cancel()
	as := asRole(r, f, v)
	if b := s.builtinNamed(f.Name); b != nil {
		as = op.Role(b.Service, r.region, b.Role(r.account, r.region), b.Name)
	}
	for len(lines) > 0 {
		n, size := 0, 0
		for n < len(lines) && n < maxLogEvents && (n == 0 || size+len(lines[n].Text)+perLogEvent <= maxLogBytes) {
			size += len(lines[n].Text) + perLogEvent
			n++
		}
		if err := s.putLog(ctx, as, group, stream, lines[:n]); err != nil {
			s.droppedLines.Add(int64(n))
			var e *redoubt.Error
			if !errors.As(err, &e) && !errors.Is(err, identity.ErrNotTrusted) {
				s.Log.Warn("log of a function was dropped", "function", f.ARN, "lines", n, "error", err)
			}
		}
		lines = lines[n:]
	}
}

// putLog writes one batch, and makes the group and the stream where they are
// missing.
func (s *Service) putLog(ctx context.Context, as op.As, group, stream string, lines []functions.Line) error {
	in := &logsapi.PutLogEventsInput{LogGroupName: &group, LogStreamName: &stream}
	for _, l := range lines {
		text := l.Text
		if strings.TrimSpace(text) == "" {
			text = " " // messages have at least a character
		}
		in.LogEvents = append(in.LogEvents, logsapi.InputLogEvent{Timestamp: new(l.Time.UnixMilli()), Message: &text})
	}
	_, err := op.Invoke(ctx, s.Invoker, as, logsapi.OpPutLogEvents, in)
	if !errors.Is(err, logsapi.ErrResourceNotFoundException) {
		return err
	}
	_, err = op.Invoke(ctx, s.Invoker, as, logsapi.OpCreateLogGroup, &logsapi.CreateLogGroupInput{LogGroupName: &group})
	if err != nil && !errors.Is(err, logsapi.ErrResourceAlreadyExistsException) && !errors.Is(err, redoubt.ErrAccessDenied) {
		return err // a role may have rights on streams of a group that is there
	}
	_, err = op.Invoke(ctx, s.Invoker, as, logsapi.OpCreateLogStream, &logsapi.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &stream})
	if err != nil && !errors.Is(err, logsapi.ErrResourceAlreadyExistsException) {
		return err
	}
	_, err = op.Invoke(ctx, s.Invoker, as, logsapi.OpPutLogEvents, in)
	return err
}
