package secretsmanager

import (
	"context"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
)

// The kinds of characters in random passwords.
const (
	lower       = "abcdefghijklmnopqrstuvwxyz"
	upper       = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	digits      = "0123456789"
	punctuation = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
)

// GetRandomPassword makes a password. Every kind of character that may be in it is
// in it, unless the caller does not care; a blank is never demanded.
func (s *Service) GetRandomPassword(_ context.Context, _ *redoubt.Call, in *api.GetRandomPasswordInput) (*api.GetRandomPasswordOutput, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	all, required := "", []string(nil)
	for _, k := range []struct {
		chars    string
		in, must bool
	}{
		{lower, !value(in.ExcludeLowercase), each},
		{upper, !value(in.ExcludeUppercase), each},
		{digits, !value(in.ExcludeNumbers), each},
		{punctuation, !value(in.ExcludePunctuation), each},
		{" ", value(in.IncludeSpace), false},
	} {
		if !k.in {
			continue
		}
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(value(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, k.chars)
		if k.must && chars == "" {
			return nil, api.ErrInvalidParameterException.New("All characters of the desired type have been excluded.")
		}
		if k.must {
			required = append(required, chars)
		}
		all += chars
	}
	switch {
	case all == "":
		return nil, api.ErrInvalidParameterException.New("All characters have been excluded from selection.")
	case length < len(required):
		return nil, api.ErrInvalidParameterException.New("Password length is too short based on the required types.")
	}
	return &api.GetRandomPasswordOutput{RandomPassword: new(password(length, all, required))}, nil
}

// password draws from all characters alike; the first drawn of what is required are
// put at random places.
func password(length int, all string, required []string) string {
	b := make([]byte, length)
	for i := range b {
		from := all
		if i < len(required) {
			from = required[i]
		}
		b[i] = from[below(len(from))]
	}
	for i := length - 1; i > 0; i-- {
		j := under(i + 1)
		b[i], b[j] = b[j], b[i]
	}
	return string(b)
}

// under draws a number from 0 to n-1 without bias; n is at most 65536.
func under(n int) int {
	for {
		v := below(256)<<8 | below(256)
		if v < 65536-65536%n {
			return v % n
		}
	}
}
