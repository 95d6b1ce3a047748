package admin

import (
	"context"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
)

// RotateSeal puts the root key under a new seal, and with RotateRoot a new root
// key under everything.
func (s *Service) RotateSeal(ctx context.Context, _ *redoubt.Call, in *redoubtapi.RotateSealInput) (*redoubtapi.RotateSealOutput, error) {
	seal, shares, err := s.NewSeal(ctx, in)
	if err != nil {
		return nil, redoubtapi.ErrSealException.New("%s", err)
	}
	if err := s.Keyring.RotateSeal(ctx, seal, deref(in.RotateRoot)); err != nil {
		return nil, redoubtapi.ErrSealException.New("%s", err)
	}
	out := &redoubtapi.RotateSealOutput{Seal: sealStatus(s.Keyring.Status())}
	if shares != nil {
		out.Shares = shares()
		out.Seal.Shares, out.Seal.Threshold = new(int32(len(out.Shares))), in.Threshold
	}
	return out, nil
}

// CreateBackup streams an encrypted backup.
func (s *Service) CreateBackup(ctx context.Context, _ *redoubt.Call, in *redoubtapi.CreateBackupInput) (*redoubtapi.CreateBackupOutput, error) {
	data, revision, err := s.Backup(ctx, *in.Recipient)
	if err != nil {
		return nil, redoubtapi.ErrInvalidRecipientException.New("%s", err)
	}
	return &redoubtapi.CreateBackupOutput{Data: data, Revision: &revision}, nil
}
