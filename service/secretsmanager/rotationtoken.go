package secretsmanager

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"

	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
)

// rotationToken proves to a PutSecretValue, from whatever account and role, that it
// comes from the function that is rotating this version now.
func (s *Service) rotationToken(arn, version string) (string, error) {
	mac, err := s.ring.MAC("secretsmanager.rotation", []byte(arn+"\x00"+version))
	if err != nil {
		return "", err
	}
	h := hex.EncodeToString(mac[:16])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}

// checkRotationToken refuses a token that is not that of the rotation under way.
func (s *Service) checkRotationToken(sec *Secret, token *string) error {
	if token == nil {
		return nil
	}
	bad := api.ErrInvalidParameterException.New("The RotationToken is not valid for the secret's current rotation.")
	if sec.Rotation == nil || sec.Rotation.Active == nil {
		return bad
	}
	want, err := s.rotationToken(sec.ARN, sec.Rotation.Active.Token)
	if err != nil {
		return err
	}
	if !sameText(want, *token) {
		return bad
	}
	return nil
}

// newToken makes a random UUID (RFC 9562, version 4).
func newToken() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
