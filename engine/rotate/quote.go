package rotate

import (
	"strings"
	"unicode/utf8"
)

// Statements about users take no parameters, so names and passwords are quoted
// here. Every session that executes such a statement runs with settings under
// which a backslash is a character like any other: standard_conforming_strings
// in PostgreSQL, NO_BACKSLASH_ESCAPES in MySQL. All that is left to quote is the
// quotation mark itself. Character sets in which a byte of a character may be a
// quotation mark (GBK, Shift-JIS) can't come up: both speak UTF-8.

// maxQuoted bounds what is quoted, in bytes; no server takes longer names or
// passwords.
const maxQuoted = 4096

// quotable refuses what no server stores and what could end a string early.
func quotable(s string) error {
	switch {
	case len(s) > maxQuoted:
		return &refusal{text: "a user name or password is longer than 4096 bytes"}
	case !utf8.ValidString(s):
		return &refusal{text: "a user name or password is not valid UTF-8"}
	case strings.ContainsRune(s, 0):
		return &refusal{text: "a user name or password holds a NUL character"}
	}
	return nil
}

// quoteText makes a string literal of standard SQL.
func quoteText(s string) (string, error) {
	if err := quotable(s); err != nil {
		return "", err
	}
	return "'" + strings.ReplaceAll(s, "'", "''") + "'", nil
}

// quoteIdentifier makes an identifier of standard SQL.
func quoteIdentifier(s string) (string, error) {
	if err := quotable(s); err != nil {
		return "", err
	}
	if s == "" {
		return "", &refusal{text: "a user name is empty"}
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`, nil
}

// isPrintable reports whether s is printable ASCII, which SASLprep (RFC 4013)
// leaves as it is.
func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] < 0x20 || s[i] > 0x7e {
			return false
		}
	}
	return s != ""
}
