package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/service/admin"
)

// ResetCredentials gives an account's administrator a new access key in place of
// all it had, making the user where it is gone, and writes the key to the data
// directory. It works on the directory of a server that is stopped: whoever can
// open the data and its seal needs no other proof.
func ResetCredentials(ctx context.Context, conf Config, account string, log *slog.Logger) (path string, err error) {
	s := &Server{conf: conf, log: log, failed: make(chan error, 1), stop: func() {}}
	s.clock = redoubt.Wall{}
	if s.dir, err = openData(conf.Data, conf.Dev, conf.Account); err != nil {
		return "", err
	}
	if s.dir.fresh {
		return "", errors.New("no server has run on this data directory")
	}
	if s.db, err = openStore(ctx, &conf, log, nil); err != nil {
		return "", fmt.Errorf("store: %w (is the server still running?)", err)
	}
	defer func() { err = errors.Join(err, s.shutdown()) }()
	if err = s.guard(ctx); err != nil {
		return "", err
	}
	if err = s.join(ctx); err != nil {
		return "", err
	}
	if account == "" {
		account = s.dir.state.Account
	}
	if err = s.openKeyring(ctx); err != nil {
		return "", err
	}
	if st := s.keyring.Status(); st.Sealed {
		return "", fmt.Errorf("sealed: %s", st.Reason)
	}
	s.identity = identity.New(identity.Config{DB: s.db, Keys: s.keyring, Clock: s.clock, OpenAccounts: conf.Dev})
	var made *admin.NewAccount
	if err = s.db.Run(ctx, func(ctx context.Context) error {
		made, err = admin.RenewAdministrator(ctx, s.identity, account)
		return err
	}); err != nil {
		return "", err
	}
	if account == s.dir.state.Account {
		return s.dir.path + "/credentials", s.writeCredentials(made)
	}
	name := "credentials-" + account
	return s.dir.path + "/" + name, s.dir.replace(name, credentials(made.AccessKeyID, made.Secret))
}
