package rotate

import (
	"context"
	"fmt"
)

// setClone is setSecret of alternating users: the master of masterarn makes the
// other user a full copy of the current one and sets the pending password. The
// current user's credentials are never touched.
func (r *rotation) setClone(ctx context.Context) error {
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
	other, err := r.engine().alternate(current.user)
	if err != nil {
		return err
	}
	if other != pending.user {
		return valueError("Attempting to modify user %s other than current user or clone %s", pending.user, current.user)
	}
	if current.place() != pending.place() {
		return valueError("Attempting to modify user for host %s other than current host %s", pending.place(), current.place())
	}
	// Who stores a secret with somebody else's user name must not get a copy of
	// that user: the current credentials prove themselves first.
	from, err := r.connect(ctx, current)
	if err != nil {
		return r.blame(fmt.Sprintf("Unable to log into database using current credentials for secret %s", r.id), attempt{current, err})
	}
	defer from.close()
	master, err := r.openMaster(ctx, current)
	if err != nil {
		return err
	}
	defer master.close()
	if err := master.clone(ctx, from, current.user, pending.user, pending.password); err != nil {
		return r.blame(fmt.Sprintf("Unable to set up user %s like user %s for secret arn %s", pending.user, current.user, r.id), attempt{current, err})
	}
	r.info("setSecret: Successfully set password for %s in %s DB for secret arn %s.", pending.user, r.engine().label, r.id)
	return nil
}

// openMaster signs in with the secret that the current value names.
func (r *rotation) openMaster(ctx context.Context, current *login) (session, error) {
	if current.master == "" {
		return nil, keyError("masterarn key is missing from secret JSON")
	}
	_, master, err := r.read(ctx, current.master, "", Current)
	if err != nil {
		return nil, err
	}
	if master.place() != current.place() {
		return nil, valueError("Current database host %s is not the same host as/rds replica of master %s", current.place(), master.place())
	}
	master.stage = "master secret"
	if r.engine().db != "" {
		master.db = current.db // where the user works; it may be the one it can see
	}
	s, err := r.connect(ctx, master)
	if err != nil {
		return nil, r.blame(fmt.Sprintf("Unable to log into database using credentials in master secret %s", current.master), attempt{master, err})
	}
	return s, nil
}
