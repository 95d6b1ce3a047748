package logs_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/smithy-go"

	"github.com/redoubt-sec/redoubt/redoubttest"
)

var ctx = context.Background()

func want(t *testing.T, err error, code, text string) {
	t.Helper()
	var e smithy.APIError
	if !errors.As(err, &e) || e.ErrorCode() != code || text != "" && e.ErrorMessage() != text {
		t.Errorf("%v, want %s %q", err, code, text)
	}
}

func must[T any](v T, err error) func(*testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func event(at time.Time, text string) types.InputLogEvent {
	return types.InputLogEvent{Timestamp: aws.Int64(at.UnixMilli()), Message: &text}
}

func TestLogs(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Store: "pebble"})
	t.Run("Events", func(t *testing.T) { testEvents(t, s) })
	t.Run("Groups", func(t *testing.T) { testGroups(t, s) })
	t.Run("Streams", func(t *testing.T) { testStreams(t, s) })
	t.Run("Rights", func(t *testing.T) { testRights(t, s) })
	t.Run("Patterns", func(t *testing.T) { testPatterns(t, s) })
	t.Run("Restart", func(t *testing.T) { testRestart(t, s) })
}

func client(t *testing.T, s *redoubttest.Server) *cloudwatchlogs.Client {
	return cloudwatchlogs.NewFromConfig(s.NewAccount(t).Config("us-east-1"))
}

// made makes a group with streams.
func made(t *testing.T, c *cloudwatchlogs.Client, group string, streams ...string) {
	t.Helper()
	must(c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group}))(t)
	for _, st := range streams {
		must(c.CreateLogStream(ctx, &cloudwatchlogs.CreateLogStreamInput{LogGroupName: &group, LogStreamName: &st}))(t)
	}
}

func texts[E any](events []E, text func(E) *string) string {
	var out []string
	for _, e := range events {
		out = append(out, *text(e))
	}
	return strings.Join(out, " ")
}

