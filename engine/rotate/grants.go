package rotate

import (
	"context"
	"strings"
)

// account is a user of MySQL: a name and the hosts that it may come from.
type account struct{ user, host string }

func (a account) quote() (string, error) {
	user, err := quoteText(a.user)
	if err != nil {
		return "", err
	}
	host, err := quoteText(a.host)
	return user + "@" + host, err
}

// copyGrants gives the target what SHOW GRANTS shows of the source.
func (s *mysqlSession) copyGrants(ctx context.Context, source, target account) error {
	name, err := source.quote()
	if err != nil {
		return err
	}
	to, err := target.quote()
	if err != nil {
		return err
	}
	lines, err := s.column(ctx, "SHOW GRANTS FOR "+name)
	if err != nil {
		return err
	}
	for _, line := range lines {
		grant, ok := regrant(line, source, to)
		if !ok {
			return &refusal{text: "a line of SHOW GRANTS is of a form that can't be copied"}
		}
		if grant == "" {
			continue
		}
		if err := s.do(ctx, grant); err != nil {
			return err
		}
	}
	return nil
}

// regrant rewrites a line of SHOW GRANTS for another account; it is "" for lines
// about roles of the account, which show their own grants beside it. What
// follows the account is left out, passwords and TLS requirements, except for
// WITH: options and limits. Splitting at " TO " would be fooled by the name of a
// database.
func regrant(line string, source account, to string) (string, bool) {
	words, ok := scan(line)
	if !ok || len(words) == 0 {
		return "", false
	}
	var joint string
	switch first := words[0].text(line); {
	case first == "GRANT":
		joint = "TO"
	case first == "REVOKE":
		joint = "FROM"
	case first == "SET":
		joint = "FOR" // SET DEFAULT ROLE
	default:
		return "", false
	}
	for i, w := range words {
		if w.quote != 0 || w.text(line) != joint {
			continue
		}
		rest := words[i+1:]
		if len(rest) == 0 {
			return "", false
		}
		if rest[0].unquote(line) != source.user || len(rest) < 3 || rest[1].text(line) != "@" {
			return "", len(rest) < 2 || rest[1].text(line) != "@"
		}
		if rest[2].unquote(line) != source.host {
			return "", false
		}
		out := line[:rest[0].from] + to
		for _, w := range rest[3:] {
			if w.quote == 0 && w.text(line) == "WITH" {
				return out + " " + line[w.from:], true
			}
		}
		return out, true
	}
	return "", false
}

// word is a piece of a line: a quoted name, a run of letters, or one other
// character.
type word struct {
	from, to int
	quote    byte // ` or ' or ", or 0
}

func (w word) text(line string) string { return line[w.from:w.to] }

func (w word) unquote(line string) string {
	if w.quote == 0 {
		return w.text(line)
	}
	q := string(w.quote)
	return strings.ReplaceAll(line[w.from+1:w.to-1], q+q, q)
}

// scan splits a line into words; blanks are dropped. It fails on a quotation
// mark without its other.
func scan(line string) ([]word, bool) {
	var out []word
	for i := 0; i < len(line); {
		c := line[i]
		start := i
		switch {
		case c == ' ':
			i++
			continue
		case c == '`' || c == '\'' || c == '"':
			for i++; ; i++ {
				if i >= len(line) {
					return nil, false
				}
				if line[i] != c {
					continue
				}
				if i+1 < len(line) && line[i+1] == c {
					i++
					continue
				}
				break
			}
			i++
			out = append(out, word{start, i, c})
		case isLetter(c):
			for i < len(line) && isLetter(line[i]) {
				i++
			}
			out = append(out, word{start, i, 0})
		default:
			i++
			out = append(out, word{start, i, 0})
		}
	}
	return out, true
}

func isLetter(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '$' || c >= 0x80
}

// copyRequirement gives the account named what the source must show of TLS.
func (s *mysqlSession) copyRequirement(ctx context.Context, source account, name string) error {
	var kind, cipher, issuer, subject string
	row := s.conn.QueryRowContext(ctx, "SELECT ssl_type, ssl_cipher, x509_issuer, x509_subject FROM mysql.user WHERE User = ? AND Host = ?", source.user, source.host)
	if err := row.Scan(&kind, &cipher, &issuer, &subject); err != nil {
		return mysqlFailure(err)
	}
	require := map[string]string{"": "NONE", "ANY": "SSL", "X509": "X509"}[kind]
	if kind == "SPECIFIED" {
		var parts []string
		for _, p := range []struct{ word, value string }{{"CIPHER", cipher}, {"ISSUER", issuer}, {"SUBJECT", subject}} {
			if p.value == "" {
				continue
			}
			literal, err := quoteText(p.value)
			if err != nil {
				return err
			}
			parts = append(parts, p.word+" "+literal)
		}
		require = strings.Join(parts, " AND ")
	}
	if require == "" {
		return &refusal{text: "the user's TLS requirement is of a form that can't be copied"}
	}
	return s.do(ctx, "ALTER USER "+name+" REQUIRE "+require)
}
