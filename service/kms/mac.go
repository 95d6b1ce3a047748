package kms

import (
	"context"
	"errors"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
)

// GenerateMac answers the HMAC of a message.
func (s *Service) GenerateMac(ctx context.Context, c *redoubt.Call, in *kmsapi.GenerateMacInput) (*kmsapi.GenerateMacOutput, error) {
	alg := value(in.MacAlgorithm)
	k, m, err := s.macKey(ctx, c, in.KeyId, alg)
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	if value(in.DryRun) {
		return nil, dryRun()
	}
	mac, err := material.MAC(alg, k.Spec, m, in.Message)
	if err != nil {
		return nil, engine(err, k, alg)
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationGenerateMac)
	return &kmsapi.GenerateMacOutput{KeyId: &k.ARN, Mac: mac, MacAlgorithm: &alg}, nil
}

// VerifyMac answers only for valid MACs; others are refused.
func (s *Service) VerifyMac(ctx context.Context, c *redoubt.Call, in *kmsapi.VerifyMacInput) (*kmsapi.VerifyMacOutput, error) {
	alg := value(in.MacAlgorithm)
	k, m, err := s.macKey(ctx, c, in.KeyId, alg)
	if err != nil {
		return nil, err
	}
	defer m.Wipe()
	switch err := material.VerifyMAC(alg, k.Spec, m, in.Message, in.Mac); {
	case errors.Is(err, material.ErrSignature):
		return nil, kmsapi.ErrKMSInvalidMacException.Bare()
	case err != nil:
		return nil, engine(err, k, alg)
	}
	if value(in.DryRun) {
		return nil, dryRun()
	}
	s.used(ctx, c, k, kmsapi.KeyLastUsageTrackingOperationVerifyMac)
	return &kmsapi.VerifyMacOutput{KeyId: &k.ARN, MacAlgorithm: &alg, MacValid: new(true)}, nil
}

func (s *Service) macKey(ctx context.Context, c *redoubt.Call, id *string, alg string) (*Key, material.Material, error) {
	k, err := s.usable(ctx, c, id, material.GenerateVerifyMAC, c.Operation)
	if err != nil {
		return nil, nil, err
	}
	if a := k.Spec.Algorithms(k.Usage).MAC; len(a) != 1 || a[0] != alg {
		return nil, nil, wrongAlgorithm(k, alg)
	}
	m, err := s.unseal(k, k.current())
	return k, m, err
}
