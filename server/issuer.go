package server

import (
	"context"
	"errors"
	"strings"

	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
)

// issuerBase is the address under which token issuers publish their keys.
func (c *Config) issuerBase() string {
	if c.IssuerURL == "" {
		return ""
	}
	return strings.TrimRight(c.IssuerURL, "/") + "/_redoubt/issuer"
}

// issuerDocument answers what verifiers fetch of an account's issuer: its
// discovery document and its public keys (OpenID Connect Discovery 1.0,
// section 4; RFC 7517). nil: there is no such issuer, or it is disabled.
func (s *Server) issuerDocument(ctx context.Context, path string) (body []byte, err error) {
	id, document, _ := strings.Cut(path, "/.well-known/")
	err = s.db.Run(ctx, func(ctx context.Context) error {
		body = nil
		is, err := s.identity.IssuerByID(store.From(ctx), id)
		var missing *identity.NotFound
		if errors.As(err, &missing) || err == nil && !is.Enabled {
			return nil
		}
		if err != nil {
			return err
		}
		switch document {
		case "openid-configuration":
			body, err = s.identity.Discovery(is)
		case "jwks.json":
			body = is.Public
		}
		return err
	})
	return body, err
}
