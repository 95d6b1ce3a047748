package s3_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

const region = "us-east-1"

// world is a server with two accounts.
type world struct {
	*redoubttest.Server
	s3    *s3.Client // of the first account's administrator
	other *redoubttest.Account
	n     int
}

func start(t *testing.T, o redoubttest.Options) *world {
	t.Helper()
	w := &world{Server: redoubttest.Start(t, o)}
	w.s3 = client(w.Admin.Config(region))
	w.other = w.NewAccount(t)
	return w
}

func client(c aws.Config) *s3.Client {
	return s3.NewFromConfig(c, func(o *s3.Options) {
		o.UsePathStyle, o.RequestChecksumCalculation = true, aws.RequestChecksumCalculationWhenSupported
	})
}

// bucket makes a bucket of a name of its own.
func (w *world) bucket(t *testing.T, change ...func(*s3.CreateBucketInput)) string {
	t.Helper()
	w.n++
	in := &s3.CreateBucketInput{Bucket: aws.String(fmt.Sprintf("bucket-%d", w.n))}
	for _, f := range change {
		f(in)
	}
	_, err := w.s3.CreateBucket(t.Context(), in)
	ok(t, err)
	return *in.Bucket
}

// user makes a user of the first account with a policy, and a client for it.
func (w *world) user(t *testing.T, statements ...string) (*s3.Client, string) {
	t.Helper()
	w.n++
	name := fmt.Sprintf("user-%d", w.n)
	api := iam.NewFromConfig(w.Admin.Config(region))
	u, err := api.CreateUser(t.Context(), &iam.CreateUserInput{UserName: &name})
	ok(t, err)
	if len(statements) > 0 {
		doc := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		_, err = api.PutUserPolicy(t.Context(), &iam.PutUserPolicyInput{UserName: &name, PolicyName: aws.String("p"), PolicyDocument: &doc})
		ok(t, err)
	}
	key, err := api.CreateAccessKey(t.Context(), &iam.CreateAccessKeyInput{UserName: &name})
	ok(t, err)
	return client(w.Admin.With(region, *key.AccessKey.AccessKeyId, *key.AccessKey.SecretAccessKey, "")), *u.User.Arn
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused checks code and status of a refusal; a code of digits alone is that of
// a HEAD, which has no body.
func refused(t *testing.T, err error, status int, code string) {
	t.Helper()
	var api smithy.APIError
	var resp *smithyhttp.ResponseError
	if err == nil {
		t.Errorf("taken, want %d %s", status, code)
		return
	}
	got := 0
	if errors.As(err, &resp) {
		got = resp.HTTPStatusCode()
	}
	if !errors.As(err, &api) || api.ErrorCode() != code || got != status {
		t.Errorf("want %d %s, got %v", status, code, err)
	}
}

// get sends a request without credentials.
func (w *world) get(t *testing.T, method, path string, header http.Header) *http.Response {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), method, w.URL+path, nil)
	ok(t, err)
	for k, v := range header {
		r.Header[k] = v
	}
	resp, err := http.DefaultTransport.RoundTrip(r)
	ok(t, err)
	t.Cleanup(func() { resp.Body.Close() })
	return resp
}

func allow(principal, action string, resources ...string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":%s,"Action":%q,"Resource":["%s"]}]}`, principal, action, strings.Join(resources, `","`))
}

func TestS3(t *testing.T) {
	w := start(t, redoubttest.Options{Change: func(c *server.Config) { c.ListenTLS = "127.0.0.1:0" }})
	for name, f := range map[string]func(*world, *testing.T){
		"buckets":         (*world).buckets,
		"configuration":   (*world).configuration,
		"addressing":      (*world).addressing,
		"payers":          (*world).payers,
		"waiting":         (*world).waiting,
		"websites":        (*world).websites,
		"policies":        (*world).policies,
		"points":          (*world).points,
		"objects":         (*world).objects,
		"versions":        (*world).versions,
		"listings":        (*world).listings,
		"multipart":       (*world).multipart,
		"presigned":       (*world).presigned,
		"encryption":      (*world).encryption,
		"lifecycle":       (*world).lifecycle,
		"browsers":        (*world).browsers,
		"model":           (*world).model,
		"parts":           (*world).parts,
		"contention":      (*world).contention,
		"integrity":       (*world).integrity,
		"cut off":         (*world).cutOff,
		"names":           (*world).names,
		"lists of access": (*world).lists,
	} {
		t.Run(name, func(t *testing.T) { f(w, t) })
	}
}

