package cloudtrail

import (
	"context"
	"errors"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/store"
)

// Trail is a trail, kept in its home Region under its name.
type Trail struct {
	Name, Account, Home, ARN string

	Bucket, Prefix   string
	Topic, TopicARN  string
	LogGroup         string
	LogRole          string
	Key              string // ARN
	Global           bool   // events of global services too
	MultiRegion      bool
	Validation       bool
	EventSelectors   []api.EventSelector
	AdvancedSelector []api.AdvancedEventSelector
	Insights         []api.InsightSelector
	Tags             []Tag

	Logging          bool
	Started, Stopped time.Time
}

// Tag is a trail's tag. A tag set without a value has none.
type Tag struct {
	Key   string
	Value *string
}

var trails = store.RegionalTable[Trail]("cloudtrail.trail")

// find answers the trail that r names, or store.ErrNotFound. A name also finds
// the shadow of a trail of all Regions, which its Home gives away.
func find(tx *store.Tx, r ref) (*Trail, error) {
	t, err := trails.In(r.account, r.region).Get(tx, r.name)
	if err == nil || !errors.Is(err, store.ErrNotFound) || r.byARN {
		return t, err
	}
	for row, err := range trails.All().Scan(tx, store.Query{Prefix: r.account + "/"}) {
		if err != nil {
			return nil, err
		}
		if row.Value.MultiRegion && row.Value.Name == r.name {
			return row.Value, nil
		}
	}
	return nil, store.ErrNotFound
}

// visible finds a trail for an operation that reads it in the call's Region. The
// shadow of a trail of all Regions is called by its ARN, names are the Region's own.
func visible(ctx context.Context, c *redoubt.Call, given string) (*Trail, error) {
	r, err := parseRef(c, given)
	if err != nil {
		return nil, err
	}
	t, err := find(store.From(ctx), r)
	if err == nil && t.Home != c.Region && (!r.byARN || !t.MultiRegion) {
		err = store.ErrNotFound
	}
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchTrail(r.arn(), c.Account)
	}
	return t, err
}

// own finds a trail for an operation that changes it, in its home Region.
func own(ctx context.Context, c *redoubt.Call, given string) (*Trail, error) {
	r, err := parseRef(c, given)
	if err != nil {
		return nil, err
	}
	t, err := find(store.From(ctx), r)
	if errors.Is(err, store.ErrNotFound) {
		return nil, noSuchTrail(r.arn(), c.Account)
	}
	if err == nil && t.Home != c.Region {
		err = notHome(t, c.Region)
	}
	return t, err
}

// edit changes a trail in its home Region.
func edit(ctx context.Context, c *redoubt.Call, given string, f func(*Trail) error) (*Trail, error) {
	t, err := own(ctx, c, given)
	if err != nil {
		return nil, err
	}
	return trails.In(t.Account, t.Home).Edit(store.From(ctx), t.Name, f)
}

// CreateTrail makes a trail. It logs nothing before StartLogging.
func (s *Service) CreateTrail(ctx context.Context, c *redoubt.Call, in *api.CreateTrailInput) (*api.CreateTrailOutput, error) {
	tx := store.From(ctx)
	t := &Trail{Name: value(in.Name), Account: c.Account, Home: c.Region, Global: true}
	t.ARN = ref{account: t.Account, region: t.Home, name: t.Name}.arn()
	settings := api.UpdateTrailInput{
		Name: in.Name, S3BucketName: in.S3BucketName, S3KeyPrefix: in.S3KeyPrefix, SnsTopicName: in.SnsTopicName,
		IncludeGlobalServiceEvents: in.IncludeGlobalServiceEvents, IsMultiRegionTrail: in.IsMultiRegionTrail,
		EnableLogFileValidation: in.EnableLogFileValidation, CloudWatchLogsLogGroupArn: in.CloudWatchLogsLogGroupArn,
		CloudWatchLogsRoleArn: in.CloudWatchLogsRoleArn, KmsKeyId: in.KmsKeyId, IsOrganizationTrail: in.IsOrganizationTrail,
	}
	if err := t.set(&settings); err != nil {
		return nil, err
	}
	for _, tag := range in.TagsList {
		t.Tags = append(t.Tags, Tag{value(tag.Key), tag.Value})
	}
	here := 0
	for row, err := range trails.All().Scan(tx, store.Query{Prefix: c.Account + "/"}) {
		if err != nil {
			return nil, err
		}
		other := row.Value
		if other.Home != t.Home && !other.MultiRegion {
			continue
		}
		if here++; other.Name == t.Name {
			return nil, api.ErrTrailAlreadyExistsException.New("Trail %s already exists for customer: %s", t.Name, c.Account)
		}
	}
	if here >= s.most {
		return nil, api.ErrMaximumNumberOfTrailsExceededException.New("User: %s already has %d trails in %s.", c.Account, here, c.Region)
	}
	if err := s.checkDestinations(ctx, c, t); err != nil {
		return nil, err
	}
	if err := trails.In(t.Account, t.Home).Put(tx, t.Name, t); err != nil {
		return nil, err
	}
	out := api.CreateTrailOutput(t.settings())
	return &out, nil
}

