package logs

import (
	"context"
	"errors"
	"iter"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/engine/logs"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateLogStream makes a stream.
func (s *Service) CreateLogStream(ctx context.Context, c *redoubt.Call, in *api.CreateLogStreamInput) (*api.CreateLogStreamOutput, error) {
	tx := store.From(ctx)
	g, err := s.logs.Group(tx, place(c), value(in.LogGroupName))
	if err != nil {
		return nil, worded(err)
	}
	err = s.logs.CreateStream(tx, place(c), g, value(in.LogStreamName))
	if errors.Is(err, logs.ErrExists) {
		err = api.ErrResourceAlreadyExistsException.New("The specified log stream already exists")
	}
	return nil, err
}

// DeleteLogStream removes a stream with its events.
func (s *Service) DeleteLogStream(ctx context.Context, c *redoubt.Call, in *api.DeleteLogStreamInput) (*api.DeleteLogStreamOutput, error) {
	tx := store.From(ctx)
	g, err := s.logs.Group(tx, place(c), value(in.LogGroupName))
	if err != nil {
		return nil, worded(err)
	}
	return nil, worded(s.logs.DeleteStream(tx, place(c), g, value(in.LogStreamName)))
}

const byEvent = "LastEventTime"

// DescribeLogStreams lists a group's streams by name or by their last events.
func (s *Service) DescribeLogStreams(ctx context.Context, c *redoubt.Call, in *api.DescribeLogStreamsInput) (*api.DescribeLogStreamsOutput, error) {
	tx := store.From(ctx)
	name, err := groupName(c, in.LogGroupName, in.LogGroupIdentifier)
	if err != nil {
		return nil, err
	}
	if value(in.OrderBy) == byEvent && in.LogStreamNamePrefix != nil {
		return nil, invalid("Cannot order by LastEventTime with a logStreamNamePrefix.")
	}
	g, err := s.logs.Group(tx, place(c), name)
	if err != nil {
		return nil, worded(err)
	}
	list, err := s.ordered(tx, c, g, in)
	if err != nil {
		return nil, err
	}
	limit := mostDescribed
	if in.Limit != nil {
		limit = int(*in.Limit)
	}
	out := &api.DescribeLogStreamsOutput{LogStreams: []api.LogStream{}}
	for st, err := range list {
		if err != nil {
			return nil, err
		}
		if len(out.LogStreams) == limit {
			out.NextToken = out.LogStreams[limit-1].LogStreamName
			break
		}
		d := api.LogStream{
			LogStreamName: &st.Name, CreationTime: new(st.Created.UnixMilli()), Arn: new(streamARN(c, g.Name, st.Name)), StoredBytes: new(int64(0)),
			FirstEventTimestamp: some(st.First), LastEventTimestamp: some(st.Last), LastIngestionTime: some(st.Ingested),
		}
		if st.Ingested != 0 {
			d.UploadSequenceToken = new(sequenceToken)
		}
		out.LogStreams = append(out.LogStreams, d)
	}
	return out, nil
}

// sequenceToken is what AWS still answers although it takes any.
const sequenceToken = "49000000000000000000000000000000000000000000000000000000"

func (s *Service) ordered(tx *store.Tx, c *redoubt.Call, g *logs.Group, in *api.DescribeLogStreamsInput) (iter.Seq2[*logs.Stream, error], error) {
	if value(in.OrderBy) != byEvent {
		return s.logs.Streams(tx, place(c), g, value(in.LogStreamNamePrefix), value(in.NextToken), value(in.Descending)), nil
	}
	var after *logs.Stream
	if in.NextToken != nil {
		var err error
		if after, err = s.logs.Stream(tx, place(c), g, *in.NextToken); errors.Is(err, logs.ErrNoStream) {
			return nil, badToken()
		} else if err != nil {
			return nil, err
		}
	}
	return s.logs.Recent(tx, place(c), g, after, value(in.Descending)), nil
}
