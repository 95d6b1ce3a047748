package cloudtrail

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// put is a file as the bucket got it.
type put struct {
	in   s3api.PutObjectInput
	text []byte
}

// bucket takes files, unless it is shut.
type bucket struct {
	puts map[string]put
	shut error
}

func (w *world) withFiles() *bucket {
	b := &bucket{puts: map[string]put{}}
	w.peers["s3:PutObject"] = func(as op.As, in any) (any, error) {
		if as.Service != principal || as.SourceARN == "" || as.SourceAccount != account {
			w.t.Errorf("put as %+v", as)
		}
		if b.shut != nil {
			return nil, b.shut
		}
		p := put{in: *in.(*s3api.PutObjectInput)}
		z, err := gzip.NewReader(p.in.Body)
		if err == nil {
			p.text, err = io.ReadAll(z)
		}
		if err != nil {
			w.t.Error(err)
		}
		b.puts[*p.in.Key] = p
		return &s3api.PutObjectOutput{}, nil
	}
	return b
}

// logs are the files of a kind, in order of name.
func (b *bucket) of(kind string) []put {
	var out []put
	for _, k := range slices.Sorted(maps.Keys(b.puts)) {
		if strings.Contains(k, "/"+kind+"/") {
			out = append(out, b.puts[k])
		}
	}
	return out
}

func (p put) names(t testing.TB) string {
	var f struct{ Records []struct{ EventName string } }
	if err := json.Unmarshal(p.text, &f); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range f.Records {
		names = append(names, r.EventName)
	}
	return strings.Join(names, " ")
}

// event records a call.
func (w *world) event(name string, change ...func(*trail.Event)) {
	w.t.Helper()
	e := &trail.Event{Account: account, Region: "us-east-1", Time: w.clock.Now(), Source: "kms.amazonaws.com", Name: name, ReadOnly: true, Identity: trail.Identity{Type: "Root", ARN: "arn:aws:iam::" + account + ":root"}}
	for _, f := range change {
		f(e)
	}
	if !w.log.Selected(e) {
		return
	}
	if err := w.log.Record(e); err != nil {
		w.t.Fatal(err)
	}
}

