package s3

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// told is an outbox, and a timetable, that keep what they are given.
type told struct {
	events []outbox.Event
	jobs   []string
}

func (t *told) Put(_ *store.Tx, e outbox.Event) error { t.events = append(t.events, e); return nil }

func (t *told) Handle(string, func(context.Context, string) error) {}

func (t *told) At(_ *store.Tx, kind, _ string, _ time.Time) error {
	t.jobs = append(t.jobs, kind)
	return nil
}

func (t *told) Cancel(*store.Tx, string, string) error { return nil }

// What happens to objects reaches the outbox for queues, topics and EventBridge, and
// functions by a job, as far as a configuration asks for it.
func TestNotices(t *testing.T) {
	db := store.Open(memory.New(), 100)
	all := &told{}
	s := &Service{Deps: Deps{DB: db, Outbox: all, Schedule: all}}
	filter := &api.NotificationConfigurationFilter{Key: &api.S3KeyFilter{FilterRules: []api.FilterRule{{Name: new("Prefix"), Value: new("in/")}, {Name: new("suffix"), Value: new(".txt")}}}}
	b := &Bucket{Name: "b", Account: "123456789012", Region: "us-east-1", Partition: "aws", Versioning: enabled, Notify: &api.NotificationConfiguration{
		QueueConfigurations:          []api.QueueConfiguration{{Id: new("q"), QueueArn: new("arn:aws:sqs:us-east-1:123456789012:q"), Events: []string{"s3:ObjectCreated:*"}, Filter: filter}},
		TopicConfigurations:          []api.TopicConfiguration{{Id: new("t"), TopicArn: new("arn:aws:sns:us-east-1:123456789012:t"), Events: []string{"s3:ObjectRemoved:DeleteMarkerCreated"}}},
		LambdaFunctionConfigurations: []api.LambdaFunctionConfiguration{{Id: new("f"), LambdaFunctionArn: new("arn:aws:lambda:us-east-1:123456789012:function:f"), Events: []string{"s3:ObjectTagging:*"}}},
		EventBridgeConfiguration:     &api.EventBridgeConfiguration{},
	}}
	c := &redoubt.Call{RequestID: "r", Time: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Principal: redoubt.Principal{ID: "AIDA", Account: "123456789012"}, Source: redoubt.Source{IP: "192.0.2.1"}}
	happen := func(event, key string) []outbox.Event {
		t.Helper()
		all.events, all.jobs = nil, nil
		v := &objects.Version{Key: key, ID: "v1", Size: 5, ETag: "e"}
		if err := db.Run(t.Context(), func(ctx context.Context) error { return s.notify(ctx, c, b, event, v) }); err != nil {
			t.Fatal(err)
		}
		return all.events
	}
	types := func(list []outbox.Event) (names []string) {
		for _, e := range list {
			names = append(names, e.DetailType)
		}
		return names
	}
	got := happen("ObjectCreated:Put", "in/a b.txt")
	if !slices.Equal(types(got), []string{"S3 Event Notification", "Object Created"}) {
		t.Fatal(types(got))
	}
	var told struct {
		Records []struct {
			EventName, EventTime, AWSRegion string
			S3                              struct {
				ConfigurationID string
				Bucket          struct{ Name, ARN string }
				Object          struct {
					Key, ETag, VersionID string
					Size                 int
				}
			}
		}
	}
	if err := json.Unmarshal(got[0].Detail, &told); err != nil {
		t.Fatal(err)
	}
	r := told.Records[0]
	if r.EventName != "ObjectCreated:Put" || r.EventTime != "2026-01-02T03:04:05.000Z" || r.AWSRegion != "us-east-1" || r.S3.ConfigurationID != "q" || r.S3.Bucket.Name != "b" ||
		r.S3.Bucket.ARN != "arn:aws:s3:::b" || r.S3.Object.Key != "in/a+b.txt" || r.S3.Object.Size != 5 || r.S3.Object.ETag != "e" || r.S3.Object.VersionID != "v1" {
		t.Errorf("%s", got[0].Detail)
	}
	if !slices.Equal(got[0].Resources, []string{"arn:aws:s3:::b", "arn:aws:sqs:us-east-1:123456789012:q"}) {
		t.Error(got[0].Resources)
	}
	for _, want := range []string{`"key":"in/a b.txt"`, `"version-id":"v1"`, `"reason":"PutObject"`, `"requester":"123456789012"`, `"source-ip-address":"192.0.2.1"`, `"request-id":"r"`} {
		if !strings.Contains(string(got[1].Detail), want) {
			t.Errorf("no %s in %s", want, got[1].Detail)
		}
	}
	for _, x := range []struct {
		event, key string
		want       []string
		jobs       int
	}{
		{"ObjectCreated:Copy", "out/a.txt", []string{"Object Created"}, 0},
		{"ObjectCreated:Copy", "in/a.png", []string{"Object Created"}, 0},
		{"ObjectRemoved:DeleteMarkerCreated", "k", []string{"S3 Event Notification", "Object Deleted"}, 0},
		{"ObjectRemoved:Delete", "k", []string{"Object Deleted"}, 0},
		{"ObjectTagging:Put", "k", []string{"Object Tags Added"}, 1},
	} {
		if got := types(happen(x.event, x.key)); !slices.Equal(got, x.want) || len(all.jobs) != x.jobs {
			t.Errorf("%s of %s: %v, %v", x.event, x.key, got, all.jobs)
		}
	}
}

// What could not be told, or would be told twice, is refused.
func TestNotificationTargets(t *testing.T) {
	on := func(arn string, events ...string) target {
		a, _ := redoubt.ParseARN(arn)
		return target{id: "x", arn: arn, events: events, kind: a.Service}
	}
	const queue = "arn:aws:sqs:us-east-1:123456789012:q"
	for _, bad := range []target{
		on(queue, "s3:Nothing:*"), on(queue, "ObjectCreated:*"), {arn: "q", events: []string{"s3:ObjectCreated:*"}, kind: "sqs"},
		{arn: queue, events: []string{"s3:ObjectCreated:*"}, kind: "lambda"},
	} {
		if bad.check() == nil {
			t.Errorf("taken: %+v", bad)
		}
	}
	good, same, other := on(queue, "s3:ObjectCreated:*"), on(queue, "s3:ObjectCreated:Put"), on(queue, "s3:ObjectRemoved:*")
	if err := good.check(); err != nil || !good.overlaps(&same) || good.overlaps(&other) {
		t.Error(err)
	}
	for _, f := range []*target{&good, &same} {
		f.filter = &api.NotificationConfigurationFilter{Key: &api.S3KeyFilter{FilterRules: []api.FilterRule{{Name: new("prefix"), Value: new("a" + f.events[0])}}}}
	}
	if good.overlaps(&same) {
		t.Error("other prefixes overlap")
	}
}
