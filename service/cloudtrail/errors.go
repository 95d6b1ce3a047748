package cloudtrail

import (
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
)

// Refusals that several operations share, in AWS's words where they are known.

func badARN(arn string) error {
	return api.ErrCloudTrailARNInvalidException.New("Value %s is not a valid ARN.", arn)
}

func noSuchTrail(name, account string) error {
	return api.ErrTrailNotFoundException.New("Unknown trail: %s for the user: %s", name, account)
}

func notHome(t *Trail, region string) error {
	return api.ErrInvalidHomeRegionException.New("Trail %s can only be changed from its home region %s. You are in region %s.", t.ARN, t.Home, region)
}

func noSuchResource(arn string) error {
	return api.ErrResourceNotFoundException.New("Resource not found: %s", arn)
}

func noStores(what string) error {
	return api.ErrUnsupportedOperationException.New("%s are not supported.", what)
}

// absent reports that the thing asked for at another service does not exist, or
// that the service itself does not exist here yet.
func absent(err error, kinds ...redoubt.ErrorKind) bool {
	if errors.Is(err, redoubt.ErrNotImplemented) {
		return true
	}
	for _, k := range kinds {
		if errors.Is(err, k) {
			return true
		}
	}
	return false
}

// denied reports that the thing's own policy keeps CloudTrail out.
func denied(err error) bool {
	return errors.Is(err, redoubt.ErrAccessDenied) || errors.Is(err, redoubt.ErrorKind("AccessDenied"))
}

// sealedOff reports that nothing can be authenticated now, whatever the token.
func sealedOff(err error) bool { return errors.Is(err, keyring.ErrSealed) }
