package identity

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha512"
	"crypto/subtle"
	"errors"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/redoubt-sec/redoubt/store"
)

// PasswordPolicy is an account's rule for its users' passwords.
type PasswordPolicy struct {
	MinLength                              int
	Symbols, Numbers, Uppercase, Lowercase bool
	AllowChange                            bool
	MaxAge                                 int // days; 0 for never
	ReusePrevention                        int // passwords; 0 for none
	HardExpiry                             *bool
}

// Login is a user's password: a slow derivation of it, and those of the ones
// before. One salt serves a user for good, so that a new password is compared
// with all of them by one derivation.
type Login struct {
	Created  time.Time
	Changed  time.Time
	Used     time.Time // console sign-in; zero for never
	Reset    bool      // must be changed at the next sign-in
	Rounds   int
	Salt     []byte
	Verifier []byte
	Former   [][]byte `json:",omitempty"` // newest first, at most 24
}

// defaultRounds is OWASP's figure for PBKDF2 with HMAC-SHA-512; PBKDF2 rather
// than a memory-hard function because FIPS mode knows no other.
const defaultRounds = 210_000

// Refusals of passwords.
var (
	// ErrPassword: the old password is wrong.
	ErrPassword = errors.New("identity: wrong password")
)

// WeakPassword says which rule a password breaks.
type WeakPassword struct{ Rule string }

func (e *WeakPassword) Error() string { return "identity: password: " + e.Rule }

// symbols that count for the policy. Source: IAM, UpdateAccountPasswordPolicy.
const symbols = "!@#$%^&*()_+-=[]{}|'"

// checkPassword holds a password against the account's policy, or against AWS's
// default one: 8 to 128 characters, three of the four classes, and not the name
// of the account.
func checkPassword(a *Account, password string) error {
	n := utf8.RuneCountInString(password)
	upper := strings.ContainsAny(password, "ABCDEFGHIJKLMNOPQRSTUVWXYZ")
	lower := strings.ContainsAny(password, "abcdefghijklmnopqrstuvwxyz")
	digit := strings.ContainsAny(password, "0123456789")
	symbol := strings.ContainsAny(password, symbols)
	p := a.PasswordPolicy
	if p == nil {
		classes := 0
		for _, has := range []bool{upper, lower, digit, symbol} {
			if has {
				classes++
			}
		}
		if n < 8 || n > 128 || classes < 3 || password == a.Name && a.Name != "" || password == a.ID {
			return &WeakPassword{"default"}
		}
		return nil
	}
	switch {
	case n < p.MinLength:
		return &WeakPassword{"length"}
	case n > 128:
		return &WeakPassword{"length"}
	case p.Uppercase && !upper:
		return &WeakPassword{"uppercase"}
	case p.Lowercase && !lower:
		return &WeakPassword{"lowercase"}
	case p.Numbers && !digit:
		return &WeakPassword{"number"}
	case p.Symbols && !symbol:
		return &WeakPassword{"symbol"}
	}
	return nil
}

// SetPassword gives a user a password; fresh makes the login profile, which must
// not exist yet, else it must.
func (i *Identity) SetPassword(tx *store.Tx, account, name, password string, reset, fresh bool) (*Login, error) {
	a, err := i.Account(tx, account)
	if err != nil {
		return nil, err
	}
	u, err := i.EditUser(tx, account, name, func(u *User) error {
		switch {
		case fresh && u.Login != nil:
			return &Exists{NounLogin, name}
		case !fresh && u.Login == nil:
			return &NotFound{Noun: NounLogin, Name: name}
		}
		if err := checkPassword(a, password); err != nil {
			return err
		}
		l := u.Login
		if fresh {
			l = &Login{Created: i.now(), Salt: make([]byte, 16), Rounds: i.PasswordRounds}
			rand.Read(l.Salt)
		}
		if err := l.set(a.PasswordPolicy, password); err != nil {
			return err
		}
		l.Changed, l.Reset, u.Login = i.now(), reset, l
		return nil
	})
	if err != nil {
		return nil, err
	}
	return u.Login, nil
}

// ChangePassword gives a user another password who knows the old one.
func (i *Identity) ChangePassword(tx *store.Tx, account, name, old, password string) error {
	u, err := i.User(tx, account, name)
	if err != nil {
		return err
	}
	if u.Login == nil {
		return &NotFound{Noun: NounLogin, Name: name}
	}
	if !u.Login.Matches(old) {
		return ErrPassword
	}
	_, err = i.SetPassword(tx, account, name, password, false, false)
	return err
}

// Matches reports whether password is the login's.
func (l *Login) Matches(password string) bool {
	v, err := l.derive(password)
	return err == nil && subtle.ConstantTimeCompare(v, l.Verifier) == 1
}

func (l *Login) derive(password string) ([]byte, error) {
	return pbkdf2.Key(sha512.New, password, l.Salt, l.Rounds, 32)
}

func (l *Login) set(p *PasswordPolicy, password string) error {
	v, err := l.derive(password)
	if err != nil {
		return err
	}
	if p != nil && p.ReusePrevention > 0 && l.Verifier != nil {
		before := append([][]byte{l.Verifier}, l.Former...)
		for _, f := range before[:min(len(before), p.ReusePrevention)] {
			if subtle.ConstantTimeCompare(v, f) == 1 {
				return &WeakPassword{"reuse"}
			}
		}
	}
	if l.Verifier != nil {
		l.Former = slices.Insert(l.Former, 0, l.Verifier)
		l.Former = l.Former[:min(len(l.Former), 24)]
	}
	l.Verifier = v
	return nil
}

// Expires answers when the password lapses; zero for never.
func (l *Login) Expires(p *PasswordPolicy) time.Time {
	if p == nil || p.MaxAge == 0 {
		return time.Time{}
	}
	return l.Changed.AddDate(0, 0, p.MaxAge)
}
