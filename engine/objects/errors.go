package objects

import (
	"errors"
	"fmt"
)

// What the engine refuses.
var (
	ErrNoBucket   = errors.New("objects: no such bucket")            // never made, or dropped meanwhile
	ErrNotEmpty   = errors.New("objects: the bucket holds versions") // delete markers included
	ErrNoKey      = errors.New("objects: no such key")               // nothing there, or the latest is a delete marker
	ErrNoVersion  = errors.New("objects: no such version")
	ErrBadVersion = errors.New("objects: not a version id")
	ErrBadKey     = errors.New("objects: not an object key") // empty, beyond MaxKey bytes, no UTF-8

	// ErrExists: IfNoneMatch, and there is an object. ErrNotMatched: IfMatch, and
	// the object is another one. IfMatch without an object is ErrNoKey.
	ErrExists     = errors.New("objects: the key has an object")
	ErrNotMatched = errors.New("objects: the object is another one than expected")

	// ErrConflict: the key's object has changed since the upload began that its
	// condition is about.
	ErrConflict = errors.New("objects: the object has changed since the upload began")
	ErrLocked   = errors.New("objects: the version is locked") // retention or legal hold

	ErrNoUpload     = errors.New("objects: no such upload")
	ErrNoParts      = errors.New("objects: an upload is completed with at least one part")
	ErrPartOrder    = errors.New("objects: parts are not in ascending order")
	ErrInvalidPart  = errors.New("objects: no such part, or another one than expected")
	ErrPartTooSmall = errors.New("objects: a part other than the last is below 5 MiB")
	ErrPartNumber   = errors.New("objects: part numbers are 1 to 10,000")
	ErrTooLarge     = errors.New("objects: beyond the largest size")
	ErrSize         = errors.New("objects: the size is another one than expected")
	ErrChecksum     = errors.New("objects: the checksum is another one than expected")

	ErrRange = errors.New("objects: the range lies outside of the object")
	// ErrKey: the secrets are not those that the data was encrypted under, or none
	// were given where some are needed.
	ErrKey = errors.New("objects: another key than the data is under")
	// ErrDamaged: stored data is not what was written. Never ignored, never served.
	ErrDamaged = errors.New("objects: stored data is damaged")
	// ErrChanged: the version was removed since it was looked up: look again.
	ErrChanged = errors.New("objects: the version is no longer there")
	// ErrElsewhere: the records speak of blobs that are kept in another place than
	// this process was given.
	ErrElsewhere = errors.New("objects: the blobs of this store are kept elsewhere")
	// ErrLost: the writer was given up as dead, and its data may be gone. Nothing
	// was committed; the upload starts over.
	ErrLost = errors.New("objects: the upload was given up")
)

// MarkerError: what was asked for is a delete marker. It is ErrNoKey too.
type MarkerError struct{ Version *Version }

// Error implements error.
func (e *MarkerError) Error() string { return "objects: a delete marker" }

// Is makes it ErrNoKey.
func (e *MarkerError) Is(target error) bool { return target == ErrNoKey }

// PartError is ErrInvalidPart, ErrPartTooSmall or ErrPartOrder with its part.
type PartError struct {
	Err    error
	Number int
	ETag   string
	Size   int64
}

// Error implements error.
func (e *PartError) Error() string { return fmt.Sprintf("%v (part %d)", e.Err, e.Number) }

// Unwrap answers what is wrong with the part.
func (e *PartError) Unwrap() error { return e.Err }

// SizeError is ErrSize with the sizes.
type SizeError struct{ Said, Size int64 }

// Error implements error.
func (e *SizeError) Error() string { return fmt.Sprintf("%v: %d, not %d", ErrSize, e.Size, e.Said) }

// Is makes it ErrSize.
func (e *SizeError) Is(target error) bool { return target == ErrSize }
