package server

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/redoubt-sec/redoubt/service/admin"
	"github.com/redoubt-sec/redoubt/store"
)

// firstAccount makes the account that administers the installation, with its
// administrator, at the first start. The access key is written to the
// credentials file and shown nowhere else. The account's existence decides, not
// the file's: deleting the file never mints new credentials (redoubt admin
// reset-credentials does, offline).
func (s *Server) firstAccount(ctx context.Context) error {
	id := s.dir.state.Account
	var made *admin.NewAccount
	err := s.db.Run(ctx, func(ctx context.Context) error {
		made = nil
		for a, err := range s.identity.Accounts(store.From(ctx)) {
			if err != nil {
				return err
			}
			if a.ID == id {
				return nil
			}
		}
		var err error
		made, err = admin.MakeAccount(ctx, s.identity, id, "")
		if err != nil {
			return err
		}
		// Written before the commit: an account whose credentials nobody has would
		// lock its owner out. A file without the account is overwritten next time.
		return s.writeCredentials(made)
	})
	if err != nil {
		return fmt.Errorf("first account: %w", err)
	}
	if made != nil {
		s.admin = made
		s.log.Info("made the first account", "account", id, "user", made.UserName, "credentials", s.dir.path+"/credentials")
	} else if _, err := s.dir.read("credentials"); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func (s *Server) writeCredentials(a *admin.NewAccount) error {
	text := credentials(a.AccessKeyID, a.Secret)
	if err := s.dir.create("credentials", text); !errors.Is(err, fs.ErrExist) {
		return err
	}
	if _, err := s.dir.read("credentials"); err != nil {
		return err // a link, or open to others
	}
	return s.dir.replace("credentials", text)
}

// CreateAccount makes an account with an administrator; an empty id is drawn.
func (s *Server) CreateAccount(ctx context.Context, id, name string) (*admin.NewAccount, error) {
	var made *admin.NewAccount
	err := s.db.Run(ctx, func(ctx context.Context) error {
		var err error
		if len(name) > 64 {
			name = name[:64]
		}
		made, err = admin.MakeAccount(ctx, s.identity, id, name)
		return err
	})
	return made, err
}
