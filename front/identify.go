package front

import (
	"context"
	"errors"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/trail"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/sigv4"
	"github.com/redoubt-sec/redoubt/store"
)

// anonymous are the services that take unsigned requests, for resources whose
// policy admits everyone.
var anonymous = map[string]bool{"s3": true, "sns": true, "sqs": true}

// identify finds out who calls, and makes the Call.
func (d *Door) identify(_ context.Context, e *exchange) error {
	e.region = d.region(e)
	c := &redoubt.Call{
		Service:   e.svc.Name,
		Region:    e.region,
		RequestID: e.requestID,
		EventID:   trail.NewID(),
		Time:      d.Clock.Now(),
		Source: redoubt.Source{
			IP: d.clientIP(e.http), UserAgent: e.http.UserAgent(), Host: e.http.Host,
			Referer: e.http.Referer(), TLS: e.http.TLS != nil,
		},
	}
	if e.op != nil {
		c.Operation = e.op.Name
	}
	if t := e.http.TLS; t != nil {
		c.Source.TLSVersion, c.Source.TLSCipher = tlsNames(t)
	}
	c.Partition = redoubt.Partition(c.Region)
	e.call = c

	if e.public() {
		return nil // Principal's zero value is Anonymous
	}
	style := sigv4.StyleOf(e.svc.Name, string(e.protocol))
	sig, err := e.signature()
	if errors.Is(err, sigv4.NoSignature) {
		if e.row != nil && e.row.Access == op.NoAuth || anonymous[e.svc.Name] || e.site != nil {
			return nil
		}
		return refused(err, style)
	}
	if err != nil {
		return refused(err, style)
	}
	if e.row != nil && e.row.Access == op.NoAuth {
		// What such a request carries proves itself; a stray signature does not matter.
		return nil
	}
	if err := sig.Check(sigv4.Expect{
		Service: e.svc.SigningName, Region: d.signingRegion(e), S3: e.isS3(),
		UnsignedPayload: e.op != nil && e.op.UnsignedPayload,
		Now:             now(), Window: sigv4.Window(e.svc.SigningName),
	}); err != nil {
		return refused(err, style)
	}
	e.sig = sig
	// The first attempt to execute the call goes on with this transaction.
	e.tx = d.DB.Begin()
	cred, err := d.Identity.Credential(e.tx, sig.AccessKeyID, sig.SessionToken)
	if d.dev && errors.Is(err, identity.ErrUnknownKey) {
		d.devRoot(c, sig.AccessKeyID)
		e.devRoot = true
		return nil
	}
	if err != nil {
		return d.credentialError(err, sig, style)
	}
	if err := d.keys.Verify(sig, sigv4.Credential{
		AccessKeyID: sig.AccessKeyID,
		// Secrets of an access key id never change, so one revision is enough.
		Secret: func() (string, error) { return string(cred.Secret), nil },
	}); err != nil {
		return refused(err, style)
	}
	if e.form != nil {
		if err := e.form.Check(e.form.bucket, e.form.key, now()); err != nil {
			return err
		}
	}
	c.Principal = cred.Principal
	c.Account = cred.Principal.Account
	c.Signature = redoubt.Signature{Type: "REST-HEADER", Version: sigv4.Algorithm, Age: max(0, now().Sub(sig.Time)), Payload: sig.PayloadHash()}
	switch {
	case e.form != nil:
		c.Signature.Type = "POST"
	case sig.Presigned:
		c.Signature.Type = "REST-QUERY-STRING"
	}
	return nil
}

// public reports whether a site is visited that takes requests of nobody in
// particular, without a body.
func (e *exchange) public() bool { return e.site != nil && e.site.Public }

// signed is what a signature covers.
func (e *exchange) signed() *sigv4.Request {
	return &sigv4.Request{
		Method: e.wire.Method, Target: e.wire.Target, Host: e.wire.Host, Header: e.wire.Header, BodySHA256: e.bodyHash,
	}
}

// isS3 reports whether the request is signed as S3's are: bodies are proven while
// they are read.
func (e *exchange) isS3() bool { return e.svc.SigningName == "s3" }

// confirm looks the caller's credential up again in the transaction of a further
// attempt, so that a call cannot commit on a credential that was revoked
// meanwhile. The signature held; only who it belongs to may have changed.
func (d *Door) confirm(tx *store.Tx, e *exchange) error {
	if e.devRoot {
		return nil
	}
	cred, err := d.Identity.Credential(tx, e.sig.AccessKeyID, e.sig.SessionToken)
	if err != nil {
		return d.credentialError(err, e.sig, sigv4.StyleOf(e.svc.Name, string(e.protocol)))
	}
	e.call.Principal = cred.Principal
	return nil
}

// devRoot makes the caller root of the account that a dev key id names.
func (d *Door) devRoot(c *redoubt.Call, keyID string) {
	account := d.Account
	if len(keyID) == 12 && strings.Trim(keyID, "0123456789") == "" {
		account = keyID
	}
	c.Account = account
	c.Principal = redoubt.Principal{
		Kind: redoubt.Root, Account: account, ARN: identity.RootARN(account), ID: account, AccessKeyID: keyID,
	}
}

// credentialError words what identity found wrong with a credential.
func (d *Door) credentialError(err error, sig *sigv4.Signature, style sigv4.Style) error {
	kind := sigv4.UnknownKey
	switch {
	case errors.Is(err, identity.ErrUnknownKey), errors.Is(err, identity.ErrInactiveKey):
	case errors.Is(err, identity.ErrTokenInvalid):
		kind = sigv4.BadToken
	case errors.Is(err, identity.ErrTokenExpired):
		kind = sigv4.ExpiredToken
	default:
		return err
	}
	return sigv4.Fail(kind, sig).Refusal(style)
}

func refused(err error, style sigv4.Style) error {
	var f *sigv4.Failure
	if errors.As(err, &f) {
		return f.Refusal(style)
	}
	return err
}

// region is the region that a request addresses: the host name says it, else
// the signature's scope, else the configuration.
func (d *Door) region(e *exchange) string {
	for _, r := range []string{e.host, e.scope} {
		if validRegion(r) {
			return r
		}
	}
	return d.Region
}

// signingRegion is the region that the scope must name: the routed one. On an
// endpoint that serves every region, a global service may be signed for any of
// them: clients that are given an endpoint sign for their own region.
func (d *Door) signingRegion(e *exchange) string {
	if e.svc.Global && e.host == "" && validRegion(e.scope) {
		return e.scope
	}
	return e.region
}

// validRegion reports whether s looks like an AWS region: "eu-west-1",
// "us-gov-east-1". Regions become parts of names and keys, so nothing else may.
func validRegion(s string) bool {
	if len(s) < 8 || len(s) > 32 || s[2] != '-' {
		return false
	}
	parts, rest, more := 0, s, true
	for ; more; parts++ {
		var p string
		if p, rest, more = strings.Cut(rest, "-"); p == "" {
			return false
		}
		for i := range len(p) {
			if c := p[i]; !more && (c < '0' || c > '9') || more && (c < 'a' || c > 'z') {
				return false
			}
		}
	}
	return parts >= 3
}
