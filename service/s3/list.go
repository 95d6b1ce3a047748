package s3

import (
	"context"
	"errors"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// maxPage is how many entries a page of a listing holds at most.
const maxPage = 1000

// paging checks what every listing is asked for.
func paging(most *int32, name string, encoding *string) (int, error) {
	if e := value(encoding); e != "" && e != "url" {
		return 0, invalidArgument("Invalid Encoding Method specified in Request", "encoding-type", e)
	}
	if most == nil {
		return maxPage, nil
	}
	if *most < 0 {
		return 0, invalidArgument("Argument "+name+" must be an integer between 0 and 2147483647", name, itoa(int(*most)))
	}
	return min(int(*most), maxPage), nil
}

// encoder writes names as encoding-type asks.
type encoder struct{ url bool }

func encoding(t *string) encoder { return encoder{value(t) == "url"} }

// name is a key or prefix in an answer. Without url, what XML cannot hold is the
// sink's to replace.
func (e encoder) name(s string) *string {
	if !e.url {
		return &s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		switch ch := s[i]; {
		case 'a' <= ch && ch <= 'z', 'A' <= ch && ch <= 'Z', '0' <= ch && ch <= '9', strings.IndexByte("-_.*/", ch) >= 0:
			b.WriteByte(ch)
		case ch == ' ':
			b.WriteByte('+')
		default:
			b.WriteByte('%')
			b.WriteByte(hex[ch>>4])
			b.WriteByte(hex[ch&15])
		}
	}
	return new(b.String())
}

func (e encoder) maybe(s *string) *string {
	if s == nil {
		return nil
	}
	return e.name(*s)
}

func (e encoder) prefixes(list []string) []api.CommonPrefix {
	var out []api.CommonPrefix
	for _, p := range list {
		out = append(out, api.CommonPrefix{Prefix: e.name(p)})
	}
	return out
}

func shownEntry(o *objects.Entry, name encoder, who *api.Owner) api.Object {
	e := api.Object{Key: name.name(o.Key), LastModified: &o.Modified, ETag: shownETag(o.ETag), Size: &o.Size, StorageClass: new(class(o.Class)), Owner: who}
	if o.Algorithm != "" {
		e.ChecksumAlgorithm, e.ChecksumType = []string{string(o.Algorithm)}, given(o.Type)
	}
	return e
}

func class(kept string) string {
	if kept == "" {
		return objects.Standard
	}
	return kept
}

// listed finds the bucket of a listing.
func (s *Service) listed(ctx context.Context, name *string) (b *Bucket, err error) {
	err = s.once(ctx, func(ctx context.Context) error { b, err = bucket(ctx, name); return err })
	return b, err
}

// ListObjectsV2 lists what a bucket holds, in the byte order of keys.
func (s *Service) ListObjectsV2(ctx context.Context, c *redoubt.Call, in *api.ListObjectsV2Input) (*api.ListObjectsV2Output, error) {
	most, err := paging(in.MaxKeys, "max-keys", in.EncodingType)
	if err != nil {
		return nil, err
	}
	b, err := s.listed(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if in.ContinuationToken != nil && *in.ContinuationToken == "" {
		return nil, badToken("continuation-token", "")
	}
	in.Delimiter = given(value(in.Delimiter))
	after, err := s.token("objects "+b.ID, value(in.ContinuationToken), "continuation-token")
	if err != nil {
		return nil, err
	}
	if in.ContinuationToken == nil {
		after = value(in.StartAfter)
	}
	page, err := s.Objects.List(ctx, objects.Query{Bucket: b.ID, Prefix: value(in.Prefix), Delimiter: value(in.Delimiter), After: after, Most: most})
	if err != nil {
		return nil, ofObjects(err, b, "", "")
	}
	name := encoding(in.EncodingType)
	c.Say("X-Amz-Bucket-Region", b.Region)
	out := &api.ListObjectsV2Output{
		IsTruncated: &page.More, Name: &b.Name, Prefix: name.name(value(in.Prefix)), Delimiter: name.maybe(in.Delimiter), MaxKeys: new(int32(most)),
		CommonPrefixes: name.prefixes(page.Prefixes), EncodingType: in.EncodingType, KeyCount: new(int32(len(page.Items) + len(page.Prefixes))),
		ContinuationToken: in.ContinuationToken, StartAfter: name.maybe(in.StartAfter), RequestCharged: charged(c, b),
	}
	var who *api.Owner
	if value(in.FetchOwner) {
		who = owner(b.Account)
	}
	for i := range page.Items {
		out.Contents = append(out.Contents, shownEntry(&page.Items[i], name, who))
	}
	if page.More {
		out.NextContinuationToken, err = s.newToken("objects "+b.ID, page.Next)
	}
	return out, err
}

// ListObjects is the older form of ListObjectsV2: pages go on behind a key.
func (s *Service) ListObjects(ctx context.Context, c *redoubt.Call, in *api.ListObjectsInput) (*api.ListObjectsOutput, error) {
	most, err := paging(in.MaxKeys, "max-keys", in.EncodingType)
	if err != nil {
		return nil, err
	}
	b, err := s.listed(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	in.Delimiter = given(value(in.Delimiter))
	page, err := s.Objects.List(ctx, objects.Query{Bucket: b.ID, Prefix: value(in.Prefix), Delimiter: value(in.Delimiter), After: value(in.Marker), Most: most})
	if err != nil {
		return nil, ofObjects(err, b, "", "")
	}
	name := encoding(in.EncodingType)
	c.Say("X-Amz-Bucket-Region", b.Region)
	out := &api.ListObjectsOutput{
		IsTruncated: &page.More, Marker: name.name(value(in.Marker)), Name: &b.Name, Prefix: name.name(value(in.Prefix)), Delimiter: name.maybe(in.Delimiter),
		MaxKeys: new(int32(most)), CommonPrefixes: name.prefixes(page.Prefixes), EncodingType: in.EncodingType, RequestCharged: charged(c, b),
	}
	who := owner(b.Account)
	for i := range page.Items {
		out.Contents = append(out.Contents, shownEntry(&page.Items[i], name, who))
	}
	if page.More && in.Delimiter != nil {
		out.NextMarker = name.name(page.Next)
	}
	return out, nil
}

// ListObjectVersions lists versions and delete markers, the newest of a key first.
func (s *Service) ListObjectVersions(ctx context.Context, c *redoubt.Call, in *api.ListObjectVersionsInput) (*api.ListObjectVersionsOutput, error) {
	most, err := paging(in.MaxKeys, "max-keys", in.EncodingType)
	if err != nil {
		return nil, err
	}
	if value(in.VersionIdMarker) != "" && in.KeyMarker == nil {
		return nil, invalidArgument("A version-id marker cannot be specified without a key marker.", "version-id-marker", *in.VersionIdMarker)
	}
	b, err := s.listed(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	page, err := s.Objects.ListVersions(ctx, objects.Query{
		Bucket: b.ID, Prefix: value(in.Prefix), Delimiter: value(in.Delimiter), After: value(in.KeyMarker), AfterID: value(in.VersionIdMarker), Most: most,
	})
	if errors.Is(err, objects.ErrBadVersion) {
		return nil, invalidArgument("Invalid version id specified", "version-id-marker", value(in.VersionIdMarker))
	}
	if err != nil {
		return nil, ofObjects(err, b, value(in.KeyMarker), value(in.VersionIdMarker))
	}
	name := encoding(in.EncodingType)
	out := &api.ListObjectVersionsOutput{
		IsTruncated: &page.More, KeyMarker: name.name(value(in.KeyMarker)), VersionIdMarker: new(value(in.VersionIdMarker)), Name: &b.Name,
		Prefix: name.name(value(in.Prefix)), Delimiter: name.maybe(in.Delimiter), MaxKeys: new(int32(most)), CommonPrefixes: name.prefixes(page.Prefixes),
		EncodingType: in.EncodingType, RequestCharged: charged(c, b),
	}
	who := owner(b.Account)
	for _, v := range page.Items {
		if v.Marker {
			out.DeleteMarkers = append(out.DeleteMarkers, api.DeleteMarkerEntry{Owner: who, Key: name.name(v.Key), VersionId: &v.ID, IsLatest: &v.Latest, LastModified: &v.Modified})
			continue
		}
		e := api.ObjectVersion{ETag: shownETag(v.ETag), Size: &v.Size, StorageClass: new(class(v.Class)), Key: name.name(v.Key), VersionId: &v.ID, IsLatest: &v.Latest, LastModified: &v.Modified, Owner: who}
		if v.Checksum.Algorithm != "" {
			e.ChecksumAlgorithm, e.ChecksumType = []string{string(v.Checksum.Algorithm)}, given(v.Checksum.Type)
		}
		out.Versions = append(out.Versions, e)
	}
	if page.More {
		out.NextKeyMarker, out.NextVersionIdMarker = name.name(page.Next), given(page.NextID)
	}
	return out, nil
}

// GetObjectAttributes answers what the request asks for of an object.
func (s *Service) GetObjectAttributes(ctx context.Context, c *redoubt.Call, in *api.GetObjectAttributesInput) (*api.GetObjectAttributesOutput, error) {
	if len(in.ObjectAttributes) == 0 {
		return nil, invalidRequest("Missing required header for this request: x-amz-object-attributes")
	}
	for _, a := range in.ObjectAttributes {
		if !slices.Contains([]string{"ETag", "Checksum", "ObjectParts", "StorageClass", "ObjectSize"}, a) {
			return nil, invalidArgument("Invalid attribute name specified.", "x-amz-object-attributes", a)
		}
	}
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	v, err := s.Objects.Head(ctx, b.ID, value(in.Key), value(in.VersionId))
	if err := s.missing(c, b, value(in.Key), in.VersionId, err); err != nil {
		return nil, err
	}
	customer := customerKey{in.SSECustomerAlgorithm, in.SSECustomerKey, in.SSECustomerKeyMD5}
	if customer.given() || v.Encryption.Kind == objects.SSEC {
		secrets, err := s.secrets(ctx, c, b, &v.Encryption, customer)
		if err != nil {
			return nil, err
		}
		wipe(secrets)
	}
	out := &api.GetObjectAttributesOutput{LastModified: &v.Modified, VersionId: b.versionID(v), RequestCharged: charged(c, b)}
	for _, a := range in.ObjectAttributes {
		switch a {
		case "ETag":
			out.ETag = &v.ETag // without quotes, here alone
		case "Checksum":
			if v.Checksum.Value != "" {
				out.Checksum = &api.Checksum{}
				sum := v.Checksum
				sum.Value, _, _ = strings.Cut(sum.Value, "-") // without the number of parts, here alone
				setChecksum(out.Checksum, sum)
			}
		case "StorageClass":
			out.StorageClass = new(class(v.Class))
		case "ObjectSize":
			out.ObjectSize = &v.Size
		case "ObjectParts":
			if v.Parts > 0 {
				if out.ObjectParts, err = s.objectParts(ctx, v, in); err != nil {
					return nil, err
				}
			}
		}
	}
	return out, nil
}

func (s *Service) objectParts(ctx context.Context, v *objects.Version, in *api.GetObjectAttributesInput) (*api.GetObjectAttributesParts, error) {
	most, err := paging(in.MaxParts, "max-parts", nil)
	if err != nil {
		return nil, err
	}
	list, more, err := s.Objects.Parts(ctx, v, int(value(in.PartNumberMarker)), most)
	if err != nil {
		return nil, err
	}
	out := &api.GetObjectAttributesParts{TotalPartsCount: new(int32(v.Parts))}
	if v.Checksum.Type != objects.Composite {
		return out, nil // parts are listed only where their checksums are part of the object's
	}
	out.PartNumberMarker, out.MaxParts, out.IsTruncated = new(value(in.PartNumberMarker)), new(int32(most)), &more
	for _, p := range list {
		e := api.ObjectPart{PartNumber: new(int32(p.Number)), Size: &p.Size}
		setChecksum(&e, p.Checksum)
		out.Parts = append(out.Parts, e)
	}
	out.NextPartNumberMarker = new(int32(0))
	if n := len(list); n > 0 {
		out.NextPartNumberMarker = new(int32(list[n-1].Number))
	}
	return out, nil
}
