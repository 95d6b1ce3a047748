package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/objects"
)

// VerifyBlobs looks at every object of a data directory whose server is stopped:
// that its data are there, unchanged, and, where the root key opens them,
// authentic. remove removes blobs that nothing refers to.
func VerifyBlobs(ctx context.Context, conf Config, remove bool, progress func(objects.Progress), log *slog.Logger) (_ *objects.Report, err error) {
	if conf.Store == "memory" {
		return nil, errors.New("store memory keeps nothing to be verified")
	}
	s := &Server{conf: conf, log: log, failed: make(chan error, 1), stop: func() {}}
	s.clock = redoubt.Wall{}
	if s.dir, err = openData(conf.Data, conf.Dev, conf.Account); err != nil {
		return nil, err
	}
	if s.dir.fresh {
		return nil, errors.New("no server has run on this data directory")
	}
	if s.db, err = openStore(ctx, &conf, log, nil); err != nil {
		return nil, fmt.Errorf("store: %w (is the server still running? then use --online)", err)
	}
	defer func() { err = errors.Join(err, s.shutdown()) }()
	if err = s.guard(ctx); err != nil {
		return nil, err
	}
	if err = s.join(ctx); err != nil {
		return nil, err
	}
	if err = s.openKeyring(ctx); err != nil {
		return nil, err
	}
	if st := s.keyring.Status(); st.Sealed {
		return nil, fmt.Errorf("sealed: %s", st.Reason)
	}
	if err = s.openObjects(); err != nil {
		return nil, err
	}
	return s.objects.Verify(ctx, objects.Scrub{Progress: progress, Remove: remove})
}

// verify looks at all data while the server serves, for whoever asks the admin room.
func (s *Server) verify(ctx context.Context, c *redoubt.Call, remove bool, progress func(objects.Progress)) (*objects.Report, error) {
	return s.objects.Verify(ctx, objects.Scrub{Progress: progress, Remove: remove, Secrets: s.rooms.s3.Opener(c)})
}