func (w *world) buckets(t *testing.T) {
	ctx := t.Context()
	name := w.bucket(t)
	head, err := w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	ok(t, err)
	if *head.BucketRegion != region {
		t.Error("region", *head.BucketRegion)
	}
	// In us-east-1 the owner may make it again, elsewhere not.
	_, err = w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	ok(t, err)
	west := client(w.Admin.Config("eu-west-1"))
	at := &types.CreateBucketConfiguration{LocationConstraint: "eu-west-1"}
	_, err = west.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name, CreateBucketConfiguration: at})
	refused(t, err, 409, "BucketAlreadyOwnedByYou")
	_, err = client(w.other.Config(region)).CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &name})
	refused(t, err, 409, "BucketAlreadyExists")
	_, err = west.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("other-name")})
	refused(t, err, 400, "IllegalLocationConstraintException")
	_, err = w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("other-name"), CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "us-east-1"}})
	refused(t, err, 400, "InvalidLocationConstraint")
	for _, bad := range []string{"Upper", "a.b..c", "xn--abc", "a_b", "192.168.0.1", "end-", "some-s3alias"} {
		_, err = w.s3.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: &bad})
		refused(t, err, 400, "InvalidBucketName")
	}
	// A bucket elsewhere says where.
	_, err = west.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("bucket-west"), CreateBucketConfiguration: at})
	ok(t, err)
	_, err = w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("bucket-west")})
	refused(t, err, 301, "PermanentRedirect")
	var resp *smithyhttp.ResponseError
	if _, err = w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("bucket-west")}); !errors.As(err, &resp) || resp.Response.Header.Get("X-Amz-Bucket-Region") != "eu-west-1" {
		t.Error(err)
	}
	loc, err := w.s3.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: aws.String("bucket-west")})
	ok(t, err)
	if loc.LocationConstraint != "eu-west-1" {
		t.Error(loc.LocationConstraint)
	}
	_, err = w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name, ExpectedBucketOwner: &w.other.ID})
	refused(t, err, 403, "Forbidden")

	// Listing, in pages.
	seen := []string{}
	p := s3.NewListBucketsPaginator(w.s3, &s3.ListBucketsInput{MaxBuckets: aws.Int32(1), Prefix: aws.String("bucket-")})
	for p.HasMorePages() {
		page, err := p.NextPage(ctx)
		ok(t, err)
		for _, b := range page.Buckets {
			seen = append(seen, *b.Name+" "+*b.BucketRegion)
		}
	}
	if !strings.Contains(strings.Join(seen, ","), "bucket-west eu-west-1") || len(seen) < 2 {
		t.Error(seen)
	}
	_, err = w.s3.ListBuckets(ctx, &s3.ListBucketsInput{ContinuationToken: aws.String("bm9uc2Vuc2U")})
	refused(t, err, 400, "InvalidArgument")

	// Who may not, learns nothing.
	user, _ := w.user(t)
	_, err = user.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &name})
	refused(t, err, 403, "AccessDenied")
	_, err = user.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("there-is-none")})
	refused(t, err, 403, "AccessDenied")
	_, err = w.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: aws.String("there-is-none")})
	refused(t, err, 404, "NoSuchBucket")
	if r := w.get(t, "GET", "/there-is-none?policy", nil); r.StatusCode != 404 {
		t.Error("a bucket that is not there, without credentials:", r.Status)
	}
	if r := w.get(t, "GET", "/"+name+"?policy", nil); r.StatusCode != 403 {
		t.Error("without credentials:", r.Status)
	}
	_, err = w.s3.DeleteBucket(ctx, &s3.DeleteBucketInput{Bucket: &name})
	ok(t, err)
	_, err = w.s3.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &name})
	refused(t, err, 404, "NotFound")
}
