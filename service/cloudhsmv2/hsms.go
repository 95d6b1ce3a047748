package cloudhsmv2

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/cloudhsmv2api"
	"github.com/redoubt-sec/redoubt/engine/hsm"
	"github.com/redoubt-sec/redoubt/store"
)

// CreateHsm adds an HSM to a cluster.
func (s *Service) CreateHsm(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.CreateHsmInput) (*cloudhsmv2api.CreateHsmOutput, error) {
	tx := store.From(ctx)
	h, err := s.hsm.AddHSM(tx, c.Account, c.Region, *in.ClusterId, *in.AvailabilityZone, value(in.IpAddress), c.RequestID)
	if err != nil {
		return nil, failure(err, *in.ClusterId)
	}
	v, err := s.find(ctx, c, in.ClusterId)
	if err != nil {
		return nil, err
	}
	return &cloudhsmv2api.CreateHsmOutput{Hsm: hsmShape(v, h)}, nil
}

// DeleteHsm removes an HSM, named by its id or address.
func (s *Service) DeleteHsm(ctx context.Context, c *redoubt.Call, in *cloudhsmv2api.DeleteHsmInput) (*cloudhsmv2api.DeleteHsmOutput, error) {
	if in.HsmId == nil && in.EniId == nil && in.EniIp == nil {
		return nil, invalid("You must specify HsmId, EniId or EniIp.")
	}
	id, err := s.hsm.RemoveHSM(store.From(ctx), c.Account, c.Region, *in.ClusterId, value(in.HsmId), value(in.EniIp))
	if err != nil {
		return nil, failure(err, *in.ClusterId)
	}
	return &cloudhsmv2api.DeleteHsmOutput{HsmId: &id}, nil
}

// hsmShape is an HSM as the API shows it.
func hsmShape(v *hsm.View, h *hsm.HSMView) *cloudhsmv2api.Hsm {
	out := &cloudhsmv2api.Hsm{
		AvailabilityZone: &h.Zone, ClusterId: &v.ID, HsmId: &h.ID, HsmType: &v.HSMType, State: &h.State, EniIp: message(h.IP),
	}
	if subnet, ok := v.Subnets[h.Zone]; ok {
		out.SubnetId = &subnet
	}
	return out
}
