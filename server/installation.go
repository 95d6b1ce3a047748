package server

import (
	"context"
	"errors"
	"fmt"

	"github.com/redoubt-sec/redoubt/store"
)

// installation is what all servers on a store agree on. It lies in the store,
// since a data directory knows only how its own server was started: the next
// server, with a new directory, must not open production's records in dev mode,
// where any access key is root, nor make an account of its own choice the one that
// administers the installation.
type installation struct {
	Mode    string
	ID      string
	Account string // the first account
}

var installations = store.GlobalTable[installation]("server.installation")

const thisInstallation = "this"

// join makes the server one of the store's installation, or begins it.
func (s *Server) join(ctx context.Context) error {
	own := s.dir.state
	var found *installation
	err := s.db.Run(ctx, func(ctx context.Context) error {
		tx := store.From(ctx)
		var err error
		found, err = installations.Rows().Get(tx, thisInstallation)
		if errors.Is(err, store.ErrNotFound) {
			found = &installation{Mode: own.Mode, ID: own.Installation, Account: own.Account}
			return installations.Rows().Put(tx, thisInstallation, found)
		}
		return err
	})
	if err != nil {
		return err
	}
	if found.Mode != own.Mode {
		return fmt.Errorf("the store was made in %s mode and cannot be opened in %s mode; use another --store", found.Mode, own.Mode)
	}
	if found.ID == own.Installation && found.Account == own.Account {
		return nil
	}
	s.log.Info("this server belongs to the installation of its store", "account", found.Account)
	s.dir.state.Installation, s.dir.state.Account = found.ID, found.Account
	return s.dir.saveState()
}
