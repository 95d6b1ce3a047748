package sts

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
)

// needsNothing is the needs of an operation without a resource.
func needsNothing[I any](_ context.Context, c *redoubt.Call, _ *I) ([]redoubt.Need, error) {
	return []redoubt.Need{{Action: "sts:" + c.Operation, Resource: "*"}}, nil
}

// GetCallerIdentity implements sts:GetCallerIdentity. It takes no right, and a
// deny does not keep anyone from it.
func (s *Service) GetCallerIdentity(_ context.Context, c *redoubt.Call, _ *stsapi.GetCallerIdentityInput) (*stsapi.GetCallerIdentityOutput, error) {
	p := &c.Principal
	return &stsapi.GetCallerIdentityOutput{UserId: &p.ID, Account: &p.Account, Arn: &p.ARN}, nil
}

// GetAccessKeyInfo implements sts:GetAccessKeyInfo: the account that is written
// in an access key id, whatever became of the key.
func (s *Service) GetAccessKeyInfo(_ context.Context, _ *redoubt.Call, in *stsapi.GetAccessKeyInfoInput) (*stsapi.GetAccessKeyInfoOutput, error) {
	id := *in.AccessKeyId
	account := ""
	if strings.HasPrefix(id, "AKIA") || strings.HasPrefix(id, "ASIA") {
		account = identity.AccountOf(id)
	}
	if account == "" {
		return nil, validation("Invalid access key ID: %s", id)
	}
	return &stsapi.GetAccessKeyInfoOutput{Account: &account}, nil
}

// DecodeAuthorizationMessage implements sts:DecodeAuthorizationMessage.
func (s *Service) DecodeAuthorizationMessage(_ context.Context, c *redoubt.Call, in *stsapi.DecodeAuthorizationMessageInput) (*stsapi.DecodeAuthorizationMessageOutput, error) {
	text, err := s.ids.DecodeRefusal(c.Account, *in.EncodedMessage)
	if errors.Is(err, identity.ErrMessage) {
		return nil, stsapi.ErrInvalidAuthorizationMessageException.New("Message is not valid.")
	}
	return &stsapi.DecodeAuthorizationMessageOutput{DecodedMessage: &text}, err
}
