package rotate

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/redoubt-sec/redoubt/egress"
)

// attempt is something tried with a version's credentials that failed.
type attempt struct {
	as  *login
	err error
}

// blame makes the error of a step: what AWS's template says, what each attempt
// met, and what to do.
func (r *rotation) blame(what string, tried ...attempt) error {
	var b strings.Builder
	b.WriteString(what)
	var errs []error
	for i, a := range tried {
		b.WriteString(map[bool]string{true: ": ", false: "; "}[i == 0])
		fmt.Fprintf(&b, "%s as user %s at %s: %s", a.as.stage, a.as.user, a.as.place(), a.err)
		errs = append(errs, a.err)
	}
	b.WriteString(". ")
	b.WriteString(advice(tried))
	return &Error{Type: "ValueError", Message: b.String(), Err: errors.Join(errs...)}
}

// advice says what to do. The pending credentials are expected to fail, so the
// last attempt decides, but for servers that nobody reached.
func advice(tried []attempt) string {
	last := tried[len(tried)-1]
	switch {
	case errors.Is(last.err, egress.ErrRefused):
		return "This server may not connect to that address: allow it with --egress-allow, then rotate again."
	case causeOf(last.err) != insecure && errors.Is(last.err, context.DeadlineExceeded):
		return "The database did not answer in time: check host, port and load. The rotation is tried again."
	}
	switch causeOf(last.err) {
	case unreachable:
		return "Check that host and port are right and that the database is up. The rotation is tried again."
	case insecure:
		return "Give the database a certificate that names its host and comes from an authority that this server knows, or name the authority in \"sslrootcert\" of the secret; \"ssl\": false forgoes SSL/TLS. Then rotate again."
	case locked:
		return fmt.Sprintf("Unlock user %s in the database, then rotate again.", last.as.user)
	case credentials:
		return fmt.Sprintf("Set the password of user %s in the database to the one in its secret, or store the password that the database accepts with PutSecretValue. Then rotate again.", last.as.user)
	case denied:
		return "Grant the missing right in the database, then rotate again."
	}
	return "Correct what the database complains of, then rotate again."
}
