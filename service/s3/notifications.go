package s3

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/engine/outbox"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// Notifications say whom a bucket tells what happens to its objects. Functions are
// invoked from here, after the change has been committed, as often as it takes.
// What is for queues, topics and EventBridge goes into the outbox with the change.

// Outbox takes events for consumers inside this server, engine/outbox's.
type Outbox interface {
	Put(tx *store.Tx, e outbox.Event) error
}

// happenings are the events that can be asked for, without "s3:", and that are
// made. A star asks for all of a kind.
var happenings = []string{
	"ObjectCreated:*", "ObjectCreated:Put", "ObjectCreated:Post", "ObjectCreated:Copy", "ObjectCreated:CompleteMultipartUpload",
	"ObjectRemoved:*", "ObjectRemoved:Delete", "ObjectRemoved:DeleteMarkerCreated",
	"ObjectTagging:*", "ObjectTagging:Put", "ObjectTagging:Delete",
	"LifecycleExpiration:*", "LifecycleExpiration:Delete", "LifecycleExpiration:DeleteMarkerCreated",
}

// notice is a message to a function that was not delivered yet.
type notice struct {
	Function string
	Account  string
	Region   string
	Bucket   string // ARN
	Payload  json.RawMessage
	Until    time.Time // when it is given up
}

var notices = store.GlobalTable[notice]("s3.notice")

const (
	noticeJob = "s3.notice"
	// noticeLife is how long an undeliverable message is tried.
	noticeLife = 6 * time.Hour
)

// target is one configuration, whatever it points to.
type target struct {
	id, arn string
	events  []string
	filter  *api.NotificationConfigurationFilter
	kind    string // lambda, sqs, sns
}

func targets(n *api.NotificationConfiguration) []target {
	var list []target
	for _, x := range n.LambdaFunctionConfigurations {
		list = append(list, target{value(x.Id), value(x.LambdaFunctionArn), x.Events, x.Filter, "lambda"})
	}
	for _, x := range n.QueueConfigurations {
		list = append(list, target{value(x.Id), value(x.QueueArn), x.Events, x.Filter, "sqs"})
	}
	for _, x := range n.TopicConfigurations {
		list = append(list, target{value(x.Id), value(x.TopicArn), x.Events, x.Filter, "sns"})
	}
	return list
}

// PutBucketNotificationConfiguration replaces the configuration. A function must
// let S3 invoke it: that is tried outside of any transaction, as functions are invoked.
// What queues and topics say is not asked before they are there.
func (s *Service) PutBucketNotificationConfiguration(ctx context.Context, c *redoubt.Call, in *api.PutBucketNotificationConfigurationInput) (*api.PutBucketNotificationConfigurationOutput, error) {
	var b *Bucket
	err := s.once(ctx, func(ctx context.Context) (err error) { b, err = bucket(ctx, in.Bucket); return err })
	if err != nil {
		return nil, err
	}
	n := in.NotificationConfiguration
	list := targets(n)
	for i := range list {
		if err := list[i].check(); err != nil {
			return nil, err
		}
		for k := range i {
			if list[i].overlaps(&list[k]) {
				return nil, refusal(400, "InvalidArgument", "Configurations overlap. Configurations on the same bucket cannot share a common event type.")
			}
		}
		if list[i].kind == "lambda" && !value(in.SkipDestinationValidation) {
			if err := s.mayInvoke(ctx, b, list[i].arn); err != nil {
				return nil, err
			}
		}
	}
	name := func(id *string) *string {
		if value(id) == "" {
			return new(newID())
		}
		return id
	}
	for i := range n.LambdaFunctionConfigurations {
		n.LambdaFunctionConfigurations[i].Id = name(n.LambdaFunctionConfigurations[i].Id)
	}
	for i := range n.QueueConfigurations {
		n.QueueConfigurations[i].Id = name(n.QueueConfigurations[i].Id)
	}
	for i := range n.TopicConfigurations {
		n.TopicConfigurations[i].Id = name(n.TopicConfigurations[i].Id)
	}
	return nil, s.DB.Run(store.Without(ctx), func(ctx context.Context) error {
		_, err := edit(ctx, in.Bucket, func(now *Bucket) error {
			if now.ID != b.ID {
				return noSuchBucket(b.Name) // another one has its name now
			}
			now.Notify = n
			if len(list) == 0 && n.EventBridgeConfiguration == nil {
				now.Notify = nil
			}
			return nil
		})
		return err
	})
}

// GetBucketNotificationConfiguration answers the configuration, empty where there
// is none.
func (s *Service) GetBucketNotificationConfiguration(ctx context.Context, c *redoubt.Call, in *api.GetBucketNotificationConfigurationInput) (*api.GetBucketNotificationConfigurationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if b.Notify == nil {
		return &api.GetBucketNotificationConfigurationOutput{}, nil
	}
	return b.Notify, nil
}

