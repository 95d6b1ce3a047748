package s3

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
)

// maxRoutes is how many routing rules a website may have. Source: Amazon S3 User Guide,
// "Configuring an Amazon S3 bucket as a static website".
const maxRoutes = 50

// PutBucketWebsite makes the bucket a website, under a host name of its own: see
// site.go.
func (s *Service) PutBucketWebsite(ctx context.Context, c *redoubt.Call, in *api.PutBucketWebsiteInput) (*api.PutBucketWebsiteOutput, error) {
	w := in.WebsiteConfiguration
	if err := checkWebsite(w); err != nil {
		return nil, err
	}
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Website = w; return nil })
	return nil, err
}

// GetBucketWebsite answers the configuration.
func (s *Service) GetBucketWebsite(ctx context.Context, c *redoubt.Call, in *api.GetBucketWebsiteInput) (*api.GetBucketWebsiteOutput, error) {
	b, err := bucket(ctx, in.Bucket)
	if err != nil {
		return nil, err
	}
	w := b.Website
	if w == nil {
		return nil, noWebsite(b.Name)
	}
	return &api.GetBucketWebsiteOutput{RedirectAllRequestsTo: w.RedirectAllRequestsTo, IndexDocument: w.IndexDocument, ErrorDocument: w.ErrorDocument, RoutingRules: w.RoutingRules}, nil
}

func noWebsite(bucket string) error {
	return noSuchConfiguration("NoSuchWebsiteConfiguration", "The specified bucket does not have a website configuration", bucket)
}

// DeleteBucketWebsite makes the bucket a website no longer.
func (s *Service) DeleteBucketWebsite(ctx context.Context, c *redoubt.Call, in *api.DeleteBucketWebsiteInput) (*api.DeleteBucketWebsiteOutput, error) {
	_, err := edit(ctx, in.Bucket, func(b *Bucket) error { b.Website = nil; return nil })
	return nil, err
}

// checkWebsite refuses what could not be served.
func checkWebsite(w *api.WebsiteConfiguration) error {
	if all := w.RedirectAllRequestsTo; all != nil {
		switch {
		case w.IndexDocument != nil || w.ErrorDocument != nil || w.RoutingRules != nil:
			return invalidArgument("RedirectAllRequestsTo cannot be provided in conjunction with other Routing Rules.", "RedirectAllRequestsTo", "not null")
		case value(all.HostName) == "":
			return malformedXML()
		}
		return nil
	}
	if w.IndexDocument == nil {
		return invalidArgument("A value for IndexDocument Suffix must be provided if RedirectAllRequestsTo is empty", "IndexDocument", "null")
	}
	if suffix := value(w.IndexDocument.Suffix); suffix == "" || strings.Contains(suffix, "/") {
		return invalidArgument("The IndexDocument Suffix is not well formed", "IndexDocument", suffix)
	}
	if w.ErrorDocument != nil && value(w.ErrorDocument.Key) == "" || w.RoutingRules != nil && len(w.RoutingRules) == 0 {
		return malformedXML()
	}
	if len(w.RoutingRules) > maxRoutes {
		return invalidRequest("The number of routing rules must not exceed the allowed limit of " + itoa(maxRoutes) + " rules")
	}
	for i := range w.RoutingRules {
		if err := checkRoute(&w.RoutingRules[i]); err != nil {
			return err
		}
	}
	return nil
}

func checkRoute(r *api.RoutingRule) error {
	if on := r.Condition; on != nil {
		if on.HttpErrorCodeReturnedEquals == nil && on.KeyPrefixEquals == nil {
			return invalidRequest("Condition cannot be empty. To redirect all requests without a condition, the condition element shouldn't be present.")
		}
		if code := on.HttpErrorCodeReturnedEquals; code != nil && !statusOf(*code, "45") {
			return invalidRequest("The provided HTTP error code (" + *code + ") is not valid. Valid codes are 4XX or 5XX.")
		}
	}
	to := r.Redirect
	if to == nil || *to == (api.Redirect{}) {
		return malformedXML()
	}
	if to.ReplaceKeyPrefixWith != nil && to.ReplaceKeyWith != nil {
		return invalidRequest("You can only define ReplaceKeyPrefix or ReplaceKey but not both.")
	}
	if code := to.HttpRedirectCode; code != nil && (!statusOf(*code, "3") || *code == "300") {
		return invalidRequest("The provided HTTP redirect code (" + *code + ") is not valid. Valid codes are 3XX except 300.")
	}
	return nil
}

// statusOf reports whether code is an HTTP status of one of the classes.
func statusOf(code, classes string) bool {
	return len(code) == 3 && strings.Contains(classes, code[:1]) && strings.Trim(code, "0123456789") == ""
}