func testEvents(t *testing.T, s *redoubttest.Server) {
	c, now := client(t, s), s.Clock.Now()
	made(t, c, "/app/web", "a", "b")
	put := func(stream string, events ...types.InputLogEvent) *cloudwatchlogs.PutLogEventsOutput {
		return must(c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("/app/web"), LogStreamName: &stream, LogEvents: events}))(t)
	}
	for i := range 5 {
		put("a", event(now.Add(time.Duration(i-60)*time.Minute), fmt.Sprintf("a%d", i)))
	}
	put("b", event(now.Add(-59*time.Minute), "ERROR b1"), event(now.Add(-57*time.Minute), "b3"))
	if r := put("a", event(now.Add(-15*24*time.Hour), "old"), event(now, "a9"), event(now.Add(3*time.Hour), "new")).RejectedLogEventsInfo; r == nil || *r.TooOldLogEventEndIndex != 1 || *r.TooNewLogEventStartIndex != 2 || r.ExpiredLogEventEndIndex != nil {
		t.Errorf("%+v", r)
	}

	// GetLogEvents: the tail by default, and from there in both directions.
	get := func(in cloudwatchlogs.GetLogEventsInput) *cloudwatchlogs.GetLogEventsOutput {
		in.LogGroupName, in.LogStreamName = aws.String("/app/web"), aws.String("a")
		return must(c.GetLogEvents(ctx, &in))(t)
	}
	text := func(e types.OutputLogEvent) *string { return e.Message }
	tail := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2)})
	if got := texts(tail.Events, text); got != "a4 a9" {
		t.Error(got)
	}
	before := get(cloudwatchlogs.GetLogEventsInput{Limit: aws.Int32(2), NextToken: tail.NextBackwardToken})
	if got := texts(before.Events, text); got != "a2 a3" {
		t.Error(got)
	}
	after := get(cloudwatchlogs.GetLogEventsInput{NextToken: before.NextForwardToken})
	if got := texts(after.Events, text); got != "a4 a9" {
		t.Error(got)
	}
	end := get(cloudwatchlogs.GetLogEventsInput{NextToken: after.NextForwardToken})
	if len(end.Events) != 0 || *end.NextForwardToken != *after.NextForwardToken {
		t.Errorf("%+v", end)
	}
	if got := texts(get(cloudwatchlogs.GetLogEventsInput{StartFromHead: aws.Bool(true), Limit: aws.Int32(3)}).Events, text); got != "a0 a1 a2" {
		t.Error(got)
	}
	span := cloudwatchlogs.GetLogEventsInput{StartTime: aws.Int64(now.Add(-59 * time.Minute).UnixMilli()), EndTime: aws.Int64(now.Add(-57 * time.Minute).UnixMilli())}
	if got := texts(get(span).Events, text); got != "a1 a2" {
		t.Error(got)
	}

	// FilterLogEvents: streams interleaved, page by page.
	found := func(e types.FilteredLogEvent) *string { return e.Message }
	var all []types.FilteredLogEvent
	for p := cloudwatchlogs.NewFilterLogEventsPaginator(c, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/app/web"), Limit: aws.Int32(3)}); p.HasMorePages(); {
		all = append(all, must(p.NextPage(ctx))(t).Events...)
	}
	if got := texts(all, found); got != "a0 a1 ERROR b1 a2 a3 b3 a4 a9" && got != "a0 ERROR b1 a1 a2 a3 b3 a4 a9" && got != "a0 a1 ERROR b1 a2 b3 a3 a4 a9" {
		t.Error(got)
	}
	if len(*all[0].EventId) != 56 {
		t.Error(*all[0].EventId)
	}
	filter := func(in cloudwatchlogs.FilterLogEventsInput) string {
		in.LogGroupName = aws.String("/app/web")
		return texts(must(c.FilterLogEvents(ctx, &in))(t).Events, found)
	}
	if got := filter(cloudwatchlogs.FilterLogEventsInput{FilterPattern: aws.String("ERROR")}); got != "ERROR b1" {
		t.Error(got)
	}
	if got := filter(cloudwatchlogs.FilterLogEventsInput{LogStreamNames: []string{"b"}}); got != "ERROR b1 b3" {
		t.Error(got)
	}
	if got := filter(cloudwatchlogs.FilterLogEventsInput{LogStreamNamePrefix: aws.String("b"), StartFromHead: aws.Bool(false)}); got != "b3 ERROR b1" {
		t.Error(got)
	}

	for _, bad := range []struct {
		in         cloudwatchlogs.PutLogEventsInput
		code, text string
	}{
		{cloudwatchlogs.PutLogEventsInput{LogEvents: []types.InputLogEvent{event(now, "x"), event(now.Add(-1), "y")}}, "", ""},
		{cloudwatchlogs.PutLogEventsInput{LogEvents: []types.InputLogEvent{event(now, "x"), event(now.Add(-time.Second), "y")}}, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order."},
		{cloudwatchlogs.PutLogEventsInput{LogEvents: []types.InputLogEvent{event(now.Add(-25*time.Hour), "x"), event(now, "y")}}, "InvalidParameterException", "The batch of log events in a single PutLogEvents request cannot span more than 24 hours."},
		{cloudwatchlogs.PutLogEventsInput{LogStreamName: aws.String("c"), LogEvents: []types.InputLogEvent{event(now, "x")}}, "ResourceNotFoundException", "The specified log stream does not exist."},
		{cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("c"), LogEvents: []types.InputLogEvent{event(now, "x")}}, "ResourceNotFoundException", "The specified log group does not exist."},
	} {
		if bad.in.LogGroupName == nil {
			bad.in.LogGroupName = aws.String("/app/web")
		}
		if bad.in.LogStreamName == nil {
			bad.in.LogStreamName = aws.String("a")
		}
		if _, err := c.PutLogEvents(ctx, &bad.in); bad.code != "" {
			want(t, err, bad.code, bad.text)
		}
	}
	_, err := c.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{LogGroupName: aws.String("/app/web"), LogStreamName: aws.String("a"), NextToken: aws.String("f/1/s")})
	want(t, err, "InvalidParameterException", "The specified nextToken is invalid.")
	_, err = c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/app/web"), FilterPattern: aws.String("{ $.a")})
	want(t, err, "InvalidParameterException", "")
	_, err = c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/app/web"), LogStreamNames: []string{"nowhere"}})
	want(t, err, "ResourceNotFoundException", "The specified log stream does not exist.")
}

