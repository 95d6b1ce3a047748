package server

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/engine/keyring"
	"github.com/redoubt-sec/redoubt/front"
	"github.com/redoubt-sec/redoubt/store"
)

// control is what /_redoubt/ paths reach.
func (s *Server) control() *front.Control {
	c := &front.Control{
		Health: s.problems,
		Token:  s.token,
		Seal:   func() any { return s.sealState() },
		Unseal: s.unseal,

		Collectors: []prometheus.Collector{storeMetrics{func() store.Stats { return s.db.Stats() }}},
	}
	c.Package = func(path, query string) ([]byte, error) { return s.rooms.lambda.Follow(path, query) }
	if s.conf.IssuerURL != "" {
		c.Issuer = s.issuerDocument
	}
	if s.moving != nil {
		c.Advance = func(d time.Duration) time.Time {
			s.moving.Advance(d)
			return s.moving.Now()
		}
	}
	if s.conf.Dev {
		c.Reset = s.reset
	}
	return c
}

// problems is what keeps the server from serving, by part.
func (s *Server) problems() map[string]string {
	p := map[string]string{}
	if err := s.db.Ready(); err != nil {
		p["store"] = err.Error()
	}
	st := s.keyring.Status()
	switch {
	case st.Sealed:
		p["seal"] = st.Reason
	case !s.furnished.Load():
		p["start"] = "not finished"
	}
	if st.Trouble != "" {
		p["keyring"] = st.Trouble
	}
	if !s.trail.Healthy() {
		p["audit"] = "events cannot be written"
	}
	return p
}

// ready refuses calls while the seal is closed: nothing could be verified,
// decided or decrypted.
func (s *Server) ready() error {
	if s.furnished.Load() && !s.keyring.Status().Sealed {
		return nil
	}
	return &redoubt.Error{Code: "ServiceUnavailable", Message: "The server is sealed.", Status: 503, Fault: true}
}

// sealState is the seal as control paths show it.
type sealState struct {
	Sealed bool   `json:"sealed"`
	Reason string `json:"reason,omitempty"`
	Kind   string `json:"kind"`
	Have   int    `json:"have,omitempty"`
	Need   int    `json:"need,omitempty"`
}

func (s *Server) sealState() sealState {
	st := s.keyring.Status()
	out := sealState{Sealed: st.Sealed, Reason: st.Reason, Kind: st.Seal}
	if st.Shares != nil {
		out.Have, out.Need = st.Shares.Have, st.Shares.Need
	}
	return out
}

// unseal takes a share, or tries an automatic seal again.
func (s *Server) unseal(ctx context.Context, share string) (any, error) {
	var err error
	if share != "" {
		_, err = s.keyring.Submit(ctx, share)
	} else if err = s.keyring.Unseal(ctx); errors.Is(err, keyring.ErrShares) {
		err = nil // the answer says how many are missing
	}
	if err != nil {
		return nil, err
	}
	return s.sealState(), nil
}

// reset empties the store but for the root key, and starts over with the first
// account. Dev mode only.
func (s *Server) reset(ctx context.Context) error {
	// What the server itself rests on stays: root key and certificate authority.
	keep := func(key string) bool {
		return strings.HasPrefix(key, "keyring.") || strings.HasPrefix(key, "server.")
	}
	for done := false; !done; {
		err := s.db.Run(ctx, func(ctx context.Context) error {
			tx := store.From(ctx)
			n := 0
			done = true
			for kv, err := range tx.Scan(store.Range{}, false) {
				if err != nil {
					return err
				}
				if keep(kv.Key) {
					continue
				}
				if n++; n > store.MaxOps/2 {
					done = false
					break
				}
				if err := tx.Delete(kv.Key); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
	return s.furnish(ctx)
}
