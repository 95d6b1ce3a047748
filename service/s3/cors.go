package s3

import (
	"context"
	"net/url"
	"slices"
	"strconv"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/store"
)

// maxCORS is how many rules a bucket may have.
const maxCORS = 100

// PutBucketCors says which other sites' pages may use the bucket.
func (s *Service) PutBucketCors(ctx context.Context, c *redoubt.Call, in *api.PutBucketCorsInput) (*api.PutBucketCorsOutput, error) {
	rules := in.CORSConfiguration.CORSRules
	if len(rules) == 0 || len(rules) > maxCORS {
		return nil, malformedXML()
	}
	for _, r := range rules {
		if len(r.AllowedMethods) == 0 || len(r.AllowedOrigins) == 0 || len(value(r.ID)) > 255 {
			return nil, malformedXML()
		}
		for _, m := range r.AllowedMethods {
			if !slices.Contains([]string{"GET", "PUT", "POST", "DELETE", "HEAD"}, m) {
				return nil, invalidRequest("Found unsupported HTTP method in CORS config. Unsupported method is " + m)
			}
		}
		for _, o := range r.AllowedOrigins {
			if strings.Count(o, "*") > 1 {
				return nil, invalidRequest(`AllowedOrigin "` + o + `" can not have more than one wildcard.`)
			}
		}
		for _, h := range r.AllowedHeaders {
			if strings.Count(h, "*") > 1 {
				return nil, invalidRequest(`AllowedHeader "` + h + `" can not have more than one wildcard.`)
			}
		}
		for _, h := range r.ExposeHeaders {
			if strings.Contains(h, "*") {
				return nil, invalidRequest(`ExposeHeader "` + h + `" contains wildcard. We currently do not support wildcard for ExposeHeader.`)
			}
		}
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.CORS = rules; return nil })
	return nil, err
}

// GetBucketCors answers the rules.
func (s *Service) GetBucketCors(ctx context.Context, c *redoubt.Call, in *api.GetBucketCorsInput) (*api.GetBucketCorsOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	if len(b.CORS) == 0 {
		return nil, noSuchConfiguration("NoSuchCORSConfiguration", "The CORS configuration does not exist", b.Name)
	}
	return &api.GetBucketCorsOutput{CORSRules: b.CORS}, nil
}

// DeleteBucketCors removes the rules.
func (s *Service) DeleteBucketCors(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketCorsInput) (*api.DeleteBucketCorsOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.CORS = nil; return nil })
	return nil, err
}

// Share implements op.Sharer: what the bucket's rules say of a request that a page of
// another site sends. Source: Amazon S3 User Guide, "Elements of a CORS
// configuration", "How does Amazon S3 evaluate the CORS configuration on a bucket?"
func (s *Service) Share(ctx context.Context, r op.Sharing) (map[string]string, error) {
	name, key, _ := strings.Cut(strings.TrimPrefix(r.Path, "/"), "/")
	name, err := url.PathUnescape(name)
	if err != nil {
		return nil, noSharing("CORSResponse: Bucket not found", r, "")
	}
	var b *Bucket
	err = s.once(ctx, func(ctx context.Context) error {
		if p, err := addressed(store.From(ctx), name); err != nil {
			return err
		} else if p != nil {
			name = p.Bucket
		}
		b, err = find(store.From(ctx), name)
		return err
	})
	switch {
	case absent(err):
		return nil, noSharing("CORSResponse: Bucket not found", r, "")
	case err != nil:
		return nil, err
	case len(b.CORS) == 0:
		return nil, noSharing("CORSResponse: CORS is not enabled for this bucket.", r, "")
	case r.Method == "":
		return nil, refusal(400, "BadRequest", "Invalid Access-Control-Request-Method: null")
	}
	for i := range b.CORS {
		if header := admit(&b.CORS[i], r); header != nil {
			return header, nil
		}
	}
	return nil, noSharing("CORSResponse: This CORS request is not allowed. This is usually because the evalution of Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers are not whitelisted by the resource's CORS spec.", r, key)
}

func noSharing(message string, r op.Sharing, key string) error {
	method, kind := r.Method, "BUCKET"
	if method == "" {
		method = "OPTIONS"
	}
	if key != "" {
		kind = "OBJECT"
	}
	return refusal(403, "AccessForbidden", message, "Method", method, "ResourceType", kind)
}

// admit answers the headers by which a rule admits a request, or nil.
func admit(rule *api.CORSRule, r op.Sharing) map[string]string {
	i := slices.IndexFunc(rule.AllowedOrigins, func(o string) bool { return fits(o, r.Origin) })
	if i < 0 || !slices.Contains(rule.AllowedMethods, r.Method) {
		return nil
	}
	for _, h := range r.Headers {
		if !slices.ContainsFunc(rule.AllowedHeaders, func(a string) bool { return fits(strings.ToLower(a), strings.ToLower(h)) }) {
			return nil
		}
	}
	header := map[string]string{
		"Access-Control-Allow-Origin":  r.Origin,
		"Access-Control-Allow-Methods": strings.Join(rule.AllowedMethods, ", "),
		"Vary":                         "Origin, Access-Control-Request-Headers, Access-Control-Request-Method",
	}
	if rule.AllowedOrigins[i] == "*" {
		header["Access-Control-Allow-Origin"] = "*"
	} else {
		header["Access-Control-Allow-Credentials"] = "true"
	}
	if len(r.Headers) > 0 {
		header["Access-Control-Allow-Headers"] = strings.ToLower(strings.Join(r.Headers, ", "))
	}
	if len(rule.ExposeHeaders) > 0 {
		header["Access-Control-Expose-Headers"] = strings.Join(rule.ExposeHeaders, ", ")
	}
	if rule.MaxAgeSeconds != nil {
		header["Access-Control-Max-Age"] = strconv.Itoa(int(*rule.MaxAgeSeconds))
	}
	return header
}

// fits matches a text with a pattern of at most one star.
func fits(pattern, text string) bool {
	before, after, star := strings.Cut(pattern, "*")
	if !star {
		return pattern == text
	}
	return len(text) >= len(before)+len(after) && strings.HasPrefix(text, before) && strings.HasSuffix(text, after)
}
