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
// in it, unless the caller does not care.
func (s *Service) GetRandomPassword(_ context.Context, _ *redoubt.Call, in *api.GetRandomPasswordInput) (*api.GetRandomPasswordOutput, error) {
	length := 32
	if in.PasswordLength != nil {
		length = int(*in.PasswordLength)
	}
	var kinds []string
	for _, k := range []struct {
		chars string
		in    bool
	}{
		{lower, !value(in.ExcludeLowercase)},
		{upper, !value(in.ExcludeUppercase)},
		{digits, !value(in.ExcludeNumbers)},
		{punctuation, !value(in.ExcludePunctuation)},
		{" ", value(in.IncludeSpace)},
	} {
		chars := strings.Map(func(r rune) rune {
			if strings.ContainsRune(value(in.ExcludeCharacters), r) {
				return -1
			}
			return r
		}, k.chars)
		if k.in && chars != "" {
			kinds = append(kinds, chars)
		}
	}
	if len(kinds) == 0 {
		return nil, api.ErrInvalidParameterException.New("The password can't be generated because all characters are excluded.")
	}
	each := in.RequireEachIncludedType == nil || *in.RequireEachIncludedType
	if each && length < len(kinds) {
		return nil, api.ErrInvalidParameterException.New("The password length %d is too short based on the required types.", length)
	}
	return &api.GetRandomPasswordOutput{RandomPassword: new(password(length, kinds, each))}, nil
}

// password draws from all characters alike; with each, the first drawn of every
// kind are put at random places.
func password(length int, kinds []string, each bool) string {
	all := strings.Join(kinds, "")
	b := make([]byte, length)
	for i := range b {
		from := all
		if each && i < len(kinds) {
			from = kinds[i]
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