// pass lets time pass and runs the trail's job.
func (w *world) pass(d time.Duration, name string) {
	w.t.Helper()
	w.clock.Advance(d)
	err := w.db.Run(context.Background(), func(ctx context.Context) error {
		return w.svc.deliver(ctx, store.ID(account, "us-east-1", name))
	})
	if err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) start(name string) {
	w.t.Helper()
	if _, err := call[api.StartLoggingInput, api.StartLoggingOutput](w, "us-east-1", &api.StartLoggingInput{Name: &name}); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) status(name string) *api.GetTrailStatusOutput {
	w.t.Helper()
	out, err := call[api.GetTrailStatusInput, api.GetTrailStatusOutput](w, "us-east-1", &api.GetTrailStatusInput{Name: &name})
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

func TestDelivery(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	b := w.withFiles()
	w.create("main", func(in *api.CreateTrailInput) { in.S3KeyPrefix = new("pre") })
	w.event("Before")
	w.clock.Advance(10 * time.Second)
	w.start("main")
	w.event("A")
	w.event("Elsewhere", func(e *trail.Event) { e.Region = "eu-west-1" })
	w.event("GetObject", func(e *trail.Event) { e.Data = true })
	w.pass(5*time.Minute, "main")
	w.event("B")
	w.pass(30*time.Second, "main")
	files := b.of("CloudTrail")
	if len(files) != 1 || files[0].names(t) != "A" {
		t.Fatalf("%d files, %s", len(files), files[0].names(t))
	}
	in := files[0].in
	day := w.clock.Now().UTC().Format("2006/01/02")
	if want := "pre/AWSLogs/" + account + "/CloudTrail/us-east-1/" + day + "/" + account + "_CloudTrail_us-east-1_"; !strings.HasPrefix(*in.Key, want) || !strings.HasSuffix(*in.Key, ".json.gz") {
		t.Error(*in.Key)
	}
	if *in.ContentEncoding != "gzip" || *in.ContentType != "application/json" || *in.ACL != "bucket-owner-full-control" || *in.ContentLength == 0 {
		t.Errorf("%+v", in)
	}
	w.pass(5*time.Minute, "main")
	if files = b.of("CloudTrail"); len(files) != 2 {
		t.Fatalf("%d files", len(files))
	}
	st := w.status("main")
	if st.LatestDeliveryTime == nil || st.LatestDeliveryError != nil || *st.LatestDeliveryAttemptSucceeded == "" {
		t.Errorf("%+v", st)
	}

	// What cannot be delivered comes later, and nothing twice.
	b.shut = redoubt.ErrorKind("AccessDenied").New("Access Denied")
	w.event("C")
	w.pass(5*time.Minute, "main")
	if st := w.status("main"); value(st.LatestDeliveryError) != "AccessDenied" {
		t.Errorf("%+v", st)
	}
	b.shut = nil
	w.event("D")
	w.pass(5*time.Minute, "main")
	all := map[string]int{}
	for _, f := range b.of("CloudTrail") {
		for _, n := range strings.Fields(f.names(t)) {
			all[n]++
		}
	}
	if fmt.Sprint(all) != "map[A:1 B:1 C:1 D:1]" {
		t.Error(all)
	}

	// What came before the trail stopped is still delivered, what comes after is not.
	w.event("E")
	if _, err := call[api.StopLoggingInput, api.StopLoggingOutput](w, "us-east-1", &api.StopLoggingInput{Name: new("main")}); err != nil {
		t.Fatal(err)
	}
	w.clock.Advance(2 * time.Second)
	w.event("F")
	w.pass(5*time.Minute, "main")
	files = b.of("CloudTrail")
	if got := files[len(files)-1].names(t); got != "E" {
		t.Error(got)
	}
	if _, err := call[api.DeleteTrailInput, api.DeleteTrailOutput](w, "us-east-1", &api.DeleteTrailInput{Name: new("main")}); err != nil {
		t.Fatal(err)
	}
	w.pass(time.Hour, "main") // a job that comes late finds nothing to do
}

// A trail of all Regions delivers each Region's events into its own folder.
func TestDeliveryOfAllRegions(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	b := w.withFiles()
	w.create("all", func(in *api.CreateTrailInput) { in.IsMultiRegionTrail = new(true) })
	w.start("all")
	w.event("A")
	w.event("B", func(e *trail.Event) { e.Region = "eu-west-1" })
	w.pass(5*time.Minute, "all")
	files := b.of("CloudTrail")
	if len(files) != 2 || !strings.Contains(*files[0].in.Key, "/eu-west-1/") || files[0].names(t) != "B" || files[1].names(t) != "A" {
		t.Errorf("%d files", len(files))
	}
}

// The digests of a trail name every file, are signed and chained, hour by hour.
func TestDigests(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	b := w.withFiles()
	w.create("main", func(in *api.CreateTrailInput) { in.EnableLogFileValidation = new(true) })
	w.start("main")
	for i := range 40 {
		w.event(fmt.Sprintf("E%d", i))
		w.pass(5*time.Minute, "main")
	}
	keys, err := call[api.ListPublicKeysInput, api.ListPublicKeysOutput](w, "us-east-1", &api.ListPublicKeysInput{})
	if err != nil || len(keys.PublicKeyList) != 1 {
		t.Fatalf("%+v %v", keys, err)
	}
	public, err := x509.ParsePKCS1PublicKey(keys.PublicKeyList[0].Value)
	if err != nil {
		t.Fatal(err)
	}
	digests := b.of("CloudTrail-Digest")
	if len(digests) != 3 {
		t.Fatalf("%d digests", len(digests))
	}
	named, previous := 0, "null"
	var before digestFile
	for i, d := range digests {
		var f digestFile
		if err := json.Unmarshal(d.text, &f); err != nil {
			t.Fatal(err)
		}
		signature, _ := hex.DecodeString(d.in.Metadata["signature"])
		sum := sha256.Sum256([]byte(f.End + "\n" + f.Bucket + "/" + f.Object + "\n" + hash(d.text) + "\n" + previous))
		if err := rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], signature); err != nil {
			t.Errorf("digest %d: %v", i, err)
		}
		if f.Fingerprint != *keys.PublicKeyList[0].Fingerprint || f.Object != *d.in.Key || i > 0 && (f.Start != before.End || *f.PreviousObject != before.Object || *f.PreviousSignature != previous) {
			t.Errorf("digest %d: %+v", i, f)
		}
		for _, x := range f.Files {
			if p, ok := b.puts[x.Object]; !ok || hash(p.text) != x.Hash {
				t.Errorf("digest %d: %+v", i, x)
			}
			named++
		}
		before, previous = f, d.in.Metadata["signature"]
	}
	if named < 36 {
		t.Errorf("%d files named", named)
	}
	if st := w.status("main"); st.LatestDigestDeliveryTime == nil || st.LatestDigestDeliveryError != nil {
		t.Errorf("%+v", st)
	}
}

