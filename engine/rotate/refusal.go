package rotate

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"strings"

	"github.com/redoubt-sec/redoubt/egress"
)

// connectRefusal words why no session came about, for errors that are not the
// server's own.
func connectRefusal(err error, l *login) error {
	var r *refusal
	if errors.As(err, &r) {
		return r
	}
	return &refusal{cause: unreachable, text: scrub(brief(err), l.password), err: keep(err)}
}

// keep answers the errors that advice asks for; the others may hold what a
// driver was configured with.
func keep(err error) error {
	for _, known := range []error{egress.ErrRefused, egress.ErrTooLarge, context.DeadlineExceeded, context.Canceled} {
		if errors.Is(err, known) {
			return known
		}
	}
	return nil
}

// tlsRefusal words why TLS could not be had.
func tlsRefusal(err error) error {
	return &refusal{cause: insecure, text: "SSL/TLS handshake failed: " + brief(err), err: keep(err)}
}

// webRefusal words why there was no answer to a request.
func webRefusal(err error, l *login) error {
	var cert *tls.CertificateVerificationError
	var alert tls.AlertError
	var record tls.RecordHeaderError
	if errors.As(err, &cert) || errors.As(err, &alert) || errors.As(err, &record) {
		return tlsRefusal(err)
	}
	return connectRefusal(err, l)
}

// brief words an error of the network without what drivers wrap around it.
func brief(err error) string {
	var address *url.Error // its text holds the address, queries included
	if errors.As(err, &address) {
		err = address.Err
	}
	var op *net.OpError
	var dns *net.DNSError
	switch {
	case errors.Is(err, egress.ErrRefused):
		for e := err; e != nil; e = errors.Unwrap(e) {
			if strings.HasPrefix(e.Error(), egress.ErrRefused.Error()) {
				return e.Error()
			}
		}
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded):
		return "no answer in time"
	case errors.As(err, &dns):
		return dns.Error()
	case errors.As(err, &op):
		return op.Error()
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the server closed the connection"
	}
	return err.Error()
}

// scrub takes passwords out of a text that others wrote.
func scrub(text string, passwords ...string) string {
	for _, p := range passwords {
		if p != "" {
			text = strings.ReplaceAll(text, p, "***")
		}
	}
	return text
}
