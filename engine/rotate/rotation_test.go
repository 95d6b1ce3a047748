package rotate

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// everyScheme runs a test per database and scheme.
func everyScheme(t *testing.T, run func(*testing.T, target, *rotatetest.Server, Scheme)) {
	for _, tg := range targets {
		for _, scheme := range []Scheme{SingleUser, MultiUser} {
			t.Run(tg.name+"/"+string(scheme), func(t *testing.T) {
				t.Parallel() // most of the time is the servers'
				run(t, tg, tg.start(t), scheme)
			})
		}
	}
}

// Five rotations, through TLS and plain: AWSCURRENT signs in after each and may
// work; what must be invalid is.
func TestRotation(t *testing.T) {
	everyScheme(t, func(t *testing.T, tg target, s *rotatetest.Server, scheme Scheme) {
		for _, plain := range []bool{false, true} {
			w := local(t)
			id, user := w.enrol(s, scheme, plain)
			first := "f1rst-" + user
			for i := range 5 {
				_, before := w.credentials(id, Current)
				if err := w.rotate(tg.function(scheme), id, fmt.Sprint("token-", i)); err != nil {
					t.Fatal(err)
				}
				now, password := w.credentials(id, Current)
				want := user
				if scheme == MultiUser && i%2 == 0 {
					want += cloneSuffix
				}
				if now != want || password == before {
					t.Errorf("user %s with a password that is old: %t", now, password == before)
				}
				if err := s.Try(now, password); err != nil {
					t.Errorf("AWSCURRENT: %v", err)
				}
				// Alternating users keep the previous credentials good, Redis its
				// previous password.
				old, oldPassword := w.credentials(id, Previous)
				err := s.Try(old, oldPassword)
				if keeps := scheme == MultiUser || tg.name == "Redis"; keeps != (err == nil) {
					t.Errorf("AWSPREVIOUS: %v", err)
				}
				if i > 1 && s.Try(user, first) == nil {
					t.Error("the first password is still good")
				}
			}
			kind := map[bool]string{false: "established SSL/TLS", true: "established non SSL/TLS"}
			if !w.said(kind[plain]) || w.said(kind[!plain]) {
				t.Error(strings.Join(w.lines, "\n"))
			}
		}
	})
}

// TestKilledAnywhere ends a rotation at every point where it touches the
// database or the vault, looks whether the application still gets in, and runs
// the steps again.
func TestKilledAnywhere(t *testing.T) {
	everyScheme(t, func(t *testing.T, tg target, s *rotatetest.Server, scheme Scheme) {
		w := local(t)
		points := 0
		for n := 1; ; n++ {
			id, user := w.enrol(s, scheme, true)
			w.fuse.set(n)
			err := w.rotate(tg.function(scheme), id, "token")
			burnt := w.fuse.check() != nil
			w.fuse.set(0)
			if !burnt {
				if err != nil {
					t.Fatal(err)
				}
				break
			}
			points++
			current, password := w.credentials(id, Current)
			if err := s.Try(current, password); err != nil {
				// Only a single user whose password was set has to wait for the
				// rotation to be taken up: the database knows no two passwords.
				pending, next := w.credentials(id, Pending)
				if scheme == MultiUser || tg.name == "Redis" || s.Try(pending, next) != nil {
					t.Fatalf("killed at point %d: nobody gets in: %v", n, err)
				}
			}
			if err := w.rotate(tg.function(scheme), id, "token"); err != nil {
				t.Fatalf("killed at point %d, then: %v", n, err)
			}
			now, password := w.credentials(id, Current)
			if err := s.Try(now, password); err != nil {
				t.Fatalf("killed at point %d, then rotated: %v", n, err)
			}
			if scheme == MultiUser && now != user+cloneSuffix {
				t.Errorf("current user is %s", now)
			}
			if scheme == SingleUser && tg.name != "Redis" && s.Try(user, "f1rst-"+user) == nil {
				t.Error("the old password is still good")
			}
		}
		t.Logf("killed at %d points", points)
		if points < 15 {
			t.Errorf("only %d points", points)
		}
	})
}

// The same where the clone exists already and its turn comes again.
func TestKilledInLaterTurns(t *testing.T) {
	everyScheme(t, func(t *testing.T, tg target, s *rotatetest.Server, scheme Scheme) {
		w := local(t)
		id, _ := w.enrol(s, scheme, true)
		for turn, n := 0, 1; n < 100; turn, n = turn+1, n+7 {
			token := fmt.Sprint("token-", turn)
			w.fuse.set(n)
			w.rotate(tg.function(scheme), id, token)
			w.fuse.set(0)
			if current, password := w.credentials(id, Current); scheme == MultiUser {
				if err := s.Try(current, password); err != nil {
					t.Fatalf("killed at point %d: %v", n, err)
				}
			}
			if err := w.rotate(tg.function(scheme), id, token); err != nil {
				t.Fatalf("killed at point %d, then: %v", n, err)
			}
			if current, password := w.credentials(id, Current); s.Try(current, password) != nil {
				t.Fatalf("killed at point %d: AWSCURRENT does not sign in", n)
			}
		}
	})
}

// The database goes down before each step and comes back.
func TestDatabaseDown(t *testing.T) {
	for _, tg := range targets {
		t.Run(tg.name, func(t *testing.T) {
			t.Parallel()
			s := tg.own(t, rotatetest.Config{})
			for _, scheme := range []Scheme{SingleUser, MultiUser} {
				for down, step := range Steps {
					w := local(t)
					id, _ := w.enrol(s, scheme, false)
					w.begin(id, "token")
					for _, before := range Steps[:down] {
						if err := w.step(tg.function(scheme), id, "token", before); err != nil {
							t.Fatal(err)
						}
					}
					s.Stop(t)
					err := w.step(tg.function(scheme), id, "token", step)
					if step == CreateSecret || step == FinishSecret { // they don't ask the database
						if err != nil {
							t.Errorf("%s: %v", step, err)
						}
					} else if e := valueErrorOf(t, err); !strings.Contains(e, "connection refused") || !strings.HasSuffix(e, "Check that host and port are right and that the database is up. The rotation is tried again.") {
						t.Errorf("%s: %s", step, e)
					}
					s.Start(t)
					if step != FinishSecret {
						if err := w.rotate(tg.function(scheme), id, "token"); err != nil {
							t.Fatal(err)
						}
					}
					if user, password := w.credentials(id, Current); s.Try(user, password) != nil {
						t.Errorf("%s: AWSCURRENT does not sign in after a restart of the database", step)
					}
				}
			}
		})
	}
}

// valueErrorOf answers the message of a ValueError.
func valueErrorOf(t testing.TB, err error) string {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) || e.Type != "ValueError" {
		t.Errorf("%v is no ValueError", err)
		return ""
	}
	return e.Message
}
