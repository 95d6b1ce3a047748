package objects

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Entry is what a listing shows of a key's latest version.
type Entry struct {
	Key       string
	VersionID string
	ETag      string
	Size      int64
	Modified  time.Time
	Class     string    // empty: STANDARD
	Owner     string    // account
	Algorithm Algorithm // of the checksum
	Type      string    // of the checksum
	Seq       uint64
}

func (v *Version) entry() *Entry {
	return &Entry{
		Key: v.Key, VersionID: v.ID, ETag: v.ETag, Size: v.Size, Modified: v.Modified, Class: v.Class, Owner: v.Owner,
		Algorithm: v.Checksum.Algorithm, Type: v.Checksum.Type, Seq: v.Seq,
	}
}

// MarshalJSON implements json.Marshaler. A listing decodes a thousand entries, so
// they are one string of words each, without the key, which the record's own is.
func (e Entry) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 160), '"')
	b = strconv.AppendUint(b, e.Seq, 10)
	b = strconv.AppendInt(append(b, ' '), e.Size, 10)
	b = strconv.AppendInt(append(b, ' '), e.Modified.UnixMilli(), 10)
	for _, w := range [...]string{e.VersionID, e.ETag, e.Class, e.Owner, string(e.Algorithm), e.Type} {
		b = append(b, ' ')
		if w == "" {
			w = "-"
		}
		for i := range len(w) {
			if c := w[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' {
				return nil, fmt.Errorf("objects: %q in a listing", w)
			}
		}
		b = append(b, w...)
	}
	return append(b, '"'), nil
}

// UnmarshalJSON implements json.Unmarshaler.
func (e *Entry) UnmarshalJSON(b []byte) error {
	if len(b) < 2 || b[0] != '"' {
		return &json.UnmarshalTypeError{Value: string(b)}
	}
	rest := string(b[1 : len(b)-1])
	var word [9]string
	for i := range word {
		word[i], rest, _ = strings.Cut(rest, " ")
		if word[i] == "-" {
			word[i] = ""
		}
	}
	var err [3]error
	var modified int64
	e.Seq, err[0] = strconv.ParseUint(word[0], 10, 64)
	e.Size, err[1] = strconv.ParseInt(word[1], 10, 64)
	modified, err[2] = strconv.ParseInt(word[2], 10, 64)
	for _, err := range err {
		if err != nil {
			return err
		}
	}
	e.Modified = time.UnixMilli(modified).UTC()
	e.VersionID, e.ETag, e.Class, e.Owner, e.Algorithm, e.Type = word[3], word[4], word[5], word[6], Algorithm(word[7]), word[8]
	return nil
}
