package lambda

import (
	"context"
	"errors"
	"io"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/op"
)

// source is where a request says that a package comes from.
type source struct {
	zip                  []byte
	bucket, key, version *string
	image                *string
}

// fetch answers the package of a request: what it holds itself, or the object that
// it names, read as the caller.
func (s *Service) fetch(ctx context.Context, c *redoubt.Call, from source) ([]byte, error) {
	switch {
	case from.image != nil:
		return nil, invalid("Container images are not supported by this server. Use a .zip file archive.")
	case from.zip != nil && (from.bucket != nil || from.key != nil):
		return nil, invalid("Please do not provide other FunctionCode parameters when providing a ZipFile.")
	case from.zip != nil:
		if len(from.zip) > maxZip {
			return nil, tooLarge("Zipped size must be smaller than %d bytes", maxZip)
		}
		return from.zip, nil
	case from.bucket == nil && from.key == nil:
		return nil, invalid("Please provide a source for function code.")
	case from.bucket == nil || from.key == nil:
		return nil, invalid("Please provide both S3Bucket and S3Key.")
	}
	out, err := op.Invoke(ctx, s.Invoker, asCaller(c), s3api.OpGetObject, &s3api.GetObjectInput{Bucket: from.bucket, Key: from.key, VersionId: from.version})
	if err != nil {
		return nil, objectTrouble(err)
	}
	defer out.Body.Close()
	zip, err := io.ReadAll(io.LimitReader(out.Body, maxStored+1))
	if err != nil {
		return nil, err
	}
	if len(zip) > maxStored {
		return nil, invalid("Unzipped size must be smaller than %d bytes", maxUnpacked)
	}
	return zip, nil
}

func objectTrouble(err error) error {
	var e *redoubt.Error
	if !errors.As(err, &e) || e.Fault || e.Code == string(redoubt.ErrNotImplemented) {
		return err
	}
	if e.Code == "AccessDenied" || e.Code == string(redoubt.ErrAccessDenied) {
		return accessDenied("Your access has been denied by S3, please make sure your request credentials have permission to GetObject. S3 Error Code: " + e.Code + ". S3 Error Message: " + e.Message)
	}
	return invalid("Error occurred while GetObject. S3 Error Code: %s. S3 Error Message: %s", e.Code, e.Message)
}

// tooLarge refuses a request for its size. No model has this exception.
func tooLarge(format string, args ...any) *redoubt.Error {
	e := redoubt.ErrorKind("RequestEntityTooLargeException").New(format, args...)
	e.Status = 413
	return e
}

// accept judges a package and stores it.
func (s *Service) accept(ctx context.Context, r ref, zip []byte) (Code, error) {
	info, err := functions.Check(zip)
	var bad *functions.CodeError
	if errors.As(err, &bad) {
		return Code{}, invalid("%s", bad.Text)
	}
	if err != nil {
		return Code{}, err
	}
	return s.storeCode(ctx, r.account, r.region, zip, info.Unzipped)
}