func testGroups(t *testing.T, s *redoubttest.Server) {
	c := client(t, s)
	for _, g := range []string{"/b", "/a/2", "/a/1"} {
		made(t, c, g)
	}
	_, err := c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("/b")})
	want(t, err, "ResourceAlreadyExistsException", "The specified log group already exists")
	var names []string
	for p := cloudwatchlogs.NewDescribeLogGroupsPaginator(c, &cloudwatchlogs.DescribeLogGroupsInput{Limit: aws.Int32(1)}); p.HasMorePages(); {
		for _, g := range must(p.NextPage(ctx))(t).LogGroups {
			names = append(names, *g.LogGroupName)
		}
	}
	if got := strings.Join(names, " "); got != "/a/1 /a/2 /b" {
		t.Error(got)
	}
	must(c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/b"), RetentionInDays: aws.Int32(7)}))(t)
	g := must(c.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: aws.String("/b")}))(t).LogGroups[0]
	if *g.RetentionInDays != 7 || !strings.HasSuffix(*g.Arn, ":log-group:/b:*") || !strings.HasSuffix(*g.LogGroupArn, ":log-group:/b") || g.LogGroupClass != "STANDARD" || *g.StoredBytes != 0 {
		t.Errorf("%+v", g)
	}
	_, err = c.PutRetentionPolicy(ctx, &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: aws.String("/b"), RetentionInDays: aws.Int32(8)})
	want(t, err, "InvalidParameterException", "")
	must(c.TagResource(ctx, &cloudwatchlogs.TagResourceInput{ResourceArn: g.LogGroupArn, Tags: map[string]string{"k": "v", "l": "w"}}))(t)
	must(c.UntagResource(ctx, &cloudwatchlogs.UntagResourceInput{ResourceArn: g.LogGroupArn, TagKeys: []string{"l"}}))(t)
	if tags := must(c.ListTagsForResource(ctx, &cloudwatchlogs.ListTagsForResourceInput{ResourceArn: g.LogGroupArn}))(t).Tags; len(tags) != 1 || tags["k"] != "v" {
		t.Error(tags)
	}
	must(c.PutLogGroupDeletionProtection(ctx, &cloudwatchlogs.PutLogGroupDeletionProtectionInput{LogGroupIdentifier: aws.String("/b"), DeletionProtectionEnabled: aws.Bool(true)}))(t)
	_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/b")})
	want(t, err, "ValidationException", "")
	must(c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/a/1")}))(t)
	_, err = c.DeleteLogGroup(ctx, &cloudwatchlogs.DeleteLogGroupInput{LogGroupName: aws.String("/a/1")})
	want(t, err, "ResourceNotFoundException", "The specified log group does not exist.")
	_, err = c.CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: aws.String("no*star")})
	want(t, err, "InvalidParameterException", "")
}

func testStreams(t *testing.T, s *redoubttest.Server) {
	c, now := client(t, s), s.Clock.Now()
	made(t, c, "g", "x", "y", "z")
	for i, st := range []string{"z", "x", "y"} {
		must(c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("g"), LogStreamName: &st, LogEvents: []types.InputLogEvent{event(now.Add(time.Duration(i)*time.Second), "m")}}))(t)
	}
	names := func(in cloudwatchlogs.DescribeLogStreamsInput) string {
		in.LogGroupName, in.Limit = aws.String("g"), aws.Int32(2)
		var out []string
		for p := cloudwatchlogs.NewDescribeLogStreamsPaginator(c, &in); p.HasMorePages(); {
			for _, st := range must(p.NextPage(ctx))(t).LogStreams {
				out = append(out, *st.LogStreamName)
			}
		}
		return strings.Join(out, " ")
	}
	if got := names(cloudwatchlogs.DescribeLogStreamsInput{}); got != "x y z" {
		t.Error(got)
	}
	if got := names(cloudwatchlogs.DescribeLogStreamsInput{OrderBy: types.OrderByLastEventTime, Descending: aws.Bool(true)}); got != "y x z" {
		t.Error(got)
	}
	_, err := c.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("g"), OrderBy: types.OrderByLastEventTime, LogStreamNamePrefix: aws.String("x")})
	want(t, err, "InvalidParameterException", "Cannot order by LastEventTime with a logStreamNamePrefix.")
	st := must(c.DescribeLogStreams(ctx, &cloudwatchlogs.DescribeLogStreamsInput{LogGroupName: aws.String("g"), LogStreamNamePrefix: aws.String("y")}))(t).LogStreams[0]
	if *st.FirstEventTimestamp != now.Add(2*time.Second).UnixMilli() || *st.LastEventTimestamp != *st.FirstEventTimestamp || st.LastIngestionTime == nil {
		t.Errorf("%+v", st)
	}
	must(c.DeleteLogStream(ctx, &cloudwatchlogs.DeleteLogStreamInput{LogGroupName: aws.String("g"), LogStreamName: aws.String("y")}))(t)
	if got := must(c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("g")}))(t); len(got.Events) != 2 {
		t.Errorf("%d events", len(got.Events))
	}
}

