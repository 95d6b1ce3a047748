package rotate

import (
	"context"
	"fmt"
)

// connect signs in as AWS's templates do: through TLS first; plain if the secret
// says "ssl": false, or says nothing and TLS can't be had. The templates fall
// back after any failure; we do so only when TLS was the trouble, for sending
// credentials that were refused once more in the clear tells no more.
func (r *rotation) connect(ctx context.Context, l *login) (session, error) {
	l.note = r.warn
	if l.security.fallBack && r.plain[l.address()] {
		return r.open(ctx, l, false)
	}
	s, err := r.open(ctx, l, l.security.tls)
	if err == nil || !l.security.fallBack || causeOf(err) != insecure {
		return s, err
	}
	r.plain[l.address()] = true
	r.warn("Unable to establish SSL/TLS connection as user '%s' with host: '%s': %s. The secret has no \"ssl\" key: trying without SSL/TLS. Set \"ssl\" to true to forbid this.",
		l.user, l.host, err)
	plain, second := r.open(ctx, l, false)
	if second != nil {
		return nil, &refusal{cause: causeOf(second), err: second, text: fmt.Sprintf("with SSL/TLS: %s; without: %s", err, second)}
	}
	return plain, nil
}

func (r *rotation) open(ctx context.Context, l *login, secure bool) (session, error) {
	ctx, cancel := context.WithTimeout(ctx, connectTime)
	defer cancel()
	s, err := r.fn.driver.driver.open(ctx, l, secure)
	if err != nil {
		return nil, err
	}
	kind := "SSL/TLS"
	if !secure {
		kind = "non SSL/TLS"
	}
	r.info("Successfully established %s connection as user '%s' with host: '%s'", kind, l.user, l.host)
	return s, nil
}
