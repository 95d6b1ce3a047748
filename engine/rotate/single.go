package rotate

import (
	"context"
	"errors"
	"fmt"
)

// setOwn is setSecret of a single user: sign in with the pending credentials
// (then an earlier run set them), else with the current, else with the previous
// ones, and set the pending password.
func (r *rotation) setOwn(ctx context.Context) error {
	previous, err := r.previous(ctx)
	if err != nil {
		return err
	}
	_, current, err := r.read(ctx, r.id, "", Current)
	if err != nil {
		return err
	}
	_, pending, err := r.read(ctx, r.id, r.token, Pending)
	if err != nil {
		return err
	}
	s, err := r.connect(ctx, pending)
	if err == nil {
		s.close()
		r.info("setSecret: AWSPENDING secret is already set as password in %s DB for secret arn %s.", r.engine().label, r.id)
		return nil
	}
	tried := []attempt{{pending, err}}
	if err := sameUser(current, pending, "current"); err != nil {
		return err
	}
	if s, err = r.connect(ctx, current); err != nil {
		tried = append(tried, attempt{current, err})
		if previous != nil {
			// Judged before it is used: its host could be anybody's.
			if err := sameUser(previous, pending, "previous valid"); err != nil {
				return err
			}
			previous.security = current.security
			if s, err = r.connect(ctx, previous); err != nil {
				tried = append(tried, attempt{previous, err})
			}
		}
	}
	if err != nil {
		return r.blame(fmt.Sprintf("Unable to log into database with previous, current, or pending secret of secret arn %s", r.id), tried...)
	}
	defer func() { s.close() }()
	if current.master != "" && r.engine().byMaster {
		master, err := r.openMaster(ctx, current)
		if err != nil {
			return err
		}
		s.close()
		s = master
	}
	if err := s.setPassword(ctx, pending.user, pending.password, current.password); err != nil {
		return r.blame(fmt.Sprintf("Unable to set the password of user %s for secret arn %s", pending.user, r.id), attempt{current, err})
	}
	r.info("setSecret: Successfully set password for user %s in %s DB for secret arn %s.", pending.user, r.engine().label, r.id)
	return nil
}

// previous reads AWSPREVIOUS; there may be none, or one that was never made for
// rotation.
func (r *rotation) previous(ctx context.Context) (*login, error) {
	_, l, err := r.read(ctx, r.id, "", Previous)
	var e *Error
	if errors.Is(err, ErrNotFound) || errors.As(err, &e) && e.Type == "KeyError" {
		return nil, nil
	}
	return l, err
}

// sameUser refuses to set a password where another user or host is named than
// the one whose credentials are known to be good.
func sameUser(known, pending *login, which string) error {
	if known.user != pending.user {
		return valueError("Attempting to modify user %s other than %s user %s", pending.user, which, known.user)
	}
	if known.place() != pending.place() {
		return valueError("Attempting to modify user for host %s other than %s host %s", pending.place(), which, known.place())
	}
	return nil
}

// place is what must be equal for two logins to be of one database: the host,
// or the whole address where an address is given.
func (l *login) place() string {
	if l.url != nil {
		return l.url.String()
	}
	return l.host
}
