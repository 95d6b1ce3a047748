package s3

import (
	"errors"
	"fmt"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/blob"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

func noSuchKey(key string) *redoubt.Error {
	return refusal(404, string(api.ErrNoSuchKey), "The specified key does not exist.", "Key", key)
}

func noSuchVersion(key, version string) error {
	return refusal(404, "NoSuchVersion", "The specified version does not exist.", "Key", key, "VersionId", version)
}

func noSuchUpload(id string) error {
	return refusal(404, string(api.ErrNoSuchUpload), "The specified upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed.", "UploadId", id)
}

func keyTooLong(key string) error {
	return refusal(400, "KeyTooLongError", "Your key is too long", "Size", itoa(len(key)), "MaxSizeAllowed", itoa(objects.MaxKey))
}

// ofObjects words what the engine refuses. What it does not know is a failure of
// ours.
func ofObjects(err error, b *Bucket, key, version string) error {
	part, _ := errors.AsType[*objects.PartError](err)
	size, _ := errors.AsType[*objects.SizeError](err)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, objects.ErrNoBucket):
		return noSuchBucket(b.Name)
	case errors.Is(err, objects.ErrNotEmpty):
		message := "The bucket you tried to delete is not empty"
		if b.Versioning != "" {
			message += ". You must delete all versions in the bucket."
		}
		return refusal(409, "BucketNotEmpty", message, "BucketName", b.Name)
	case errors.Is(err, objects.ErrNoKey):
		return noSuchKey(key)
	case errors.Is(err, objects.ErrNoVersion):
		return noSuchVersion(key, version)
	case errors.Is(err, objects.ErrBadVersion):
		return invalidArgument("Invalid version id specified", "versionId", version)
	case errors.Is(err, objects.ErrBadKey):
		if len(key) > objects.MaxKey {
			return keyTooLong(key)
		}
		return noSuchKey(key)
	case errors.Is(err, objects.ErrExists):
		return preconditionFailed("If-None-Match")
	case errors.Is(err, objects.ErrNotMatched):
		return preconditionFailed("If-Match")
	case errors.Is(err, objects.ErrLocked):
		return redoubt.ErrAccessDenied.New("Access Denied because object protected by object lock.")
	case errors.Is(err, objects.ErrNoParts):
		return invalidRequest("You must specify at least one part")
	case errors.Is(err, objects.ErrPartOrder):
		return refusal(400, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number.")
	case errors.Is(err, objects.ErrInvalidPart) && part != nil:
		return refusal(400, "InvalidPart", "One or more of the specified parts could not be found.  The part may not have been uploaded, or the specified entity tag may not match the part's entity tag.",
			"PartNumber", itoa(part.Number), "ETag", part.ETag)
	case errors.Is(err, objects.ErrPartTooSmall) && part != nil:
		return refusal(400, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size",
			"PartNumber", itoa(part.Number), "ETag", part.ETag, "ProposedSize", itoa(int(part.Size)), "MinSizeAllowed", itoa(objects.MinPart))
	case errors.Is(err, objects.ErrTooLarge):
		return tooLarge()
	case size != nil:
		return invalidRequest(fmt.Sprintf("The provided 'x-amz-mp-object-size' header value %d does not match what was computed: %d", size.Said, size.Size))
	case errors.Is(err, objects.ErrChecksum):
		return refusal(400, "BadDigest", "The checksum you specified did not match the calculated checksum.")
	case errors.Is(err, objects.ErrKey):
		return accessDenied()
	case errors.Is(err, blob.ErrFull):
		return &redoubt.Error{Code: "InsufficientStorage", Message: "There is no room left to store the object.", Status: 507, Fault: true, Cause: err}
	case errors.Is(err, objects.ErrLost):
		return &redoubt.Error{Code: "SlowDown", Message: "Please reduce your request rate.", Status: 503, Fault: true, Cause: err}
	case errors.Is(err, objects.ErrDamaged):
		return &redoubt.Error{Code: "InternalError", Message: "The object's stored data is damaged.", Status: 500, Fault: true, Cause: err}
	}
	return err
}

func badPartNumber(n int) error {
	return invalidArgument("Part number must be an integer between 1 and 10000, inclusive", "partNumber", itoa(n))
}

func tooLarge() error {
	return refusal(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size", "MaxSizeAllowed", itoa(objects.MaxPart))
}
