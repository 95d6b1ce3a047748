package sts

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strconv"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

const (
	tokenLasts = int32(300) // seconds, unless the request says otherwise
	// maxPayload bounds the claims of a token, in bytes.
	maxPayload = 8 << 10
)

// needsWebIdentityToken are the needs of GetWebIdentityToken.
func needsWebIdentityToken(_ context.Context, _ *redoubt.Call, in *stsapi.GetWebIdentityTokenInput) ([]redoubt.Need, error) {
	seconds := tokenLasts
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	n := redoubt.Need{Action: "sts:GetWebIdentityToken", Resource: "*", Conditions: map[string][]string{
		"sts:IdentityTokenAudience": in.Audience, "sts:SigningAlgorithm": {*in.SigningAlgorithm}, "sts:DurationSeconds": {strconv.Itoa(int(seconds))},
	}}
	tagConditions(n.Conditions, in.Tags)
	needs := []redoubt.Need{n}
	if len(in.Tags) > 0 {
		t := n
		t.Action = "sts:TagGetWebIdentityToken"
		needs = append(needs, t)
	}
	return needs, nil
}

// GetWebIdentityToken implements sts:GetWebIdentityToken: a token by which the
// caller shows others who it is.
func (s *Service) GetWebIdentityToken(ctx context.Context, c *redoubt.Call, in *stsapi.GetWebIdentityTokenInput) (*stsapi.GetWebIdentityTokenOutput, error) {
	tx := store.From(ctx)
	issuer, err := s.ids.Issuer(tx, c.Account)
	if missing(err) || err == nil && !issuer.Enabled {
		return nil, stsapi.ErrOutboundWebIdentityFederationDisabledException.New("Outbound web identity federation is not enabled for this account.")
	}
	if err != nil {
		return nil, err
	}
	// Others hold it against their own clocks: wall time.
	now := s.wall.Now().UTC().Truncate(time.Second)
	seconds := tokenLasts
	if in.DurationSeconds != nil {
		seconds = *in.DurationSeconds
	}
	d := time.Duration(seconds) * time.Second
	if sess := c.Principal.Session; sess != nil && s.clock.Now().Add(d).After(sess.Expires) {
		return nil, stsapi.ErrSessionDurationEscalationException.New("The requested token duration would extend the session beyond its original expiration time.")
	}
	claims, err := tokenClaims(c, in)
	if err != nil {
		return nil, err
	}
	claims["iss"], claims["iat"], claims["exp"] = s.ids.IssuerURL(issuer), now.Unix(), now.Add(d).Unix()
	if b, err := json.Marshal(claims); err != nil {
		return nil, err
	} else if len(b) > maxPayload {
		return nil, stsapi.ErrJWTPayloadSizeExceededException.New("The requested token payload size exceeds the maximum allowed size.")
	}
	text, err := s.ids.SignToken(issuer, *in.SigningAlgorithm, claims)
	return &stsapi.GetWebIdentityTokenOutput{WebIdentityToken: &text, Expiration: new(now.Add(d))}, err
}

// tokenClaims are the claims about the caller and its request.
func tokenClaims(c *redoubt.Call, in *stsapi.GetWebIdentityTokenInput) (map[string]any, error) {
	p := &c.Principal
	about := map[string]any{"aws_account": p.Account, "source_region": c.Region, "principal_id": p.ARN}
	if len(p.Tags) > 0 {
		about["principal_tags"] = p.Tags
	}
	tags, err := sessionTags(in.Tags)
	if err != nil {
		return nil, err
	}
	if len(tags) > 0 {
		about["request_tags"] = tags
	}
	subject := p.ARN
	if p.Kind == redoubt.Role {
		subject = p.Issuer
	}
	if p.Kind == redoubt.Root {
		subject = identity.RootARN(p.Account)
	}
	claims := map[string]any{"sub": subject, "jti": jti(), "https://sts.amazonaws.com/": about, "aud": in.Audience}
	if len(in.Audience) == 1 {
		claims["aud"] = in.Audience[0]
	}
	return claims, nil
}

// jti makes a token's unique id, a UUID (RFC 9562, version 4).
func jti() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
