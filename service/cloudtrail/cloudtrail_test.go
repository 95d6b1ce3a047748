package cloudtrail

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/engine/schedule"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

const account = "123456789012"

// neighbours are the other services: what is not in the map does not exist yet.
type neighbours map[string]func(as op.As, in any) (any, error)

func (n neighbours) Invoke(_ context.Context, as op.As, svc *schema.Service, operation string, in any) (any, error) {
	f, ok := n[svc.Name+":"+operation]
	if !ok {
		return nil, redoubt.ErrNotImplemented.New("%s is not implemented.", operation)
	}
	return f(as, in)
}

type world struct {
	t     testing.TB
	db    *store.DB
	clock *redoubt.Shifted
	log   *trail.Log
	svc   *Service
	rows  map[string]op.Operation
	peers neighbours
	needs []redoubt.Need
}

func newWorld(t testing.TB) *world {
	w := &world{t: t, db: store.Open(memory.New(), 0), clock: redoubt.NewFixed(time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)), peers: neighbours{}, rows: map[string]op.Operation{}}
	ring, err := keyring.Open(context.Background(), w.db, keyring.NewFileSeal(filepath.Join(t.TempDir(), "seal")), w.clock)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ring.Close(); w.db.Close() })
	if w.log, err = trail.Open(trail.Deps{DB: w.db, Seal: ring, Clock: w.clock}); err != nil {
		t.Fatal(err)
	}
	w.svc = New(Deps{
		DB: w.db, Trail: w.log, MAC: ring, Seal: ring, Schedule: schedule.New(schedule.Deps{DB: w.db, Clock: w.clock}), Clock: w.clock, Invoker: w.peers,
	})
	for _, o := range w.svc.Operations().Operations {
		w.rows[o.Schema.Name] = o
	}
	return w
}

// withBucket lets CloudTrail read one bucket's ACL, as its own principal.
func (w *world) withBucket(name string) *world {
	w.peers["s3:GetBucketAcl"] = func(as op.As, in any) (any, error) {
		if as.Service != principal || as.SourceAccount != account || !strings.HasPrefix(as.SourceARN, "arn:aws:cloudtrail:") || as.Caller != nil {
			w.t.Errorf("asked as %+v", as)
		}
		switch value(in.(*s3api.GetBucketAclInput).Bucket) {
		case name:
			return &s3api.GetBucketAclOutput{}, nil
		case "closed":
			return nil, redoubt.ErrAccessDenied.New("no")
		}
		return nil, redoubt.ErrorKind("NoSuchBucket").New("The specified bucket does not exist")
	}
	return w
}