func testRights(t *testing.T, s *redoubttest.Server) {
	a := s.NewAccount(t)
	admin := cloudwatchlogs.NewFromConfig(a.Config("us-east-1"))
	made(t, admin, "open", "s")
	made(t, admin, "shut", "s")
	i := iam.NewFromConfig(a.Config("us-east-1"))
	must(i.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("u")}))(t)
	must(i.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("u"), PolicyName: aws.String("p"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["logs:PutLogEvents","logs:FilterLogEvents"],"Resource":"arn:aws:logs:us-east-1:` + a.ID + `:log-group:open:*"}}`)}))(t)
	k := must(i.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("u")}))(t).AccessKey
	u := cloudwatchlogs.NewFromConfig(a.With("us-east-1", *k.AccessKeyId, *k.SecretAccessKey, ""))
	put := func(group string) error {
		_, err := u.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: &group, LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{event(s.Clock.Now(), "m")}})
		return err
	}
	if err := put("open"); err != nil {
		t.Error(err)
	}
	must(u.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("open")}))(t)
	want(t, put("shut"), "AccessDeniedException", "User: arn:aws:iam::"+a.ID+":user/u is not authorized to perform: logs:PutLogEvents on resource: arn:aws:logs:us-east-1:"+a.ID+":log-group:shut:log-stream:s because no identity-based policy allows the logs:PutLogEvents action")
	want(t, put("absent"), "AccessDeniedException", "")
}

func testPatterns(t *testing.T, s *redoubttest.Server) {
	c := client(t, s)
	out := must(c.TestMetricFilter(ctx, &cloudwatchlogs.TestMetricFilterInput{FilterPattern: aws.String("[ip, ..., status = 5*]"), LogEventMessages: []string{"1.2.3.4 GET / 503", "1.2.3.4 GET / 200"}}))(t)
	if len(out.Matches) != 1 || *aws.Int64(out.Matches[0].EventNumber) != 1 || out.Matches[0].ExtractedValues["$status"] != "503" {
		t.Errorf("%+v", out.Matches)
	}
}

func testRestart(t *testing.T, s *redoubttest.Server) {
	c := cloudwatchlogs.NewFromConfig(s.Admin.Config("us-east-1"))
	made(t, c, "kept", "s")
	must(c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("kept"), LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{event(s.Clock.Now(), "m")}}))(t)
	s = s.Restart(t)
	c = cloudwatchlogs.NewFromConfig(s.Admin.Config("us-east-1"))
	if got := must(c.FilterLogEvents(ctx, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("kept")}))(t); len(got.Events) != 1 || *got.Events[0].Message != "m" {
		t.Errorf("%+v", got.Events)
	}
	// A large request is taken as far as AWS takes it.
	big := strings.Repeat("x", 1<<20-100)
	must(c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("kept"), LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{event(s.Clock.Now(), big)}}))(t)
	_, err := c.PutLogEvents(ctx, &cloudwatchlogs.PutLogEventsInput{LogGroupName: aws.String("kept"), LogStreamName: aws.String("s"), LogEvents: []types.InputLogEvent{event(s.Clock.Now(), big+strings.Repeat("y", 100))}})
	want(t, err, "InvalidParameterException", "")
}
