// Package oidc verifies the tokens of OpenID Connect providers: JSON Web Tokens
// signed with keys that the provider publishes.
//
// # Life of a token
//
//  1. Parse takes it apart, bounded, and reads its claims without trusting them:
//     they say which provider to ask.
//  2. Keys answers that provider's keys, from memory or fetched through the guarded
//     client: the discovery document, then the key set that it names.
//  3. Verify checks the signature with the key of the token's kid. The key's type
//     decides which algorithms will do, so that a public RSA key never serves as
//     an HMAC secret; "none" and symmetric algorithms are not known at all.
//
// Whether issuer, audience and time fit is for the caller to say.
//
// Sources: RFC 7515, 7517, 7518, 7519; OpenID Connect Core and Discovery 1.0.
package oidc

import "errors"

// Errors of this package.
var (
	ErrMalformed     = errors.New("oidc: token is malformed")
	ErrSignature     = errors.New("oidc: signature does not verify")
	ErrUnknownKey    = errors.New("oidc: the provider has no such key")
	ErrCommunication = errors.New("oidc: the provider's keys cannot be fetched")
)
