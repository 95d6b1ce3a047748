// Package saml reads what SAML 2.0 identity providers publish and assert: their
// metadata, and responses that carry one signed assertion.
//
// # Life of a response
//
//  1. Verify bounds the document (size, depth, no DTD) before a tree is built.
//  2. The signature over the response or over its only assertion is checked with
//     a certificate from the provider's metadata, never with one that the message
//     brings along.
//  3. From there on only the bytes that were signed are read: they are parsed
//     anew, so that nothing wrapped around or beside them counts.
//  4. Status, conditions, subject confirmation, audience and age are held against
//     the clock given.
//
// An encrypted assertion is opened with the provider's private keys after the
// response's signature, or before its own, whichever there is.
//
// Non-goals: requests to providers, logout, artifacts, attribute queries.
//
// Sources: OASIS SAML 2.0 core, bindings and profiles; XML Encryption 1.1; IAM
// User Guide, "Configure SAML assertions for the authentication response".
package saml

import "errors"

// Limits of documents.
const (
	MaxMetadata  = 10_000_000 // bytes, as the IAM API has it
	MaxAssertion = 100_000    // characters of base64, as the STS API has it
	maxDepth     = 64
)

// Errors of this package; their causes are for logs.
var (
	ErrMalformed = errors.New("saml: document is malformed")
	ErrSignature = errors.New("saml: signature does not verify")
	ErrExpired   = errors.New("saml: assertion is too old")
	ErrRejected  = errors.New("saml: assertion is not for us, or not now")
)
