package rotate

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"strings"
)

// redisEngine: a user of Redis may have several passwords. As AWS does for
// ElastiCache, the current one stays good beside the new one, until the next
// rotation.
var redisEngine = engine{
	Name: "Redis", label: "Redis", kinds: []string{"redis", "valkey"},
	port: 6379, maxUser: 512, exclude: `/@"'\`, byMaster: true,
}

// redis signs in to Redis and Valkey as a user of their access control lists
// (version 6 and later).
type redis struct{ dial dial }

func (d *redis) open(ctx context.Context, l *login, secure bool) (session, error) {
	conn, err := d.dial(ctx, l.address())
	if err != nil {
		return nil, connectRefusal(err, l)
	}
	if secure {
		t := tls.Client(conn, l.tlsConfig())
		if err := t.HandshakeContext(ctx); err != nil {
			conn.Close()
			return nil, tlsRefusal(err)
		}
		conn = t
	}
	s := &redisSession{newResp(conn), l}
	if err := s.expect(ctx, "OK", "AUTH", l.user, l.password); err != nil {
		s.close()
		return nil, redisRefusal(err, l)
	}
	return s, nil
}

// redisRefusal words why a command failed. Redis quotes arguments in some of its
// errors, so only the code, its first word, is told.
func redisRefusal(err error, l *login) error {
	var e respError
	if !errors.As(err, &e) {
		return connectRefusal(err, l)
	}
	code, _, _ := strings.Cut(string(e), " ")
	switch code {
	case "WRONGPASS":
		return &refusal{cause: credentials, text: "user name or password not accepted, or the user is disabled (WRONGPASS)"}
	case "NOAUTH":
		return &refusal{cause: credentials, text: "the session is not signed in (NOAUTH)"}
	case "NOPERM":
		return &refusal{cause: denied, text: "user " + l.user + " may not run ACL commands (NOPERM): name the secret of one who may in masterarn"}
	case "LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN":
		return &refusal{cause: unreachable, text: "the server is not ready (" + code + ")"}
	case "READONLY":
		return &refusal{text: "the server is a replica (READONLY): name the primary as host"}
	case "DENIED":
		return &refusal{cause: denied, text: "the server is in protected mode and takes connections from its own machine only (DENIED)"}
	}
	return &refusal{text: "the server refused the command (" + scrub(code, l.password) + ")"}
}

type redisSession struct {
	*resp
	login *login
}

func (s *redisSession) close() { s.conn.Close() }

// query implements session. A user without the right to PING has signed in all
// the same: AUTH is what counts.
func (s *redisSession) query(ctx context.Context) error {
	err := s.expect(ctx, "PONG", "PING")
	var e respError
	if errors.As(err, &e) && strings.HasPrefix(string(e), "NOPERM ") {
		return nil
	}
	if err != nil {
		return redisRefusal(err, s.login)
	}
	return nil
}

// hashRule is the rule that adds a password to a user. The hash keeps it out of
// MONITOR and of ACL LOG.
func hashRule(password string) string {
	sum := sha256.Sum256([]byte(password))
	return "#" + hex.EncodeToString(sum[:])
}

// setPassword implements session.
func (s *redisSession) setPassword(ctx context.Context, user, password, old string) error {
	return s.setUser(ctx, user, "resetpass", hashRule(password), hashRule(old))
}

// clone implements session. One command sets rights and password together.
func (s *redisSession) clone(ctx context.Context, _ session, user, clone, password string) error {
	answer, err := s.do(ctx, "ACL", "LIST")
	if err != nil {
		return redisRefusal(err, s.login)
	}
	for _, line := range answer.list {
		rules, ok := strings.CutPrefix(line.text, "user "+user+" ")
		if !ok {
			continue
		}
		set := []string{"reset"}
		for _, rule := range splitRules(rules) {
			if !strings.HasPrefix(rule, "#") && rule != "nopass" {
				set = append(set, rule)
			}
		}
		return s.setUser(ctx, clone, append(set, hashRule(password))...)
	}
	return &refusal{text: "there is no user " + user}
}

// splitRules splits the rules of ACL LIST; a selector in brackets is one.
func splitRules(rules string) []string {
	var out []string
	for f := range strings.FieldsSeq(rules) {
		if n := len(out); n > 0 && strings.HasPrefix(out[n-1], "(") && !strings.HasSuffix(out[n-1], ")") {
			out[n-1] += " " + f
		} else {
			out = append(out, f)
		}
	}
	return out
}

// setUser changes a user and makes the change last.
func (s *redisSession) setUser(ctx context.Context, user string, rules ...string) error {
	if strings.ContainsAny(user, " \x00") || user == "" {
		return &refusal{text: "the user name is empty or holds a blank or NUL, which Redis does not take"}
	}
	if err := s.expect(ctx, "OK", append([]string{"ACL", "SETUSER", user}, rules...)...); err != nil {
		return redisRefusal(err, s.login)
	}
	first := s.expect(ctx, "OK", "ACL", "SAVE")
	var e respError
	if first == nil || !errors.As(first, &e) {
		return broken(first, s.login)
	}
	if err := s.expect(ctx, "OK", "CONFIG", "REWRITE"); err != nil {
		if !errors.As(err, &e) {
			return broken(err, s.login)
		}
		s.login.note("Redis changed user %s in memory only: it has neither an ACL file that ACL SAVE may write nor a configuration file that CONFIG REWRITE may write. A restart brings the old password back.", user)
	}
	return nil
}

func broken(err error, l *login) error {
	if err == nil {
		return nil
	}
	return redisRefusal(err, l)
}
