package s3

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/store"
)

// Lifecycle are a bucket's rules, by the bucket's id.
type Lifecycle struct {
	Bucket string
	Rules  []api.LifecycleRule
	// Minimum is the header x-amz-transition-default-minimum-object-size.
	Minimum string
}

var lifecycles = store.GlobalTable[Lifecycle]("s3.lifecycle")

const (
	lifecycleJob = "s3.lifecycle"
	maxRules     = 1000
)

// PutBucketLifecycleConfiguration replaces the rules. They run at the next midnight.
func (s *Service) PutBucketLifecycleConfiguration(ctx context.Context, c *redoubt.Call, in *api.PutBucketLifecycleConfigurationInput) (*api.PutBucketLifecycleConfigurationOutput, error) {
	if in.LifecycleConfiguration == nil {
		return nil, malformedXML()
	}
	rules := in.LifecycleConfiguration.Rules
	if len(rules) == 0 || len(rules) > maxRules {
		return nil, malformedXML()
	}
	ids := map[string]bool{}
	for i := range rules {
		if err := checkRule(&rules[i]); err != nil {
			return nil, err
		}
		if value(rules[i].ID) == "" {
			rules[i].ID = new(newID())
		}
		if ids[*rules[i].ID] {
			return nil, invalidArgument("Rule ID must be unique. Found same ID for more than one rule", "ID", *rules[i].ID)
		}
		ids[*rules[i].ID] = true
	}
	minimum := value(in.TransitionDefaultMinimumObjectSize)
	switch minimum {
	case "":
		minimum = "all_storage_classes_128K"
	case "all_storage_classes_128K", "varies_by_storage_class":
	default:
		return nil, invalidRequest("Invalid TransitionDefaultMinimumObjectSize found: " + minimum)
	}
	b, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Lifecycle = true; return nil })
	if err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if err := lifecycles.Rows().Put(tx, b.ID, &Lifecycle{b.Name, rules, minimum}); err != nil {
		return nil, err
	}
	return &api.PutBucketLifecycleConfigurationOutput{TransitionDefaultMinimumObjectSize: &minimum}, s.Schedule.At(tx, lifecycleJob, b.ID, midnight(c.Time))
}

// midnight is the next one.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour).Add(24 * time.Hour) }

// checkRule refuses rules that make no sense, and transitions: there is one kind of
// storage, and a rule that would move objects to another must not seem to work.
func checkRule(r *api.LifecycleRule) error {
	bad := func(message string) error { return refusal(400, "InvalidArgument", message) }
	if value(r.Status) != enabled && value(r.Status) != disabled || (r.Filter == nil) == (r.Prefix == nil) {
		return malformedXML()
	}
	if err := checkFilter(r.Filter); err != nil {
		return err
	}
	if utf8.RuneCountInString(value(r.ID)) > 255 {
		return bad("ID length should not exceed allowed limit of 255")
	}
	if len(r.Transitions) > 0 || len(r.NoncurrentVersionTransitions) > 0 {
		return notImplemented("Transition")
	}
	if r.Expiration == nil && r.NoncurrentVersionExpiration == nil && r.AbortIncompleteMultipartUpload == nil {
		return refusal(400, "InvalidRequest", "At least one action needs to be specified in a rule.")
	}
	if e := r.Expiration; e != nil {
		n := 0
		for _, set := range []bool{e.Date != nil, e.Days != nil, e.ExpiredObjectDeleteMarker != nil} {
			if set {
				n++
			}
		}
		switch {
		case n != 1:
			return malformedXML()
		case e.Days != nil && *e.Days <= 0:
			return bad("'Days' for Expiration action must be a positive integer")
		case e.Date != nil && !e.Date.Equal(e.Date.Truncate(24*time.Hour)):
			return invalidArgument("'Date' must be at midnight GMT", "Date", e.Date.UTC().Format("2006-01-02T15:04:05.000Z"))
		case e.ExpiredObjectDeleteMarker != nil && asksTags(r):
			return bad("ExpiredObjectDeleteMarker cannot be specified with Tags.")
		}
	}
	if e := r.NoncurrentVersionExpiration; e != nil {
		switch {
		case e.NoncurrentDays == nil:
			return malformedXML()
		case value(e.NoncurrentDays) <= 0:
			return bad("'NoncurrentDays' for NoncurrentVersionExpiration action must be a positive integer")
		case e.NewerNoncurrentVersions != nil && (*e.NewerNoncurrentVersions < 1 || *e.NewerNoncurrentVersions > 100):
			return bad("'NewerNoncurrentVersions' for NoncurrentVersionExpiration action must be between 1 and 100")
		}
	}
	if a := r.AbortIncompleteMultipartUpload; a != nil {
		if value(a.DaysAfterInitiation) <= 0 {
			return bad("'DaysAfterInitiation' for AbortIncompleteMultipartUpload action must be a positive integer")
		}
		if asksTags(r) {
			return bad("AbortIncompleteMultipartUpload cannot be specified with Tags.")
		}
	}
	return nil
}