// call runs an operation as the front door does: needs and method share a
// transaction. Rights are the front door's; here they are only remembered.
func call[I, O any](w *world, region string, in *I) (*O, error) {
	w.t.Helper()
	name := strings.TrimSuffix(strings.TrimSuffix(fmt.Sprintf("%T", in)[len("*cloudtrailapi."):], "Request"), "Input")
	row, ok := w.rows[name]
	if !ok {
		w.t.Fatalf("no row %s", name)
	}
	c := &redoubt.Call{Service: "cloudtrail", Operation: name, Partition: "aws", Account: account, Region: region, Time: w.clock.Now(),
		Principal: redoubt.Principal{Kind: redoubt.User, Account: account, Name: "ann"}}
	var out any
	err := w.db.Run(context.Background(), func(ctx context.Context) (err error) {
		if w.needs, err = row.Needs(ctx, c, in); err != nil {
			return err
		}
		out, err = row.Call(ctx, c, in)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out.(*O), nil
}

func code(err error) string {
	var e *redoubt.Error
	if errors.As(err, &e) {
		return e.Code
	}
	return fmt.Sprint(err)
}

func (w *world) want(err error, kind redoubt.ErrorKind, text string) {
	w.t.Helper()
	var e *redoubt.Error
	if !errors.As(err, &e) || e.Code != string(kind) || text != "" && e.Message != text {
		w.t.Errorf("%v, want %s %q", err, kind, text)
	}
}

func (w *world) create(name string, change ...func(*api.CreateTrailInput)) *api.CreateTrailOutput {
	w.t.Helper()
	in := &api.CreateTrailInput{Name: &name, S3BucketName: new("logs-bucket")}
	for _, f := range change {
		f(in)
	}
	out, err := call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestTrailNames(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	for name, text := range map[string]string{
		"a":                      "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 1 characters.",
		"aa":                     "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters.",
		strings.Repeat("a", 129): "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters.",
		"trail!":                 "Trail name must ends with a letter or number.",
		"-trail":                 "Trail name must starts with a letter or number.",
		"my#trail":               "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_).",
		"my-_trail":              "",
		"192.168.5.4":            "",
		"traıl":                  "",
	} {
		_, err := call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", &api.CreateTrailInput{Name: &name, S3BucketName: new("logs-bucket")})
		w.want(err, api.ErrInvalidTrailNameException, text)
	}
	for _, name := range []string{"abc", "A.b_c-d", strings.Repeat("a", 128)} {
		w.create(name)
	}
}

func TestTrailLife(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	// The bucket comes first: without it there is no trail.
	in := &api.CreateTrailInput{Name: new("main"), S3BucketName: new("nowhere")}
	_, err := call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	w.want(err, api.ErrS3BucketDoesNotExistException, "S3 bucket nowhere does not exist!")
	in.S3BucketName = new("closed")
	_, err = call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	w.want(err, api.ErrInsufficientS3BucketPolicyException, "Incorrect S3 bucket policy is detected for bucket: closed")
	in.S3BucketName = new("Not_Valid")
	_, err = call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	w.want(err, api.ErrInvalidS3BucketNameException, "")

	out := w.create("main", func(in *api.CreateTrailInput) { in.TagsList = []api.Tag{{Key: new("team"), Value: new("sec")}} })
	const arn = "arn:aws:cloudtrail:us-east-1:123456789012:trail/main"
	if value(out.TrailARN) != arn || value(out.IsMultiRegionTrail) || !value(out.IncludeGlobalServiceEvents) || value(out.LogFileValidationEnabled) || out.KmsKeyId != nil || out.SnsTopicName != nil || value(out.IsOrganizationTrail) {
		t.Errorf("%+v", out)
	}
	if len(w.needs) != 2 || w.needs[0].Action != "cloudtrail:CreateTrail" || w.needs[1].Action != "cloudtrail:AddTags" || w.needs[0].Resource != arn || w.needs[0].Conditions["aws:RequestTag/team"][0] != "sec" {
		t.Errorf("needs %+v", w.needs)
	}
	in.S3BucketName = new("logs-bucket")
	_, err = call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", in)
	w.want(err, api.ErrTrailAlreadyExistsException, "Trail main already exists for customer: 123456789012")

	got, err := call[api.GetTrailInput, api.GetTrailOutput](w, "us-east-1", &api.GetTrailInput{Name: new("main")})
	if err != nil || value(got.Trail.HomeRegion) != "us-east-1" || value(got.Trail.HasCustomEventSelectors) || value(got.Trail.HasInsightSelectors) || value(got.Trail.S3BucketName) != "logs-bucket" {
		t.Errorf("%+v, %v", got, err)
	}
	if w.needs[0].Resource != arn || w.needs[0].Tags["team"] != "sec" {
		t.Errorf("needs %+v", w.needs)
	}
	st, err := call[api.GetTrailStatusInput, api.GetTrailStatusOutput](w, "us-east-1", &api.GetTrailStatusInput{Name: new(arn)})
	if err != nil || *st.IsLogging || st.StartLoggingTime != nil || *st.TimeLoggingStarted != "" {
		t.Errorf("%+v, %v", st, err)
	}
	if _, err := call[api.StartLoggingInput, api.StartLoggingOutput](w, "us-east-1", &api.StartLoggingInput{Name: new("main")}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(time.Hour)
	if _, err := call[api.StopLoggingInput, api.StopLoggingOutput](w, "us-east-1", &api.StopLoggingInput{Name: new(arn)}); err != nil {
		t.Fatal(err)
	}
	st, _ = call[api.GetTrailStatusInput, api.GetTrailStatusOutput](w, "us-east-1", &api.GetTrailStatusInput{Name: new("main")})
	if *st.IsLogging || st.StopLoggingTime.Sub(*st.StartLoggingTime) != time.Hour || *st.TimeLoggingStopped != "2026-01-02T04:04:05Z" {
		t.Errorf("%+v", st)
	}
	up, err := call[api.UpdateTrailInput, api.UpdateTrailOutput](w, "us-east-1", &api.UpdateTrailInput{Name: new("main"), S3KeyPrefix: new("p"), EnableLogFileValidation: new(true)})
	if err != nil || *up.S3KeyPrefix != "p" || !*up.LogFileValidationEnabled || *up.S3BucketName != "logs-bucket" {
		t.Errorf("%+v, %v", up, err)
	}
	_, err = call[api.UpdateTrailInput, api.UpdateTrailOutput](w, "us-east-1", &api.UpdateTrailInput{Name: new("main"), IsMultiRegionTrail: new(true), IncludeGlobalServiceEvents: new(false)})
	w.want(err, api.ErrInvalidParameterCombinationException, "Multi-Region trail must include global service events.")
	if _, err := call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "us-east-1", &api.DeleteTrailInput{Name: new("main")}); err != nil {
		t.Fatal(err)
	}
	_, err = call[api.GetTrailInput, api.GetTrailOutput](w, "us-east-1", &api.GetTrailInput{Name: new("main")})
	w.want(err, api.ErrTrailNotFoundException, "Unknown trail: main for the user: 123456789012")
	_, err = call[api.GetTrailStatusInput, api.GetTrailStatusOutput](w, "us-east-1", &api.GetTrailStatusInput{Name: new("main")})
	w.want(err, api.ErrTrailNotFoundException, "Unknown trail: "+arn+" for the user: 123456789012")
	if w.needs[0].Resource != arn {
		t.Errorf("needs of an absent trail %+v", w.needs)
	}
}

// Before S3 exists here, no bucket does.
func TestNoS3(t *testing.T) {
	w := newWorld(t)
	_, err := call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", &api.CreateTrailInput{Name: new("main"), S3BucketName: new("logs-bucket")})
	w.want(err, api.ErrS3BucketDoesNotExistException, "S3 bucket logs-bucket does not exist!")
}

func TestShadows(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	w.create("everywhere", func(in *api.CreateTrailInput) { in.IsMultiRegionTrail = new(true) })
	w.create("here")
	names := func(region string, shadows *bool, given ...string) string {
		out, err := call[api.DescribeTrailsInput, api.DescribeTrailsOutput](w, region, &api.DescribeTrailsInput{IncludeShadowTrails: shadows, TrailNameList: given})
		if err != nil {
			return code(err)
		}
		var s []string
		for _, x := range out.TrailList {
			s = append(s, *x.Name+"@"+*x.HomeRegion)
		}
		return strings.Join(s, " ")
	}
	for _, v := range []struct{ got, want string }{
		{names("us-east-1", nil), "everywhere@us-east-1 here@us-east-1"},
		{names("eu-west-1", nil), "everywhere@us-east-1"},
		{names("eu-west-1", new(false)), ""},
		{names("eu-west-1", nil, "everywhere", "here", "nothing"), ""},
		{names("us-east-1", nil, "everywhere", "here", "nothing"), "everywhere@us-east-1 here@us-east-1"},
		{names("eu-west-1", nil, "arn:aws:cloudtrail:us-east-1:123456789012:trail/everywhere"), "everywhere@us-east-1"},
		{names("eu-west-1", new(false), "arn:aws:cloudtrail:us-east-1:123456789012:trail/everywhere"), ""},
		{names("eu-west-1", nil, "arn:aws:cloudtrail:us-east-1:123456789012:trail/here"), ""},
		{names("us-east-1", nil, "arn:aws:cloudtrail:us-east-1:123456789012:trail/here"), "here@us-east-1"},
		{names("us-east-1", nil, "arn:aws:s3:::x"), "CloudTrailARNInvalidException"},
	} {
		if v.got != v.want {
			t.Errorf("%q, want %q", v.got, v.want)
		}
	}
	if _, err := call[api.GetTrailInput, api.GetTrailOutput](w, "eu-west-1", &api.GetTrailInput{Name: new("arn:aws:cloudtrail:us-east-1:123456789012:trail/everywhere")}); err != nil {
		t.Error(err)
	}
	_, err := call[api.GetTrailStatusInput, api.GetTrailStatusOutput](w, "eu-west-1", &api.GetTrailStatusInput{Name: new("everywhere")})
	w.want(err, api.ErrTrailNotFoundException, "Unknown trail: arn:aws:cloudtrail:eu-west-1:123456789012:trail/everywhere for the user: 123456789012")
	_, err = call[api.StopLoggingInput, api.StopLoggingOutput](w, "eu-west-1", &api.StopLoggingInput{Name: new("everywhere")})
	w.want(err, api.ErrInvalidHomeRegionException, "")
	_, err = call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "eu-west-1", &api.DeleteTrailInput{Name: new("everywhere")})
	w.want(err, api.ErrInvalidHomeRegionException, "")
	_, err = call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "eu-west-1", &api.DeleteTrailInput{Name: new("arn:aws:cloudtrail:us-east-1:123456789012:trail/here")})
	w.want(err, api.ErrInvalidHomeRegionException, "")
	_, err = call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "eu-west-1", &api.DeleteTrailInput{Name: new("here")})
	w.want(err, api.ErrTrailNotFoundException, "")
	_, err = call[api.CreateTrailInput, api.CreateTrailOutput](w, "eu-west-1", &api.CreateTrailInput{Name: new("everywhere"), S3BucketName: new("logs-bucket")})
	w.want(err, api.ErrTrailAlreadyExistsException, "")
	list, err := call[api.ListTrailsInput, api.ListTrailsOutput](w, "eu-west-1", &api.ListTrailsInput{})
	if err != nil || len(list.Trails) != 2 || list.NextToken != nil {
		t.Errorf("%+v, %v", list, err)
	}
	for _, n := range []string{"t-3", "t-4", "t-5"} {
		w.create(n)
	}
	_, err = call[api.CreateTrailInput, api.CreateTrailOutput](w, "us-east-1", &api.CreateTrailInput{Name: new("t-6"), S3BucketName: new("logs-bucket")})
	w.want(err, api.ErrMaximumNumberOfTrailsExceededException, "User: 123456789012 already has 5 trails in us-east-1.")
	_, err = call[api.ListTrailsInput, api.ListTrailsOutput](w, "eu-west-1", &api.ListTrailsInput{NextToken: new("made up")})
	w.want(err, api.ErrInvalidNextTokenException, "")
}

