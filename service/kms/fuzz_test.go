package kms

import (
	"encoding/json"
	"errors"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
)

// FuzzGrantToken: what we did not make is no grant token.
func FuzzGrantToken(f *testing.F) {
	w := newWorld(f)
	id := *w.key(nil).KeyId
	real := *ok(w, w.admin(home), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{KeyId: &id, GranteePrincipal: new(userARN), Operations: []string{"Encrypt"}}).GrantToken
	f.Add(real)
	f.Add(real[:len(real)-4])
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		_, err := w.openToken(&redoubt.Call{Region: region}, token)
		if (err == nil) != (token == real) {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// FuzzMarker: what we did not make is no marker.
func FuzzMarker(f *testing.F) {
	w := newWorld(f)
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, marker string) {
		_, err := w.page(&redoubt.Call{Account: home, Region: region, Operation: "ListKeys"}, nil, &marker, keyPages)
		if !errors.Is(err, kmsapi.ErrInvalidMarkerException) {
			t.Errorf("%q: %v", marker, err)
		}
	})
}

// FuzzLayOut: laying out changes nothing but white space.
func FuzzLayOut(f *testing.F) {
	f.Add(defaultPolicy("aws", home))
	f.Add(`{"a":[],"b":{},"c":["\\",{"d":null}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		if !json.Valid([]byte(text)) {
			t.Skip()
		}
		out := layOut(text)
		if !sameJSON(t, text, out) || layOut(out) != out {
			t.Errorf("%q became %q", text, out)
		}
	})
}

// FuzzIdentifier: no identifier leads to a failure, only to a key or a refusal.
func FuzzIdentifier(f *testing.F) {
	w := newWorld(f)
	id := *w.key(nil).KeyId
	for _, s := range []string{id, "alias/x", "arn:aws:kms:us-east-1:123456789012:key/" + id, "arn:aws:kms:us-east-1:12/34:key/x", "mrk-"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		w.t = t
		_, err := do(w, w.admin(home), kmsapi.OpDescribeKey, &kmsapi.DescribeKeyInput{KeyId: &s})
		var e *redoubt.Error
		if err != nil && (!errors.As(err, &e) || e.Fault) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