// UpdateTrail changes what is given and leaves the rest.
func (s *Service) UpdateTrail(ctx context.Context, c *redoubt.Call, in *api.UpdateTrailInput) (*api.UpdateTrailOutput, error) {
	t, err := edit(ctx, c, value(in.Name), func(t *Trail) error {
		if err := t.set(in); err != nil {
			return err
		}
		return s.checkDestinations(ctx, c, t)
	})
	if err != nil {
		return nil, err
	}
	out := api.UpdateTrailOutput(t.settings())
	return &out, nil
}

// set takes over the settings that are given. Empty names remove what is
// optional.
func (t *Trail) set(in *api.UpdateTrailInput) error {
	if value(in.IsOrganizationTrail) {
		return api.ErrOrganizationsNotInUseException.New("The request could not be processed because your account is not a member of an organization. You must be the owner of an AWS organization to create an organization trail.")
	}
	if in.S3BucketName != nil {
		if err := checkBucket(*in.S3BucketName); err != nil {
			return err
		}
		t.Bucket = *in.S3BucketName
	}
	if in.S3KeyPrefix != nil {
		if len(*in.S3KeyPrefix) > 200 {
			return api.ErrInvalidS3PrefixException.New("S3 prefix %s is too long. Maximum allowed length: 200 characters.", *in.S3KeyPrefix)
		}
		t.Prefix = *in.S3KeyPrefix
	}
	if in.SnsTopicName != nil {
		if err := t.setTopic(*in.SnsTopicName); err != nil {
			return err
		}
	}
	set := func(to, from *string) {
		if from != nil {
			*to = *from
		}
	}
	set(&t.LogGroup, in.CloudWatchLogsLogGroupArn)
	set(&t.LogRole, in.CloudWatchLogsRoleArn)
	set(&t.Key, in.KmsKeyId)
	flag := func(to, from *bool) {
		if from != nil {
			*to = *from
		}
	}
	flag(&t.Global, in.IncludeGlobalServiceEvents)
	flag(&t.MultiRegion, in.IsMultiRegionTrail)
	flag(&t.Validation, in.EnableLogFileValidation)
	if t.MultiRegion && !t.Global {
		return api.ErrInvalidParameterCombinationException.New("Multi-Region trail must include global service events.")
	}
	return nil
}

// settings is what CreateTrail and UpdateTrail answer.
func (t *Trail) settings() api.UpdateTrailOutput {
	return api.UpdateTrailOutput{
		Name: &t.Name, S3BucketName: &t.Bucket, S3KeyPrefix: present(t.Prefix),
		SnsTopicName: present(t.Topic), SnsTopicARN: present(t.TopicARN),
		IncludeGlobalServiceEvents: &t.Global, IsMultiRegionTrail: &t.MultiRegion, TrailARN: &t.ARN,
		LogFileValidationEnabled: &t.Validation, CloudWatchLogsLogGroupArn: present(t.LogGroup), CloudWatchLogsRoleArn: present(t.LogRole),
		KmsKeyId: present(t.Key), IsOrganizationTrail: new(false),
	}
}

// DeleteTrail removes a trail. What it delivered stays.
func (s *Service) DeleteTrail(ctx context.Context, c *redoubt.Call, in *api.DeleteTrailInput) (*api.DeleteTrailOutput, error) {
	t, err := own(ctx, c, value(in.Name))
	if err != nil {
		return nil, err
	}
	if err := s.endDelivery(store.From(ctx), t); err != nil {
		return nil, err
	}
	return nil, trails.In(t.Account, t.Home).Delete(store.From(ctx), t.Name)
}
