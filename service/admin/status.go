package admin

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/engine/keyring"
)

// GetStatus tells how the server is.
func (s *Service) GetStatus(ctx context.Context, _ *redoubt.Call, _ *redoubtapi.GetStatusInput) (*redoubtapi.GetStatusOutput, error) {
	i := s.Installation
	out := &redoubtapi.GetStatusOutput{
		Version: &i.Version, Installation: &i.ID, Account: &i.Account, Store: &i.Store, Mode: &i.Mode,
		Started: &i.Started, Now: new(s.Clock.Now()), Revision: new(s.DB.Backend().Revision()),
		Seal: sealStatus(s.Keyring.Status()), Services: s.Services(),
	}
	rotation, err := s.Keyring.Rotation(ctx)
	if err != nil {
		return nil, err
	}
	if rotation != nil {
		text := fmt.Sprintf("root key %d is replacing %d: %d records sealed anew", rotation.To, rotation.From, rotation.Resealed)
		if len(rotation.Waiting) > 0 {
			text += ", waiting for " + strings.Join(rotation.Waiting, ", ")
		} else {
			text += "; the old one is destroyed at " + rotation.Destroy.UTC().Format(time.RFC3339) + ", when no token under it is valid any more"
		}
		out.Seal.Resealing = &text
	}
	problems := s.Problems()
	for _, part := range slices.Sorted(maps.Keys(problems)) {
		out.Problems = append(out.Problems, redoubtapi.Part{Name: &part, Problem: new(problems[part])})
	}
	return out, nil
}

func sealStatus(k keyring.Status) *redoubtapi.SealStatus {
	out := &redoubtapi.SealStatus{Kind: &k.Seal, Sealed: &k.Sealed, Generation: new(int64(k.Generation))}
	if k.Shares != nil {
		out.Progress, out.Threshold = new(int32(k.Shares.Have)), new(int32(k.Shares.Need))
	}
	return out
}