// destinations are how refusals call what events are sent to.
var destinations = map[string]string{"lambda": "CloudFunction", "sqs": "Queue", "sns": "Topic"}

func (t *target) check() error {
	for _, e := range t.events {
		if name, ok := strings.CutPrefix(e, "s3:"); !ok || !slices.Contains(happenings, name) {
			return refusal(400, "InvalidArgument", "The event '"+e+"' is not supported for notifications", "ArgumentName", "Event", "ArgumentValue", e)
		}
	}
	a, err := redoubt.ParseARN(t.arn)
	if err != nil || a.Service != t.kind || a.Account == "" || a.Resource == "" || !validRegion(a.Region) {
		return refusal(400, "InvalidArgument", "The ARN could not be parsed", "ArgumentName", destinations[t.kind], "ArgumentValue", t.arn)
	}
	seen := map[string]bool{}
	rules := t.rules()
	for i, r := range rules {
		name := strings.ToLower(value(r.Name))
		if name != "prefix" && name != "suffix" {
			return refusal(400, "InvalidArgument", "filter rule name must be either prefix or suffix", "ArgumentName", "FilterRule.Name", "ArgumentValue", value(r.Name))
		}
		if seen[name] {
			return refusal(400, "InvalidArgument", "Cannot specify more than one "+name+" rule in a filter.")
		}
		seen[name] = true
		rules[i].Name = new(strings.ToUpper(name[:1]) + name[1:]) // as answers show it
	}
	return nil
}

func (t *target) rules() []api.FilterRule {
	if t.filter == nil || t.filter.Key == nil {
		return nil
	}
	return t.filter.Key.FilterRules
}

func (t *target) affixes() (prefix, suffix string) {
	for _, r := range t.rules() {
		if strings.EqualFold(value(r.Name), "prefix") {
			prefix = value(r.Value)
		} else {
			suffix = value(r.Value)
		}
	}
	return prefix, suffix
}

// overlaps reports whether two configurations could be told of one event.
func (t *target) overlaps(o *target) bool {
	common := slices.ContainsFunc(t.events, func(a string) bool {
		return slices.ContainsFunc(o.events, func(b string) bool { return covers(a, b) || covers(b, a) })
	})
	p, x := t.affixes()
	q, y := o.affixes()
	return common && (strings.HasPrefix(p, q) || strings.HasPrefix(q, p)) && (strings.HasSuffix(x, y) || strings.HasSuffix(y, x))
}

// covers reports whether what was asked for names an event, both with "s3:".
func covers(asked, event string) bool {
	kind, ok := strings.CutSuffix(asked, "*")
	return asked == event || ok && strings.HasPrefix(event, kind)
}

// mayInvoke tries whether the function's policy lets S3 invoke it for the bucket.
func (s *Service) mayInvoke(ctx context.Context, b *Bucket, function string) error {
	_, err := op.Invoke(ctx, s.Invoker, op.Principal("s3", b.Region, b.arn(), b.Account), lambdaapi.OpInvoke, &lambdaapi.InvokeInput{FunctionName: &function, InvocationType: new("DryRun")})
	if _, ok := errors.AsType[*redoubt.Error](err); err != nil && !ok {
		return err
	}
	if err != nil {
		return refusal(400, "InvalidArgument", "Unable to validate the following destination configurations", "ArgumentName1", function+", null", "ArgumentValue1", "Not authorized to invoke function ["+function+"]")
	}
	return nil
}

// notify tells of an event in the transaction of ctx.
func (s *Service) notify(ctx context.Context, c *redoubt.Call, b *Bucket, event string, v *objects.Version) error {
	if b.Notify == nil {
		return nil
	}
	tx := store.From(ctx)
	for _, t := range targets(b.Notify) {
		prefix, suffix := t.affixes()
		if !slices.ContainsFunc(t.events, func(e string) bool { return covers(e, "s3:"+event) }) || !strings.HasPrefix(v.Key, prefix) || !strings.HasSuffix(v.Key, suffix) {
			continue
		}
		payload, err := json.Marshal(map[string]any{"Records": []any{record(c, b, event, t.id, v)}})
		if err != nil {
			return err
		}
		if t.kind != "lambda" {
			if err := s.Outbox.Put(tx, outbox.Event{
				Source: "aws.s3", DetailType: "S3 Event Notification", Account: b.Account, Region: b.Region, Time: c.Time, Resources: []string{b.arn(), t.arn}, Detail: payload,
			}); err != nil {
				return err
			}
			continue
		}
		id := newID()
		if err := notices.Rows().Put(tx, id, &notice{t.arn, b.Account, b.Region, b.arn(), payload, c.Time.Add(noticeLife)}); err != nil {
			return err
		}
		if err := s.Schedule.At(tx, noticeJob, id, c.Time); err != nil {
			return err
		}
	}
	if b.Notify.EventBridgeConfiguration == nil {
		return nil
	}
	detail, err := bridged(c, b, event, v)
	if err != nil || detail == nil {
		return err
	}
	return s.Outbox.Put(tx, *detail)
}