func TestTags(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	arn := *w.create("main").TrailARN
	add := func(id string, tags ...api.Tag) error {
		_, err := call[api.AddTagsInput, api.AddTagsOutput](w, "us-east-1", &api.AddTagsInput{ResourceId: &id, TagsList: tags})
		return err
	}
	list := func(ids ...string) (string, error) {
		out, err := call[api.ListTagsInput, api.ListTagsOutput](w, "us-east-1", &api.ListTagsInput{ResourceIdList: ids})
		if err != nil {
			return "", err
		}
		s := ""
		for _, r := range out.ResourceTagList {
			for _, x := range r.TagsList {
				s += *x.Key + "=" + value(x.Value) + ";"
			}
		}
		return s, nil
	}
	if err := add(arn, api.Tag{Key: new("a"), Value: new("1")}, api.Tag{Key: new("b")}); err != nil {
		t.Fatal(err)
	}
	if err := add(arn, api.Tag{Key: new("a"), Value: new("2")}, api.Tag{Key: new("c"), Value: new("3")}); err != nil {
		t.Fatal(err)
	}
	if s, err := list(arn); s != "a=2;b=;c=3;" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	if _, err := call[api.RemoveTagsInput, api.RemoveTagsOutput](w, "us-east-1", &api.RemoveTagsInput{ResourceId: &arn, TagsList: []api.Tag{{Key: new("a")}, {Key: new("c"), Value: new("other")}, {Key: new("none")}}}); err != nil {
		t.Fatal(err)
	}
	if s, err := list(arn); s != "b=;c=3;" || err != nil {
		t.Errorf("%q, %v", s, err)
	}
	w.want(add(arn, api.Tag{Key: new("x")}, api.Tag{Key: new("x")}), api.ErrInvalidTagParameterException, "")
	w.want(add(arn, api.Tag{Key: new("AWS:x")}), api.ErrInvalidTagParameterException, "")
	var many []api.Tag
	for i := range 49 {
		many = append(many, api.Tag{Key: new(fmt.Sprint("k", i))})
	}
	w.want(add(arn, many...), api.ErrTagsLimitExceededException, "")
	for id, kind := range map[string]redoubt.ErrorKind{
		"main":      api.ErrCloudTrailARNInvalidException,
		arn + "-no": api.ErrResourceNotFoundException,
		"arn:aws:cloudtrail:us-east-1:123456789012:eventdatastore/x": api.ErrEventDataStoreNotFoundException,
		"arn:aws:cloudtrail:us-east-1:123456789012:channel/x":        api.ErrChannelNotFoundException,
		"arn:aws:cloudtrail:us-east-1:123456789012:other/x":          api.ErrResourceTypeNotSupportedException,
	} {
		w.want(add(id, api.Tag{Key: new("x")}), kind, "")
		_, err := list(id)
		w.want(err, kind, "")
	}
	for id, text := range map[string]string{
		strings.Replace(arn, "us-east-1", "eu-west-1", 1):       "Region in ARN is wrong, you can only access resources in region us-east-1.",
		strings.Replace(arn, "123456789012", "210987654321", 1): "AccountID in ARN is wrong, you can only access resources with AccountID 123456789012.",
	} {
		_, err := list(id)
		w.want(err, api.ErrCloudTrailARNInvalidException, text)
	}
}

