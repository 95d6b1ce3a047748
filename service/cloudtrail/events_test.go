package cloudtrail

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/engine/trail"
)

// happen puts n events into the log, one a second, the last one now.
func (w *world) happen(n int) {
	w.t.Helper()
	for i := range n {
		e := &trail.Event{
			Account: account, Region: "us-east-1", Time: w.clock.Now().Add(time.Duration(i-n+1) * time.Second), Source: "kms.amazonaws.com", Name: []string{"Encrypt", "CreateKey"}[i%2],
			Identity: trail.IdentityOf(&redoubt.Principal{Kind: redoubt.User, Account: account, ID: "AIDA", Name: []string{"ann", "bob", "eve"}[i%3], ARN: "arn:aws:iam::123456789012:user/x", AccessKeyID: "AKIAEXAMPLE"}, redoubt.Via{}),
			SourceIP: "192.0.2.1", UserAgent: "aws-cli", RequestID: "r", EventID: fmt.Sprintf("%08d-0000-4000-8000-000000000000", i), ReadOnly: i%2 == 0,
			Resources: []trail.Resource{{ARN: "arn:aws:kms:us-east-1:123456789012:key/k", Account: account, Type: "AWS::KMS::Key"}},
		}
		if err := w.log.Record(e); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := w.log.Flush(context.Background()); err != nil {
		w.t.Fatal(err)
	}
}

func lookup(w *world, in *api.LookupEventsInput) (*api.LookupEventsOutput, error) {
	w.t.Helper()
	return call[api.LookupEventsInput, api.LookupEventsOutput](w, "us-east-1", in)
}

func TestLookupEvents(t *testing.T) {
	w := newWorld(t)
	w.happen(120)
	out, err := lookup(w, &api.LookupEventsInput{})
	if err != nil || len(out.Events) != 50 || out.NextToken == nil {
		t.Fatalf("%d events, %v", len(out.Events), err)
	}
	if n := w.needs; len(n) != 1 || n[0].Action != "cloudtrail:LookupEvents" || n[0].Resource != "*" {
		t.Errorf("needs %+v", n)
	}
	e := out.Events[0]
	if !strings.HasPrefix(*e.EventId, "00000119") || *e.EventName != "CreateKey" || *e.ReadOnly != "false" || *e.AccessKeyId != "AKIAEXAMPLE" || *e.EventSource != "kms.amazonaws.com" ||
		*e.Username != "eve" && *e.Username != "bob" && *e.Username != "ann" || !e.EventTime.Equal(w.clock.Now()) || *e.Resources[0].ResourceType != "AWS::KMS::Key" || *e.Resources[0].ResourceName != "arn:aws:kms:us-east-1:123456789012:key/k" {
		t.Errorf("%+v", e)
	}
	var rec map[string]any
	if err := json.Unmarshal([]byte(*e.CloudTrailEvent), &rec); err != nil || rec["eventVersion"] != "1.11" || rec["eventID"] != *e.EventId || rec["requestParameters"] != nil {
		t.Errorf("%v, %s", err, *e.CloudTrailEvent)
	}
	seen := map[string]bool{}
	in := &api.LookupEventsInput{MaxResults: new(int32(7)), LookupAttributes: []api.LookupAttribute{{AttributeKey: new("Username"), AttributeValue: new("bob")}}}
	for pages := 0; ; pages++ {
		out, err := lookup(w, in)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range out.Events {
			if seen[*e.EventId] || *e.Username != "bob" {
				t.Errorf("%s of %s again", *e.EventId, *e.Username)
			}
			seen[*e.EventId] = true
		}
		if in.NextToken = out.NextToken; in.NextToken == nil {
			if pages != 5 {
				t.Errorf("%d pages", pages)
			}
			break
		}
		w.happen(1) // what happens meanwhile does not move the pages
	}
	if len(seen) != 40 {
		t.Errorf("%d events", len(seen))
	}
}

func TestLookupWindowsAndRetention(t *testing.T) {
	w := newWorld(t)
	w.happen(10)
	now := w.clock.Now()
	out, err := lookup(w, &api.LookupEventsInput{StartTime: new(now.Add(-3 * time.Second)), EndTime: new(now.Add(-2 * time.Second))})
	if err != nil || len(out.Events) != 2 || out.NextToken != nil {
		t.Errorf("%d events, %v", len(out.Events), err)
	}
	w.clock.Advance(trail.Retention - 5*time.Second)
	if out, _ = lookup(w, &api.LookupEventsInput{StartTime: new(now.Add(-time.Hour))}); len(out.Events) != 6 {
		t.Errorf("%d events at the edge of 90 days", len(out.Events))
	}
	// Other accounts and Regions have logs of their own.
	got, err := call[api.LookupEventsInput, api.LookupEventsOutput](w, "eu-west-1", &api.LookupEventsInput{})
	if err != nil || len(got.Events) != 0 || got.Events == nil {
		t.Errorf("%+v, %v", got, err)
	}
	if out, err = lookup(w, &api.LookupEventsInput{EventCategory: new("insight")}); err != nil || len(out.Events) != 0 {
		t.Errorf("%+v, %v", out, err)
	}
}

func TestLookupRefusals(t *testing.T) {
	w := newWorld(t)
	w.happen(60)
	one := func(k, v string) []api.LookupAttribute {
		return []api.LookupAttribute{{AttributeKey: &k, AttributeValue: &v}}
	}
	for _, v := range []struct {
		in   *api.LookupEventsInput
		want redoubt.ErrorKind
	}{
		{&api.LookupEventsInput{LookupAttributes: append(one("EventName", "a"), one("Username", "b")...)}, api.ErrInvalidLookupAttributesException},
		{&api.LookupEventsInput{LookupAttributes: one("ReadOnly", "yes")}, api.ErrInvalidLookupAttributesException},
		{&api.LookupEventsInput{LookupAttributes: one("EventName", strings.Repeat("_", 1001))}, api.ErrInvalidLookupAttributesException},
		{&api.LookupEventsInput{StartTime: new(w.clock.Now()), EndTime: new(w.clock.Now().Add(-time.Second))}, api.ErrInvalidTimeRangeException},
		{&api.LookupEventsInput{MaxResults: new(int32(51))}, api.ErrInvalidMaxResultsException},
		{&api.LookupEventsInput{NextToken: new("")}, api.ErrInvalidNextTokenException},
		{&api.LookupEventsInput{NextToken: new("bm90IG91cnM")}, api.ErrInvalidNextTokenException},
	} {
		_, err := lookup(w, v.in)
		w.want(err, v.want, "")
	}
	out, err := lookup(w, &api.LookupEventsInput{})
	if err != nil || out.NextToken == nil {
		t.Fatal(err)
	}
	// A token holds for the question and the Region that it was given for.
	_, err = lookup(w, &api.LookupEventsInput{NextToken: out.NextToken, LookupAttributes: one("Username", "ann")})
	w.want(err, api.ErrInvalidNextTokenException, "")
	_, err = call[api.LookupEventsInput, api.LookupEventsOutput](w, "eu-west-1", &api.LookupEventsInput{NextToken: out.NextToken})
	w.want(err, api.ErrInvalidNextTokenException, "")
	if _, err = lookup(w, &api.LookupEventsInput{NextToken: out.NextToken, MaxResults: new(int32(3))}); err != nil {
		t.Error(err)
	}
}
