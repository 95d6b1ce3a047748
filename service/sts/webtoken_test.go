package sts

import (
	"context"
	"testing"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/identity/oidc"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// plain seals nothing: what is tested here is the token.
type plain struct{}

func (plain) Seal(_ string, _, b []byte) ([]byte, error) { return b, nil }
func (plain) Open(_ string, _, b []byte) ([]byte, error) { return append([]byte{}, b...), nil }

func TestGetWebIdentityToken(t *testing.T) {
	db := store.Open(memory.New(), 0)
	ids := identity.New(identity.Config{DB: db, Keys: plain{}, Clock: redoubt.Wall{}, IssuerBase: "https://redoubt.example/_redoubt/oidc/"})
	s := New(Deps{Identity: ids, Clock: redoubt.Wall{}})
	call := &redoubt.Call{Account: "123456789012", Region: "eu-west-1", Principal: redoubt.Principal{
		Kind: redoubt.Role, Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/r/s", Issuer: "arn:aws:iam::123456789012:role/r",
		Tags: map[string]string{"team": "red"}, Session: &redoubt.Session{Expires: time.Now().Add(10 * time.Minute)},
	}}
	in := &stsapi.GetWebIdentityTokenInput{Audience: []string{"https://api.example"}, SigningAlgorithm: new("ES384"), Tags: []stsapi.Tag{{Key: new("job"), Value: new("7")}}}
	var issuer *identity.Issuer
	err := db.Run(context.Background(), func(ctx context.Context) (err error) {
		tx := store.From(ctx)
		if _, err = ids.CreateAccount(tx, "123456789012", ""); err != nil {
			return err
		}
		if _, err := s.GetWebIdentityToken(ctx, call, in); err == nil || err.(*redoubt.Error).Code != string(stsapi.ErrOutboundWebIdentityFederationDisabledException) {
			t.Error("while it is off:", err)
		}
		issuer, err = ids.SetIssuer(tx, "123456789012", true)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	var out *stsapi.GetWebIdentityTokenOutput
	get := func() error {
		return db.Run(context.Background(), func(ctx context.Context) (err error) {
			out, err = s.GetWebIdentityToken(ctx, call, in)
			return err
		})
	}
	if err := get(); err != nil {
		t.Fatal(err)
	}
	// A verifier elsewhere has nothing but the published keys.
	keys, err := oidc.ParseKeys(issuer.Public)
	if err != nil {
		t.Fatal(err)
	}
	tok, err := oidc.Parse(*out.WebIdentityToken)
	if err != nil {
		t.Fatal(err)
	}
	if err := tok.Verify(keys); err != nil {
		t.Error(err)
	}
	about, _ := tok.Claims["https://sts.amazonaws.com/"].(map[string]any)
	if tok.Subject != "arn:aws:iam::123456789012:role/r" || tok.Issuer != ids.IssuerURL(issuer) || tok.Audience[0] != "https://api.example" ||
		about["aws_account"] != "123456789012" || about["source_region"] != "eu-west-1" ||
		about["principal_tags"].(map[string]any)["team"] != "red" || about["request_tags"].(map[string]any)["job"] != "7" {
		t.Errorf("%+v", tok.Claims)
	}
	if d := tok.Expires.Sub(tok.Issued); d != 5*time.Minute {
		t.Error("lasts", d)
	}
	// A token cannot outlive the session.
	in.DurationSeconds = new(int32(3600))
	if err := get(); err == nil || err.(*redoubt.Error).Code != string(stsapi.ErrSessionDurationEscalationException) {
		t.Error(err)
	}
}