// deliver invokes a function with a message that waits for it.
func (s *Service) deliver(ctx context.Context, id string) error {
	n, err := notices.Rows().Get(store.From(ctx), id)
	if absent(err) {
		return nil
	}
	if err != nil {
		return err
	}
	as := op.Principal("s3", n.Region, n.Bucket, n.Account)
	_, err = op.Invoke(store.Without(ctx), s.Invoker, as, lambdaapi.OpInvoke, &lambdaapi.InvokeInput{FunctionName: &n.Function, InvocationType: new("Event"), Payload: n.Payload})
	if err != nil && s.Clock.Now().Before(n.Until) {
		return err
	}
	if err != nil {
		s.Log.Warn("a notification was given up", "bucket", n.Bucket, "function", n.Function, "error", err)
	}
	return notices.Rows().Delete(store.From(ctx), id)
}

// record is an event in S3's own form. Source: Amazon S3 User Guide, "Event message
// structure", version 2.1.
func record(c *redoubt.Call, b *Bucket, event, configuration string, v *objects.Version) any {
	object := map[string]any{"key": strings.ReplaceAll(url.QueryEscape(v.Key), "%2F", "/"), "sequencer": fmt.Sprintf("%018X", uint64(c.Time.UnixNano()))}
	if !v.Marker {
		object["size"], object["eTag"] = v.Size, v.ETag
	}
	if b.Versioning != "" {
		object["versionId"] = v.ID
	}
	return map[string]any{
		"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": b.Region, "eventTime": c.Time.UTC().Format("2006-01-02T15:04:05.000Z"), "eventName": event,
		"userIdentity":      map[string]any{"principalId": "AWS:" + c.Principal.ID},
		"requestParameters": map[string]any{"sourceIPAddress": c.Source.IP},
		"responseElements":  map[string]any{"x-amz-request-id": c.RequestID, "x-amz-id-2": c.RequestID},
		"s3": map[string]any{
			"s3SchemaVersion": "1.0", "configurationId": configuration,
			"bucket": map[string]any{"name": b.Name, "ownerIdentity": map[string]any{"principalId": identity.CanonicalID(b.Account)}, "arn": b.arn()},
			"object": object,
		},
	}
}

// bridged is an event in EventBridge's form. Source: Amazon S3 User Guide, "EventBridge
// event message structure".
func bridged(c *redoubt.Call, b *Bucket, event string, v *objects.Version) (*outbox.Event, error) {
	kind, what, _ := strings.Cut(event, ":")
	object := map[string]any{"key": v.Key, "sequencer": fmt.Sprintf("%018X", uint64(c.Time.UnixNano()))}
	if b.Versioning != "" {
		object["version-id"] = v.ID
	}
	detail := map[string]any{
		"version": "0", "bucket": map[string]any{"name": b.Name}, "object": object,
		"request-id": c.RequestID, "requester": c.Principal.Account, "source-ip-address": c.Source.IP,
	}
	e := &outbox.Event{Source: "aws.s3", Account: b.Account, Region: b.Region, Time: c.Time, Resources: []string{b.arn()}}
	switch kind {
	case "ObjectCreated":
		e.DetailType, object["size"], object["etag"] = "Object Created", v.Size, v.ETag
		detail["reason"] = map[string]string{"Put": "PutObject", "Post": "POST Object", "Copy": "CopyObject"}[what]
		if what == "CompleteMultipartUpload" {
			detail["reason"] = what
		}
	case "ObjectRemoved", "LifecycleExpiration":
		e.DetailType, detail["reason"] = "Object Deleted", "DeleteObject"
		detail["deletion-type"] = "Permanently Deleted"
		if what == "DeleteMarkerCreated" {
			detail["deletion-type"] = "Delete Marker Created"
		}
		if kind == "LifecycleExpiration" {
			detail["reason"], detail["requester"] = "Lifecycle Expiration", "s3.amazonaws.com"
		}
	case "ObjectTagging":
		e.DetailType = "Object Tags Added"
		if what == "Delete" {
			e.DetailType = "Object Tags Deleted"
		}
	default:
		return nil, nil
	}
	var err error
	e.Detail, err = json.Marshal(detail)
	return e, err
}
