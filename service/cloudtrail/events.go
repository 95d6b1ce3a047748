package cloudtrail

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/engine/trail"
)

// pageSize is LookupEvents' default and greatest page.
const pageSize = 50

var attributes = map[string]trail.Attribute{
	api.LookupAttributeKeyEventId:      trail.EventID,
	api.LookupAttributeKeyEventName:    trail.EventName,
	api.LookupAttributeKeyReadOnly:     trail.ReadOnly,
	api.LookupAttributeKeyUsername:     trail.UserName,
	api.LookupAttributeKeyResourceType: trail.ResourceType,
	api.LookupAttributeKeyResourceName: trail.ResourceName,
	api.LookupAttributeKeyEventSource:  trail.EventSource,
	api.LookupAttributeKeyAccessKeyId:  trail.AccessKeyID,
}

// LookupEvents answers the management events of the last 90 days in the Region,
// newest first.
func (s *Service) LookupEvents(_ context.Context, c *redoubt.Call, in *api.LookupEventsInput) (*api.LookupEventsOutput, error) {
	q := trail.Query{Account: c.Account, Region: c.Region, Limit: pageSize}
	if in.MaxResults != nil {
		if *in.MaxResults < 1 || *in.MaxResults > pageSize {
			return nil, api.ErrInvalidMaxResultsException.New("MaxResults must be between 1 and %d.", pageSize)
		}
		q.Limit = int(*in.MaxResults)
	}
	if len(in.LookupAttributes) > 1 {
		return nil, api.ErrInvalidLookupAttributesException.New("Only one lookup attribute can be specified.")
	}
	for _, a := range in.LookupAttributes {
		by, ok := attributes[value(a.AttributeKey)]
		if !ok || len(value(a.AttributeValue)) == 0 || weight(*a.AttributeValue) > 2000 {
			return nil, api.ErrInvalidLookupAttributesException.New("The lookup attribute is not valid.")
		}
		if by == trail.ReadOnly && *a.AttributeValue != "true" && *a.AttributeValue != "false" {
			return nil, api.ErrInvalidLookupAttributesException.New("The value of ReadOnly must be true or false.")
		}
		q.By, q.Value = by, *a.AttributeValue
	}
	if in.StartTime != nil && in.EndTime != nil && in.StartTime.After(*in.EndTime) {
		return nil, api.ErrInvalidTimeRangeException.New("The start time must be before the end time.")
	}
	q.From = c.Time.Add(-trail.Retention)
	if in.StartTime != nil && in.StartTime.After(q.From) {
		q.From = *in.StartTime
	}
	if in.EndTime != nil {
		q.To = *in.EndTime
	}
	parameters := []string{strconv.Itoa(int(q.By)), q.Value, stamp(in.StartTime), stamp(in.EndTime), value(in.EventCategory)}
	at, err := s.opened(c, in.NextToken, parameters...)
	if err != nil {
		return nil, err
	}
	out := &api.LookupEventsOutput{Events: []api.Event{}}
	if in.EventCategory != nil {
		return out, nil // Insights events, of which there are none
	}
	if at != "" {
		q.Before = &trail.Position{}
		if _, err := fmt.Sscanf(at, "%d.%d", &q.Before.Nanos, &q.Before.Sum); err != nil {
			return nil, badToken()
		}
	}
	page, err := s.log.Search(q)
	if err != nil {
		return nil, err
	}
	for _, r := range page.Records {
		out.Events = append(out.Events, show(r))
	}
	if p := page.Next; p != nil {
		out.NextToken, err = s.sealed(c, fmt.Sprintf("%d.%d", p.Nanos, p.Sum), parameters...)
	}
	return out, err
}

// weight counts a value's characters; these few count twice. Source:
// LookupAttribute, AttributeValue.
func weight(s string) int {
	n := 0
	for _, r := range s {
		n++
		if strings.ContainsRune("_ ,\n", r) {
			n++
		}
	}
	return n
}

func stamp(t *time.Time) string {
	if t == nil {
		return ""
	}
	return strconv.FormatInt(t.Unix(), 10)
}

// show makes an Event of a record.
func show(r *trail.Record) api.Event {
	e := api.Event{
		EventId: &r.EventID, EventName: &r.EventName, ReadOnly: new(strconv.FormatBool(r.ReadOnly)), AccessKeyId: present(r.AccessKeyID),
		EventTime: new(r.Time.Truncate(time.Second)), EventSource: &r.EventSource, Username: present(r.UserName),
		Resources: []api.Resource{}, CloudTrailEvent: new(string(r.JSON)),
	}
	for _, x := range r.Resources {
		e.Resources = append(e.Resources, api.Resource{ResourceType: present(x.Type), ResourceName: new(resourceName(x.ARN))})
	}
	return e
}

// resourceName is how LookupEvents calls a resource: by its name where it has one
// of its own (IAM, parameters), else by its ARN.
func resourceName(arn string) string {
	a, err := redoubt.ParseARN(arn)
	if err != nil {
		return arn
	}
	switch a.Service {
	case "iam":
		return a.Resource[strings.LastIndexByte(a.Resource, '/')+1:]
	case "s3":
		return a.Resource
	}
	return arn
}
