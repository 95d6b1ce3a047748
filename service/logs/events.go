package logs

import (
	"context"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/engine/logs/pattern"
	"github.com/redoubt-sec/redoubt/store"
)

// mostEvents is how many events a page may hold.
const mostEvents = 10000

// PutLogEvents takes events of one stream. They are durable when it answers.
func (s *Service) PutLogEvents(ctx context.Context, c *redoubt.Call, in *api.PutLogEventsInput) (*api.PutLogEventsOutput, error) {
	tx := store.From(ctx)
	g, err := s.logs.Group(tx, place(c), value(in.LogGroupName))
	if err != nil {
		return nil, worded(err)
	}
	events := make([]logs.Event, len(in.LogEvents))
	for i, e := range in.LogEvents {
		events[i] = logs.Event{Time: value(e.Timestamp), Message: value(e.Message)}
	}
	r, err := s.logs.Put(tx, place(c), g, value(in.LogStreamName), events)
	if err != nil {
		return nil, worded(err)
	}
	out := &api.PutLogEventsOutput{NextSequenceToken: new(sequenceToken)}
	if r.Any() {
		index := func(i int) *int32 {
			if i < 0 {
				return nil
			}
			return new(int32(i))
		}
		out.RejectedLogEventsInfo = &api.RejectedLogEventsInfo{
			TooNewLogEventStartIndex: index(r.TooNew), TooOldLogEventEndIndex: index(r.TooOld), ExpiredLogEventEndIndex: index(r.Expired),
		}
	}
	return out, nil
}

// GetLogEvents reads a stream: from its head, or what is newest, and on from there
// in both directions.
func (s *Service) GetLogEvents(ctx context.Context, c *redoubt.Call, in *api.GetLogEventsInput) (*api.GetLogEventsOutput, error) {
	name, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	g, err := s.logs.Group(store.From(ctx), place(c), name)
	if err != nil {
		return nil, worded(err)
	}
	q := logs.Query{
		From: value(in.StartTime), To: value(in.EndTime), Streams: []string{value(in.LogStreamName)},
		Reverse: !value(in.StartFromHead), Limit: limit(in.Limit),
	}
	if in.NextToken != nil {
		forward, at, ok := parseDirected(*in.NextToken)
		if !ok {
			return nil, badToken()
		}
		q.Reverse, q.After = !forward, &at
	}
	page, err := s.logs.Read(ctx, place(c), g, q)
	if err != nil {
		return nil, worded(err)
	}
	if q.Reverse {
		slices.Reverse(page.Events)
	}
	out := &api.GetLogEventsOutput{Events: make([]api.OutputLogEvent, len(page.Events))}
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = api.OutputLogEvent{Timestamp: &e.Time, Message: &e.Message, IngestionTime: &e.Ingested}
	}
	first, last := ends(page, q)
	out.NextBackwardToken, out.NextForwardToken = new("b/"+first.EventID()+"/s"), new("f/"+last.EventID()+"/s")
	return out, nil
}

// ends are the places from which reading goes on backward and forward. A page
// without events leads on from where its reading ended.
func ends(page logs.Page, q logs.Query) (first, last logs.Position) {
	if n := len(page.Events); n > 0 {
		first, last = page.Events[0].Position, page.Events[n-1].Position
	} else if q.After != nil {
		first, last = *q.After, *q.After
	} else {
		first = logs.Position{Time: max(q.From, 0)}
		last = first
	}
	if page.More && page.Last != nil && len(page.Events) == 0 {
		if q.Reverse {
			first = *page.Last
		} else {
			last = *page.Last
		}
	}
	return first, last
}

func parseDirected(token string) (forward bool, at logs.Position, ok bool) {
	direction, rest, ok1 := strings.Cut(token, "/")
	id, _, ok2 := strings.Cut(rest, "/")
	at, ok = logs.ParseEventID(id)
	return direction == "f", at, ok && ok1 && ok2 && (direction == "f" || direction == "b")
}

func limit(given *int32) int {
	if given == nil {
		return mostEvents
	}
	return int(*given)
}

// FilterLogEvents reads a group: the events that a pattern means.
func (s *Service) FilterLogEvents(ctx context.Context, c *redoubt.Call, in *api.FilterLogEventsInput) (*api.FilterLogEventsOutput, error) {
	name, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if in.LogStreamNames != nil && in.LogStreamNamePrefix != nil {
		return nil, invalid("Parameters logStreamNames and logStreamNamePrefix are mutually exclusive.")
	}
	g, err := s.logs.Group(store.From(ctx), place(c), name)
	if err != nil {
		return nil, worded(err)
	}
	q := logs.Query{
		From: value(in.StartTime), Streams: in.LogStreamNames, Prefix: value(in.LogStreamNamePrefix), Limit: limit(in.Limit),
		Reverse: in.StartFromHead != nil && !*in.StartFromHead,
	}
	if in.EndTime != nil {
		if *in.EndTime < q.From {
			return nil, invalid("endTime is before startTime.")
		}
		q.To = *in.EndTime + 1
	}
	if value(in.FilterPattern) != "" {
		p, err := pattern.Parse(*in.FilterPattern)
		if err != nil {
			return nil, invalid("%v", err)
		}
		q.Match = func(m []byte) bool { return p.Match(string(m)) }
	}
	if in.NextToken != nil {
		forward, at, ok := parseDirected(*in.NextToken)
		if !ok {
			return nil, badToken()
		}
		q.Reverse, q.After = !forward, &at
	}
	page, err := s.logs.Read(ctx, place(c), g, q)
	if err != nil {
		return nil, worded(err)
	}
	out := &api.FilterLogEventsOutput{Events: make([]api.FilteredLogEvent, len(page.Events)), SearchedLogStreams: []api.SearchedLogStream{}}
	for i := range page.Events {
		e := &page.Events[i]
		out.Events[i] = api.FilteredLogEvent{LogStreamName: &e.Stream, Timestamp: &e.Time, Message: &e.Message, IngestionTime: &e.Ingested, EventId: new(e.EventID())}
	}
	if page.More && page.Last != nil {
		direction := "f/"
		if q.Reverse {
			direction = "b/"
		}
		out.NextToken = new(direction + page.Last.EventID() + "/s")
	}
	return out, nil
}

// TestMetricFilter holds messages against a pattern.
func (s *Service) TestMetricFilter(_ context.Context, _ *redoubt.Call, in *api.TestMetricFilterInput) (*api.TestMetricFilterOutput, error) {
	p, err := pattern.Parse(value(in.FilterPattern))
	if err != nil {
		return nil, invalid("%v", err)
	}
	out := &api.TestMetricFilterOutput{Matches: []api.MetricFilterMatchRecord{}}
	for i, m := range in.LogEventMessages {
		if p.Match(m) {
			out.Matches = append(out.Matches, api.MetricFilterMatchRecord{EventNumber: new(int64(i + 1)), EventMessage: &m, ExtractedValues: p.Extract(m)})
		}
	}
	return out, nil
}
