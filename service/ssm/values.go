package ssm

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"strconv"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/engine/keyring/message"
	"github.com/redoubt-sec/redoubt/op"
)

// defaultKey is the AWS managed key of SecureStrings for which no key is named.
const defaultKey = "alias/aws/ssm"

// An envelope is: version (1) ‖ length of the encrypted data key (2) ‖ encrypted
// data key ‖ message, which is under the data key and bound to the ARN.
const (
	envelopeVersion = 1
	envelopeLabel   = "redoubt ssm value"
)

// valuePurpose seals values that are no SecureStrings.
const valuePurpose = "ssm.value"

// sealContext binds a sealed value to its version; owner is account, region and
// id of the parameter's record, as the store writes them one after the other.
func sealContext(owner string, number int64) []byte {
	return strconv.AppendInt(append([]byte(owner), 0), number, 10)
}

func ownerOf(account, region string, at place) string {
	return account + "/" + region + "/" + at.id()
}

// conceal encrypts the value of a version that is being made.
func (s *Service) conceal(ctx context.Context, c *redoubt.Call, at place, v *Version, text string) (err error) {
	if v.Type != ssmapi.ParameterTypeSecureString {
		v.Value, err = s.ring.Seal(valuePurpose, sealContext(ownerOf(c.Account, c.Region, at), v.Number), []byte(text))
		return sealing(err)
	}
	arn := at.arn(c.Partition, c.Region, c.Account)
	bound := map[string]string{"PARAMETER_ARN": arn}
	if v.Tier == ssmapi.ParameterTierStandard {
		out, err := op.Invoke(ctx, s.invoker, op.Forward(c, "ssm"), kmsapi.OpEncrypt, &kmsapi.EncryptInput{KeyId: &v.KeyID, Plaintext: []byte(text), EncryptionContext: bound})
		if err != nil {
			return fromKMS(c, err)
		}
		v.Value = out.CiphertextBlob
		return nil
	}
	key, err := op.Invoke(ctx, s.invoker, op.Forward(c, "ssm"), kmsapi.OpGenerateDataKey,
		&kmsapi.GenerateDataKeyInput{KeyId: &v.KeyID, KeySpec: new(kmsapi.DataKeySpecAes256), EncryptionContext: bound})
	if err != nil {
		return fromKMS(c, err)
	}
	defer harden.Wipe(key.Plaintext)
	b := binary.BigEndian.AppendUint16([]byte{envelopeVersion}, uint16(len(key.CiphertextBlob)))
	b = append(b, key.CiphertextBlob...)
	v.Value = message.Append(b, key.Plaintext, envelopeLabel, []byte(arn), []byte(text))
	return nil
}

// reveal answers the value of a version of a parameter: of a SecureString the
// plaintext, or as base64 the ciphertext.
func (s *Service) reveal(ctx context.Context, c *redoubt.Call, account string, at place, v *Version, decrypt bool) (*string, error) {
	if v.Type != ssmapi.ParameterTypeSecureString {
		b, err := s.ring.Open(valuePurpose, sealContext(ownerOf(account, c.Region, at), v.Number), v.Value)
		if err != nil {
			return nil, sealing(err)
		}
		return new(string(b)), nil
	}
	if !decrypt {
		return new(base64.StdEncoding.EncodeToString(v.Value)), nil
	}
	arn := at.arn(c.Partition, c.Region, account)
	blob, sealed, err := v.ciphertext()
	if err != nil {
		return nil, err
	}
	out, err := op.Invoke(ctx, s.invoker, op.Forward(c, "ssm"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{CiphertextBlob: blob, EncryptionContext: map[string]string{"PARAMETER_ARN": arn}})
	if err != nil {
		return nil, fromKMS(c, err)
	}
	defer harden.Wipe(out.Plaintext)
	if sealed == nil {
		return new(string(out.Plaintext)), nil
	}
	b, err := message.Open(out.Plaintext, envelopeLabel, []byte(arn), sealed)
	if err != nil {
		return nil, internal(err)
	}
	defer harden.Wipe(b)
	return new(string(b)), nil
}

// ciphertext is what KMS decrypts, and of an envelope what is under it.
func (v *Version) ciphertext() (blob, sealed []byte, err error) {
	if v.Tier == ssmapi.ParameterTierStandard {
		return v.Value, nil, nil
	}
	const header = 3
	if len(v.Value) < header || v.Value[0] != envelopeVersion {
		return nil, nil, internal(message.ErrDamaged)
	}
	n := header + int(binary.BigEndian.Uint16(v.Value[1:]))
	if len(v.Value) < n {
		return nil, nil, internal(message.ErrDamaged)
	}
	return v.Value[header:n], v.Value[n:], nil
}

// renew seals a version's value anew when the root key is replaced.
func (s *Service) renew(owner string, v *Version) (changed bool, err error) {
	if v.Type == ssmapi.ParameterTypeSecureString {
		return false, nil // KMS's business
	}
	v.Value, changed, err = s.ring.Renew(valuePurpose, sealContext(owner, v.Number), v.Value)
	return changed, err
}
