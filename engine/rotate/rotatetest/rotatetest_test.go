package rotatetest

import "testing"

// Servers keep their users over a stop, refuse wrong passwords, and a second one
// has nothing of the first.
func TestServers(t *testing.T) {
	for name, s := range map[string]struct {
		shared func(testing.TB) *Server
		own    func(testing.TB, Config) *Server
	}{"mariadb": {StartMariaDB, NewMariaDB}, "postgres": {StartPostgres, NewPostgres}, "redis": {StartRedis, NewRedis}} {
		t.Run(name, func(t *testing.T) {
			one := s.shared(t)
			if s.shared(t) != one {
				t.Error("two shared servers")
			}
			one.AddUser(t, "app", "right")
			if err := one.Try("app", "right"); err != nil {
				t.Error(err)
			}
			if one.Try("app", "wrong") == nil {
				t.Error("wrong password accepted")
			}
			two := s.own(t, Config{NoTLS: true})
			if two.Try("app", "right") == nil {
				t.Error("the second server knows users of the first")
			}
			two.AddUser(t, "app", "right")
			two.Stop(t)
			if two.Try("app", "right") == nil {
				t.Error("a stopped server answers")
			}
			two.Start(t)
			if err := two.Try("app", "right"); err != nil {
				t.Error(err)
			}
		})
	}
}
