package s3

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// maxMetadata is how many bytes of names and values a client's own metadata may
// have. Source: Amazon S3 User Guide, "User-defined object metadata".
const maxMetadata = 2 << 10

// classes are the storage classes; a record of what was asked for: everything is
// kept alike.
var classes = []string{"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING", "GLACIER_IR", "GLACIER", "DEEP_ARCHIVE"}

// archived are the classes whose objects are not read before they are restored.
var archived = []string{"GLACIER", "DEEP_ARCHIVE"}

// said is what a request says about a new object beside its data and encryption.
type said struct {
	acl                                 acl
	cacheControl, disposition, encoding *string
	language, contentType               *string
	expires                             *time.Time
	redirect, class, tagging            *string
	metadata                            map[string]string
	lockMode, legalHold                 *string
	lockUntil                           *time.Time
}

// Names of system metadata, as the engine keeps them.
const (
	metaCacheControl = "cache-control"
	metaDisposition  = "content-disposition"
	metaEncoding     = "content-encoding"
	metaLanguage     = "content-language"
	metaType         = "content-type"
	metaExpires      = "expires"
	metaRedirect     = "x-amz-website-redirect-location"
)

// attributes checks what a request says and answers it as it is kept.
func (r *said) attributes(ctx context.Context, c *redoubt.Call, b *Bucket) (a objects.Attributes, err error) {
	if a.Owner, a.Grants, err = objectACL(c, b, r.acl); err != nil {
		return a, err
	}
	if err := unblocked(ctx, c, b, a.Grants, b.arn()+"/*"); err != nil {
		return a, err
	}
	system := map[string]string{}
	for name, v := range map[string]*string{
		metaCacheControl: r.cacheControl, metaDisposition: r.disposition, metaEncoding: storedEncoding(r.encoding),
		metaLanguage: r.language, metaType: r.contentType, metaRedirect: r.redirect,
	} {
		if v != nil && *v != "" {
			system[name] = *v
		}
	}
	if r.expires != nil {
		system[metaExpires] = r.expires.UTC().Format(time.RFC3339)
	}
	if to := system[metaRedirect]; to != "" && !strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "http://") && !strings.HasPrefix(to, "https://") {
		return a, refusal(400, "InvalidRedirectLocation", "The website redirect location must have a prefix of 'http://' or 'https://' or '/'.")
	}
	if len(system) > 0 {
		a.System = system
	}
	size := 0
	for k, v := range r.metadata {
		size += len(k) + len(v)
	}
	if size > maxMetadata {
		return a, refusal(400, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size", "Size", itoa(size), "MaxSizeAllowed", itoa(maxMetadata))
	}
	a.User = decodedWords(r.metadata)
	if class := value(r.class); class != "" && class != objects.Standard {
		if !slices.Contains(classes, class) {
			return a, refusal(400, "InvalidStorageClass", "The storage class you specified is not valid", "StorageClassRequested", class)
		}
		a.Class = class
	}
	tags, err := tagHeader(r.tagging)
	if err != nil {
		return a, err
	}
	a.Tags = tags
	a.Lock, err = r.lock(c, b)
	return a, err
}

// storedEncoding is what of Content-Encoding describes the object: aws-chunked is
// about the transfer.
func storedEncoding(v *string) *string {
	if v == nil {
		return nil
	}
	var kept []string
	for part := range strings.SplitSeq(*v, ",") {
		if part = strings.TrimSpace(part); part != "" && !strings.EqualFold(part, "aws-chunked") {
			kept = append(kept, part)
		}
	}
	return given(strings.Join(kept, ","))
}

// tagHeader reads x-amz-tagging, a query string.
func tagHeader(v *string) (map[string]string, error) {
	if v == nil || *v == "" {
		return nil, nil
	}
	bad := invalidArgument("The header 'x-amz-tagging' shall be encoded as UTF-8 then URLEncoded URL query parameters without tag name duplicates.", "x-amz-tagging", *v)
	for pair := range strings.SplitSeq(*v, "&") {
		if strings.Count(pair, "=") > 1 {
			return nil, bad
		}
	}
	q, err := url.ParseQuery(*v)
	if err != nil {
		return nil, bad
	}
	var list []api.Tag
	for k, vs := range q {
		if len(vs) != 1 || !utf8.ValidString(k) || !utf8.ValidString(vs[0]) {
			return nil, bad
		}
		list = append(list, api.Tag{Key: &k, Value: &vs[0]})
	}
	tags, err := tagSet(list, objectTags)
	return tagMap(tags), err
}

// lock is the retention of a new object: its request's, or the bucket's default.
func (r *said) lock(c *redoubt.Call, b *Bucket) (objects.Lock, error) {
	l := objects.Lock{}
	asked := r.lockMode != nil || r.lockUntil != nil || r.legalHold != nil
	if asked && b.Lock == nil {
		return l, invalidRequest("Bucket is missing Object Lock Configuration")
	}
	if r.lockMode != nil && *r.lockMode != governance && *r.lockMode != compliance {
		return l, invalidArgument("Unknown wormMode directive.", "x-amz-object-lock-mode", *r.lockMode)
	}
	if (r.lockMode == nil) != (r.lockUntil == nil) {
		missing := "x-amz-object-lock-mode"
		if r.lockUntil == nil {
			missing = "x-amz-object-lock-retain-until-date"
		}
		return l, refusal(400, "InvalidArgument", "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied", "ArgumentName", missing)
	}
	if r.lockMode != nil {
		if !r.lockUntil.After(c.Time) {
			return l, invalidArgument("The retain until date must be in the future!", "x-amz-object-lock-retain-until-date", javaDate(*r.lockUntil))
		}
		l.Mode, l.Until = *r.lockMode, r.lockUntil.UTC()
	} else if b.Lock != nil && b.Lock.Mode != "" {
		l.Mode, l.Until = b.Lock.Mode, b.Lock.until(c.Time.UTC())
	}
	switch value(r.legalHold) {
	case "":
	case "OFF", "ON":
		l.Hold, l.Held = *r.legalHold == "ON", true
	default:
		return l, invalidArgument("Legal Hold must be either of 'ON' or 'OFF'", "x-amz-object-lock-legal-hold", *r.legalHold)
	}
	return l, nil
}

// mode is the bucket's versioning as the engine takes it.
func (b *Bucket) mode() objects.Versioning {
	switch b.Versioning {
	case enabled:
		return objects.Enabled
	case suspended:
		return objects.Suspended
	}
	return objects.Unversioned
}

// versionID is a version's id as answers show it: not at all in buckets that never
// were versioned.
func (b *Bucket) versionID(v *objects.Version) *string {
	if b.Versioning == "" {
		return nil
	}
	return &v.ID
}

// sourceID is the id of a copy's source: what was written without versioning has
// none.
func (b *Bucket) sourceID(v *objects.Version) *string {
	if v.ID == objects.NullID {
		return nil
	}
	return b.versionID(v)
}

// writtenID is a new version's id as its writer is told: of one that replaces the
// null version, nothing.
func (b *Bucket) writtenID(v *objects.Version) *string { return b.sourceID(v) }

// shownETag is an ETag as HTTP writes it.
func shownETag(v string) *string { return given(`"` + v + `"`) }

// shownKind is the header x-amz-server-side-encryption; SSE-C has none.
func shownKind(e *objects.Encryption) *string {
	if e.Kind == objects.SSEC {
		return nil
	}
	return new(string(e.Kind))
}
