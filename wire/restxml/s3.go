package restxml

import (
	"crypto/sha512"
	"encoding/base64"
	"maps"
	"net/http"
	"reflect"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/wire"
	"github.com/redoubt-sec/redoubt/wire/internal/rest"
	"github.com/redoubt-sec/redoubt/wire/internal/xmlio"
)

// isS3 reports whether a service is S3 itself: its errors have no
// ErrorResponse around them and its headers names of their own. S3 Control is
// an ordinary service.
func isS3(svc *schema.Service) bool { return svc.EndpointPrefix == "s3" }

// s3Roots are the root elements of S3's answers where the model does not give
// them: clients that are not made from the model look for these names. From the
// response syntax of the operations' pages in the Amazon S3 API Reference.
var s3Roots = map[string]string{
	"CompleteMultipartUpload":                    "CompleteMultipartUploadResult",
	"CreateMultipartUpload":                      "InitiateMultipartUploadResult",
	"CreateSession":                              "CreateSessionResult",
	"DeleteObjects":                              "DeleteResult",
	"GetBucketAccelerateConfiguration":           "AccelerateConfiguration",
	"GetBucketAcl":                               "AccessControlPolicy",
	"GetBucketCors":                              "CORSConfiguration",
	"GetBucketLifecycle":                         "LifecycleConfiguration",
	"GetBucketLifecycleConfiguration":            "LifecycleConfiguration",
	"GetBucketLocation":                          "LocationConstraint",
	"GetBucketLogging":                           "BucketLoggingStatus",
	"GetBucketNotification":                      "NotificationConfiguration",
	"GetBucketNotificationConfiguration":         "NotificationConfiguration",
	"GetBucketRequestPayment":                    "RequestPaymentConfiguration",
	"GetBucketTagging":                           "Tagging",
	"GetBucketVersioning":                        "VersioningConfiguration",
	"GetBucketWebsite":                           "WebsiteConfiguration",
	"GetObjectAcl":                               "AccessControlPolicy",
	"GetObjectAttributes":                        "GetObjectAttributesResponse",
	"GetObjectLegalHold":                         "LegalHold",
	"GetObjectRetention":                         "Retention",
	"GetObjectTagging":                           "Tagging",
	"ListBucketAnalyticsConfigurations":          "ListBucketAnalyticsConfigurationResult",
	"ListBucketIntelligentTieringConfigurations": "ListBucketIntelligentTieringConfigurationsOutput",
	"ListBucketInventoryConfigurations":          "ListInventoryConfigurationsResult",
	"ListBucketMetricsConfigurations":            "ListMetricsConfigurationsResult",
	"ListBuckets":                                "ListAllMyBucketsResult",
	"ListDirectoryBuckets":                       "ListAllMyDirectoryBucketsResult",
	"ListMultipartUploads":                       "ListMultipartUploadsResult",
	"ListObjectVersions":                         "ListVersionsResult",
	"ListObjects":                                "ListBucketResult",
	"ListObjectsV2":                              "ListBucketResult",
	"ListParts":                                  "ListPartsResult",
}

// noContent are operations of S3 and S3 Control that are answered with 204, of which
// the models say nothing.
var noContent = []string{"PutBucketPolicy", "PutBucketTagging", "DeletePublicAccessBlock", "DeleteAccessPoint"}

// rootName names the root element of an answer.
func rootName(svc *schema.Service, op *schema.Operation, sh *schema.Shape) string {
	if sh.LocationName != "" {
		return sh.LocationName
	}
	if isS3(svc) {
		if n, ok := s3Roots[op.Name]; ok {
			return n
		}
	}
	return sh.Name
}

// location writes GetBucketLocation's answer, whose only member is the root
// element's text; us-east-1 is written as nothing.
func location(x *xmlio.Sink, out reflect.Value) {
	region := ""
	if p, ok := out.Field(0).Interface().(*string); ok && p != nil && *p != "us-east-1" {
		region = *p
	}
	x.String(region)
}

// hostID stands for x-amz-id-2: opaque, and the same for the same request.
func hostID(requestID string) string {
	h := sha512.Sum384([]byte("x-amz-id-2 " + requestID))
	return base64.StdEncoding.EncodeToString(h[:])
}

// malformedXML is S3's refusal of any document that does not fit.
func malformedXML() *redoubt.Error {
	e := wire.ErrMalformedXML.New("The XML you provided was not well-formed or did not validate against our published schema")
	e.Status = 400
	return e
}

// noForm refuses what is posted to a bucket and no form.
func noForm() *redoubt.Error {
	return &redoubt.Error{
		Code:    "PreconditionFailed",
		Message: "At least one of the pre-conditions you specified did not hold",
		Status:  412,
		Fields:  map[string]any{"Condition": "Bucket POST must be of the enclosure-type multipart/form-data"},
	}
}

func methodNotAllowed(method string) *redoubt.Error {
	return &redoubt.Error{
		Code:    "MethodNotAllowed",
		Message: "The specified method is not allowed against this resource.",
		Status:  405,
		Fields:  map[string]any{"Method": method, "ResourceType": "OBJECT"},
	}
}

// invalidArgument is S3's refusal of a query or header value of the wrong type.
func invalidArgument(b *rest.Bad) *redoubt.Error {
	message := "Provided " + b.Name + " not an integer or within integer range"
	if strings.HasPrefix(strings.ToLower(b.Name), "x-amz-") || strings.Contains(b.Name, "-Since") {
		message = "The value of the header " + b.Name + " is not valid"
	}
	return &redoubt.Error{
		Code: "InvalidArgument", Message: message, Status: 400,
		Fields: map[string]any{"ArgumentName": b.Name, "ArgumentValue": b.Value},
	}
}

// s3Headers takes those fields of an error that are headers of the answer, whose
// names begin in lower case, out of what its body shows: S3 says with a header
// where a bucket is, or that a delete marker is in the way. One element of its
// bodies begins so, too.
func s3Headers(e *redoubt.Error, r *wire.Response) *redoubt.Error {
	var shown map[string]any
	for name, v := range e.Fields {
		if name == "" || name[0] < 'a' || name[0] > 'z' || name == "additionalMessage" {
			continue
		}
		if shown == nil {
			shown = maps.Clone(e.Fields)
		}
		delete(shown, name)
		if text, ok := v.(string); ok {
			r.Header[http.CanonicalHeaderKey(name)] = []string{rest.Clean(text)}
		}
	}
	if shown == nil {
		return e
	}
	bare := *e
	bare.Fields = shown
	return &bare
}