// Data events are kept where a trail selects them, and only there.
func TestDataEvents(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	b := w.withFiles()
	w.create("main")
	object := func(key string, write bool) func(*trail.Event) {
		return func(e *trail.Event) {
			e.Data, e.Source, e.ReadOnly = true, "s3.amazonaws.com", !write
			e.Resources = []trail.Resource{{Type: "AWS::S3::Object", ARN: "arn:aws:s3:::" + key, Account: account}}
		}
	}
	select_ := func(in api.PutEventSelectorsInput) {
		in.TrailName = new("main")
		if _, err := call[api.PutEventSelectorsInput, api.PutEventSelectorsOutput](w, "us-east-1", &in); err != nil {
			t.Fatal(err)
		}
	}
	delivered := func() string {
		clear(b.puts)
		w.event("GetObject", object("mine/a", false))
		w.event("PutObject", object("mine/a", true))
		w.event("PutObject2", object("other/a", true))
		w.event("Own", object("mine/a", true), func(e *trail.Event) { e.Identity = trail.Identity{Type: "AWSService", InvokedBy: principal} })
		w.event("Encrypt")
		w.pass(5*time.Minute, "main")
		var names []string
		for _, f := range b.of("CloudTrail") {
			names = append(names, f.names(t))
		}
		s := strings.Fields(strings.Join(names, " "))
		slices.Sort(s)
		return strings.Join(s, " ")
	}
	w.start("main")
	if got := delivered(); got != "Encrypt" {
		t.Error(got)
	}
	select_(api.PutEventSelectorsInput{EventSelectors: []api.EventSelector{{ReadWriteType: new("WriteOnly"), DataResources: []api.DataResource{{Type: new("AWS::S3::Object"), Values: []string{"arn:aws:s3:::mine/"}}}}}})
	if got := delivered(); got != "PutObject" {
		t.Error(got)
	}
	field := func(name string, equals ...string) api.AdvancedFieldSelector {
		return api.AdvancedFieldSelector{Field: &name, Equals: equals}
	}
	select_(api.PutEventSelectorsInput{AdvancedEventSelectors: []api.AdvancedEventSelector{
		{FieldSelectors: []api.AdvancedFieldSelector{field("eventCategory", "Management"), {Field: new("eventSource"), NotEquals: []string{"sts.amazonaws.com"}}}},
		{FieldSelectors: []api.AdvancedFieldSelector{field("eventCategory", "Data"), field("resources.type", "AWS::S3::Object"), {Field: new("resources.ARN"), NotStartsWith: []string{"arn:aws:s3:::other/"}}}},
	}})
	if got := delivered(); got != "Encrypt GetObject PutObject" {
		t.Error(got)
	}
	// The event history has none of them.
	out, err := call[api.LookupEventsInput, api.LookupEventsOutput](w, "us-east-1", &api.LookupEventsInput{})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range out.Events {
		if strings.Contains(*e.EventName, "Object") {
			t.Error(*e.EventName)
		}
	}
}

// A trail's log group gets the same events, as the role that the trail was given.
func TestDeliveryToLogs(t *testing.T) {
	w := newWorld(t).withBucket("logs-bucket")
	w.withFiles()
	var got bytes.Buffer
	fail := error(nil)
	w.peers["logs:CreateLogStream"] = func(op.As, any) (any, error) {
		return nil, logsapi.ErrResourceAlreadyExistsException.New("The specified log stream already exists")
	}
	w.peers["logs:PutLogEvents"] = func(as op.As, in any) (any, error) {
		p := in.(*logsapi.PutLogEventsInput)
		if as.RoleARN != "arn:aws:iam::"+account+":role/trails" || *p.LogGroupName != "trails" || *p.LogStreamName != account+"_CloudTrail_us-east-1" {
			t.Errorf("%+v %+v", as, p)
		}
		for _, e := range p.LogEvents {
			got.WriteString(*e.Message)
		}
		return &logsapi.PutLogEventsOutput{}, fail
	}
	w.create("main", func(in *api.CreateTrailInput) {
		in.CloudWatchLogsLogGroupArn, in.CloudWatchLogsRoleArn = new("arn:aws:logs:us-east-1:"+account+":log-group:trails:*"), new("arn:aws:iam::"+account+":role/trails")
	})
	w.start("main")
	w.event("A")
	w.pass(5*time.Minute, "main")
	if !strings.Contains(got.String(), `"eventName":"A"`) {
		t.Error(got.String())
	}
	fail = errors.New("broken")
	w.event("B")
	w.pass(5*time.Minute, "main")
	if st := w.status("main"); value(st.LatestCloudWatchLogsDeliveryError) != "InternalError" || st.LatestDeliveryError != nil || st.LatestCloudWatchLogsDeliveryTime == nil {
		t.Errorf("%+v", st)
	}
}