func TestSelectors(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	w.create("main")
	put := func(in *api.PutEventSelectorsInput) (*api.PutEventSelectorsOutput, error) {
		in.TrailName = new("main")
		return call[api.PutEventSelectorsInput, api.PutEventSelectorsOutput](w, "us-east-1", in)
	}
	got, err := call[api.GetEventSelectorsInput, api.GetEventSelectorsOutput](w, "us-east-1", &api.GetEventSelectorsInput{TrailName: new("main")})
	if err != nil || len(got.EventSelectors) != 1 || *got.EventSelectors[0].ReadWriteType != "All" || !*got.EventSelectors[0].IncludeManagementEvents || got.EventSelectors[0].DataResources == nil || got.AdvancedEventSelectors != nil {
		t.Errorf("%+v, %v", got, err)
	}
	res := func(kind string, values ...string) api.EventSelector {
		return api.EventSelector{DataResources: []api.DataResource{{Type: &kind, Values: values}}}
	}
	field := func(name string, equals ...string) api.AdvancedFieldSelector {
		return api.AdvancedFieldSelector{Field: &name, Equals: equals}
	}
	adv := func(fs ...api.AdvancedFieldSelector) *api.PutEventSelectorsInput {
		return &api.PutEventSelectorsInput{AdvancedEventSelectors: []api.AdvancedEventSelector{{FieldSelectors: fs}}}
	}
	var many []string
	for i := range 251 {
		many = append(many, fmt.Sprintf("arn:aws:s3:::b%d/", i))
	}
	basic := func(list ...api.EventSelector) *api.PutEventSelectorsInput {
		return &api.PutEventSelectorsInput{EventSelectors: list}
	}
	const invalid, required = " field value is not valid.", "The following selectors are required when the eventCategory field value equals "
	for _, x := range []struct {
		in   *api.PutEventSelectorsInput
		text string
	}{
		{&api.PutEventSelectorsInput{}, ""},
		{&api.PutEventSelectorsInput{EventSelectors: []api.EventSelector{{}}, AdvancedEventSelectors: []api.AdvancedEventSelector{{}}}, "You can select events by using either EventSelectors or AdvancedEventSelectors, but not both."},
		{basic(make([]api.EventSelector, 6)...), "Specify a valid number of event selectors (1 to 5) for a trail."},
		{basic(res("AWS::KMS::Key", "arn:aws:kms")), "Value AWS::KMS::Key for DataResources.Type is invalid."},
		{basic(res("AWS::S3::Object", "arn:aws:s3:::bucket")), "Value arn:aws:s3:::bucket for DataResources.Values is invalid."},
		{basic(res("AWS::S3::Object", "arn:aws:lambda")), "Value arn:aws:lambda for DataResources.Values is invalid."},
		{basic(res("AWS::S3::Object", many...)), "Specify a valid number of DataResources.Values (0 to 250) for all your selectors"},
		{basic(api.EventSelector{IncludeManagementEvents: new(false)}), ""},
		{basic(api.EventSelector{ExcludeManagementEventSources: []string{"iam.amazonaws.com"}}), ""},
		{adv(field("readOnly", "true")), "The following fields are required: [eventCategory]."},
		{adv(field("eventCategory", "Other")), "The eventCategory" + invalid},
		{adv(field("eventCategory", "Data", "Management")), "The eventCategory" + invalid},
		{adv(field("eventCategory", "Data")), required + "Data: [resources.type]."},
		{adv(field("eventCategory", "NetworkActivity")), required + "NetworkActivity: [eventSource]."},
		{adv(field("eventCategory", "Management"), field("noSuchField", "x")), "The following field is not allowed when the eventCategory field value equals Management: noSuchField."},
		{adv(field("eventCategory", "Management"), field("eventName")), ""},
		{adv(field("eventCategory", "Management"), field("readOnly", "true"), field("readOnly", "false")), "A duplicate event selector was found for at least one field. Only one selector is allowed per field."},
		{adv(api.AdvancedFieldSelector{Field: new("eventCategory"), NotEquals: []string{"Data"}}), "Only the following operators are valid with the eventCategory field: [Equals]."},
		{adv(field("eventCategory", "Management"), api.AdvancedFieldSelector{Field: new("readOnly"), NotEquals: []string{"true"}}), "Only the following operators are valid with the readOnly field: [Equals]."},
		{adv(field("eventCategory", "Management"), field("readOnly", "yes")), "The readOnly" + invalid},
		{adv(field("eventCategory", "NetworkActivity"), field("eventSource", "ec2.amazonaws.com"), field("errorCode", "AccessDenied")), "The errorCode" + invalid},
		{adv(field("eventCategory", "Management"), field("eventName", append(many, many...)...)), "There are too many filters applied. The maximum allowed number of filters is 500."},
	} {
		_, err := put(x.in)
		w.want(err, api.ErrInvalidEventSelectorsException, x.text)
	}
	out, err := put(&api.PutEventSelectorsInput{EventSelectors: []api.EventSelector{res("AWS::S3::Object", "arn:aws:s3", "arn:aws:s3:::b/"), res("AWS::Lambda::Function", "arn:aws:lambda")}})
	if err != nil || len(out.EventSelectors) != 2 || *out.EventSelectors[0].ReadWriteType != "All" {
		t.Fatalf("%+v, %v", out, err)
	}
	tr, _ := call[api.GetTrailInput, api.GetTrailOutput](w, "us-east-1", &api.GetTrailInput{Name: new("main")})
	if !*tr.Trail.HasCustomEventSelectors {
		t.Error("HasCustomEventSelectors is false")
	}
	if _, err := put(adv(field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object"), api.AdvancedFieldSelector{Field: new("resources.ARN"), StartsWith: []string{"arn:aws:s3:::b/"}})); err != nil {
		t.Fatal(err)
	}
	got, _ = call[api.GetEventSelectorsInput, api.GetEventSelectorsOutput](w, "us-east-1", &api.GetEventSelectorsInput{TrailName: new("main")})
	if got.EventSelectors != nil || len(got.AdvancedEventSelectors) != 1 {
		t.Errorf("%+v", got)
	}

	_, err = call[api.GetInsightSelectorsInput, api.GetInsightSelectorsOutput](w, "us-east-1", &api.GetInsightSelectorsInput{TrailName: new("main")})
	w.want(err, api.ErrInsightNotEnabledException, "Trail arn:aws:cloudtrail:us-east-1:123456789012:trail/main does not have Insights enabled. Edit the trail settings to enable Insights, and then try the operation again.")
	_, err = call[api.PutInsightSelectorsInput, api.PutInsightSelectorsOutput](w, "us-east-1", &api.PutInsightSelectorsInput{TrailName: new("main"), InsightSelectors: []api.InsightSelector{{InsightType: new("X")}}})
	w.want(err, api.ErrInvalidInsightSelectorsException, "")
	_, err = call[api.PutInsightSelectorsInput, api.PutInsightSelectorsOutput](w, "us-east-1", &api.PutInsightSelectorsInput{InsightSelectors: []api.InsightSelector{}})
	w.want(err, api.ErrInvalidParameterCombinationException, "")
	ins, err := call[api.PutInsightSelectorsInput, api.PutInsightSelectorsOutput](w, "us-east-1", &api.PutInsightSelectorsInput{TrailName: new("main"), InsightSelectors: []api.InsightSelector{{InsightType: new("ApiCallRateInsight")}}})
	if err != nil || ins.InsightSelectors[0].EventCategories[0] != "Management" {
		t.Errorf("%+v, %v", ins, err)
	}
	back, err := call[api.GetInsightSelectorsInput, api.GetInsightSelectorsOutput](w, "us-east-1", &api.GetInsightSelectorsInput{TrailName: new("main")})
	if err != nil || len(back.InsightSelectors) != 1 {
		t.Errorf("%+v, %v", back, err)
	}
}
