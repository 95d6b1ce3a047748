package s3

import (
	"errors"
	"net/http"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/store"
)

// Refusals that several operations share, in AWS's words. Names of fields that
// begin in lower case are headers of the answer, the others elements of its body.
// Source: Amazon S3 API Reference, "Error responses".

// refusal makes an error with S3's status, and the elements that stand in pairs.
func refusal(status int, code, message string, pairs ...string) *redoubt.Error {
	e := &redoubt.Error{Code: code, Message: message, Status: status}
	for i := 0; i+1 < len(pairs); i += 2 {
		if e.Fields == nil {
			e.Fields = map[string]any{}
		}
		e.Fields[pairs[i]] = pairs[i+1]
	}
	return e
}

func noSuchBucket(name string) error {
	return refusal(404, string(api.ErrNoSuchBucket), "The specified bucket does not exist", "BucketName", name)
}

func noSuchConfiguration(code, message, bucket string) error {
	return refusal(404, code, message, "BucketName", bucket)
}

func malformedXML() error {
	return refusal(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
}

func invalidArgument(message, name, value string) error {
	return refusal(400, "InvalidArgument", message, "ArgumentName", name, "ArgumentValue", value)
}

func invalidRequest(message string) error { return refusal(400, "InvalidRequest", message) }

func accessDenied() error { return redoubt.ErrAccessDenied.New("Access Denied") }

func notImplemented(header string) *redoubt.Error {
	return refusal(501, "NotImplemented", "A header you provided implies functionality that is not implemented", "Header", header)
}

// elsewhere sends a caller to the bucket's own Region.
func elsewhere(b *Bucket) error {
	return refusal(http.StatusMovedPermanently, "PermanentRedirect", "The bucket you are attempting to access must be addressed using the specified endpoint. Please send all future requests to this endpoint.",
		"Endpoint", "s3."+b.Region+".amazonaws.com", "Bucket", b.Name, "x-amz-bucket-region", b.Region)
}

func absent(err error) bool { return errors.Is(err, store.ErrNotFound) }
