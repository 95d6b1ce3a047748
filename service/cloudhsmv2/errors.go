package cloudhsmv2

import (
	"errors"

	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
)

// failure words the engine's errors, about the cluster id.
func failure(err error, id string) error {
	if refusal, ok := errors.AsType[hsm.Refusal](err); ok {
		return cloudhsmv2api.ErrCloudHsmInvalidRequestException.New("%s", string(refusal))
	}
	switch {
	case errors.Is(err, hsm.ErrNoCluster):
		return cloudhsmv2api.ErrCloudHsmResourceNotFoundException.New("Cluster %s not found.", id)
	case errors.Is(err, hsm.ErrNoHSM):
		return cloudhsmv2api.ErrCloudHsmResourceNotFoundException.New("The HSM was not found in cluster %s.", id)
	case errors.Is(err, hsm.ErrNoToken):
		return cloudhsmv2api.ErrCloudHsmServiceException.New("No cluster can be created: this server's configuration has no free PKCS #11 token for this account and region.")
	}
	return err
}