// checkFilter: a filter says one thing, or several under And.
func checkFilter(f *api.LifecycleRuleFilter) error {
	if f == nil {
		return nil
	}
	n := 0
	for _, set := range []bool{f.Prefix != nil, f.Tag != nil, f.ObjectSizeGreaterThan != nil, f.ObjectSizeLessThan != nil, f.And != nil} {
		if set {
			n++
		}
	}
	if n > 1 {
		return malformedXML()
	}
	if f.And != nil {
		keys := map[string]bool{}
		for _, t := range f.And.Tags {
			if keys[value(t.Key)] {
				return invalidRequest("Duplicate Tag Keys are not allowed.")
			}
			keys[value(t.Key)] = true
		}
	}
	return nil
}

// expiration is the header x-amz-expiration: when the bucket's rules will expire an
// object, and which does so first.
func (s *Service) expiration(ctx context.Context, b *Bucket, v *objects.Version) (header *string, err error) {
	if !b.Lifecycle {
		return nil, nil
	}
	var l *Lifecycle
	if err := s.once(ctx, func(ctx context.Context) (err error) {
		l, err = lifecycles.Rows().Get(store.From(ctx), b.ID)
		return err
	}); err != nil {
		if absent(err) {
			err = nil
		}
		return nil, err
	}
	var first time.Time
	for i := range l.Rules {
		r := &l.Rules[i]
		sc := scopeOf(r)
		if value(r.Status) != enabled || r.Expiration == nil || !sc.holds(v.Key, v.Size, v.Tags) {
			continue
		}
		var at time.Time
		switch e := r.Expiration; {
		case e.Date != nil:
			at = e.Date.UTC()
		case e.Days != nil:
			at = due(v.Modified, *e.Days)
		default:
			continue
		}
		if first.IsZero() || at.Before(first) {
			first = at
			header = new(`expiry-date="` + at.Format(http.TimeFormat) + `", rule-id="` + url.QueryEscape(value(r.ID)) + `"`)
		}
	}
	return header, nil
}

// asksTags reports whether a rule asks for tags.
func asksTags(r *api.LifecycleRule) bool {
	return r.Filter != nil && (r.Filter.Tag != nil || r.Filter.And != nil && len(r.Filter.And.Tags) > 0)
}

// GetBucketLifecycleConfiguration answers the rules.
func (s *Service) GetBucketLifecycleConfiguration(ctx context.Context, c *redoubt.Call, in *api.GetBucketLifecycleConfigurationInput) (*api.GetBucketLifecycleConfigurationOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	l, err := lifecycles.Rows().Get(store.From(ctx), b.ID)
	if absent(err) {
		return nil, noSuchConfiguration("NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", b.Name)
	}
	if err != nil {
		return nil, err
	}
	return &api.GetBucketLifecycleConfigurationOutput{Rules: l.Rules, TransitionDefaultMinimumObjectSize: &l.Minimum}, nil
}

// DeleteBucketLifecycle removes the rules.
func (s *Service) DeleteBucketLifecycle(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketLifecycleInput) (*api.DeleteBucketLifecycleOutput, error) {
	b, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Lifecycle = false; return nil })
	if err != nil {
		return nil, err
	}
	return nil, s.forgetLifecycle(store.From(ctx), b)
}

func (s *Service) forgetLifecycle(tx *store.Tx, b *Bucket) error {
	if err := s.Schedule.Cancel(tx, lifecycleJob, b.ID); err != nil {
		return err
	}
	return lifecycles.Rows().Delete(tx, b.ID)
}

// scope is what of a bucket a rule is about.
type scope struct {
	prefix          string
	tags            []api.Tag
	larger, smaller *int64
}

func scopeOf(r *api.LifecycleRule) scope {
	sc := scope{prefix: value(r.Prefix)}
	if f := r.Filter; f != nil {
		sc.prefix, sc.larger, sc.smaller = value(f.Prefix), f.ObjectSizeGreaterThan, f.ObjectSizeLessThan
		if f.Tag != nil {
			sc.tags = []api.Tag{*f.Tag}
		}
		if a := f.And; a != nil {
			sc = scope{value(a.Prefix), a.Tags, a.ObjectSizeGreaterThan, a.ObjectSizeLessThan}
		}
	}
	return sc
}

// holds reports whether an object is in the scope.
func (sc *scope) holds(key string, size int64, tags map[string]string) bool {
	if !strings.HasPrefix(key, sc.prefix) || sc.larger != nil && size <= *sc.larger || sc.smaller != nil && size >= *sc.smaller {
		return false
	}
	return !slices.ContainsFunc(sc.tags, func(t api.Tag) bool {
		v, ok := tags[value(t.Key)]
		return !ok || v != value(t.Value)
	})
}

// due is when something that has been so since t for days is due: at the midnight
// that follows. Source: Amazon S3 User Guide, "Lifecycle configuration elements",
// "How Amazon S3 calculates how long an object has been noncurrent".
func due(t time.Time, days int32) time.Time { return midnight(t.AddDate(0, 0, int(days))) }
