package iam

import (
	"context"
	"reflect"
	"slices"
	"strings"
	"testing"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/store"
	"github.com/redoubt-sec/redoubt/store/memory"
)

// undone are the operations that AWS alone can do.
var undone = []string{
	"AcceptDelegationRequest", "AssociateDelegationRequest", "CreateDelegationRequest", "GenerateOrganizationsAccessReport", "GetDelegationRequest",
	"GetHumanReadableSummary", "GetOrganizationsAccessReport", "ListDelegationRequests", "RejectDelegationRequest", "SendDelegationToken", "UpdateDelegationRequest",
}

func TestEveryOperationHasALine(t *testing.T) {
	var have []string
	for _, o := range New(Deps{}).Operations().Operations {
		have = append(have, o.Schema.Name)
	}
	for _, o := range iamapi.Model.Operations {
		if slices.Contains(have, o.Name) == slices.Contains(undone, o.Name) {
			t.Errorf("%s", o.Name)
		}
	}
}

// fill sets every member that is a string, or a list of strings or tags.
func fill(v reflect.Value) {
	for n := range v.NumField() {
		switch f := v.Field(n).Addr().Interface().(type) {
		case **string:
			*f = new("arn:aws:iam::123456789012:user/x")
		case *[]string:
			*f = []string{"x"}
		case *[]iamapi.Tag:
			*f = []iamapi.Tag{{Key: new("k"), Value: new("v")}}
		}
	}
}

// Every operation states what it needs about things that do not exist, by the
// ARNs that they would have, and with empty inputs too.
func TestEveryOperationStatesNeeds(t *testing.T) {
	db := store.Open(memory.New(), 0)
	s := New(Deps{Identity: identity.New(identity.Config{DB: db, Clock: redoubt.Wall{}}), Clock: redoubt.Wall{}})
	err := db.Run(context.Background(), func(ctx context.Context) error {
		if _, err := s.ids.CreateAccount(store.From(ctx), "123456789012", ""); err != nil {
			return err
		}
		for _, o := range s.Operations().Operations {
			c := &redoubt.Call{Service: "iam", Operation: o.Schema.Name, Partition: "aws", Account: "123456789012", Principal: identity.RootPrincipal("123456789012")}
			in := o.NewInput()
			fill(reflect.ValueOf(in).Elem())
			if o.Schema.Name == "CreateOpenIDConnectProvider" {
				in.(*iamapi.CreateOpenIDConnectProviderInput).Url = new("https://idp.example")
			}
			needs, err := o.Needs(ctx, c, in)
			if o.Schema.Name == "GetAccessKeyLastUsed" {
				if err == nil {
					t.Error("an access key that does not exist is told from one that does")
				}
				continue
			}
			if err != nil || len(needs) == 0 {
				t.Errorf("%s: %v, %v", o.Schema.Name, needs, err)
				continue
			}
			for _, n := range needs {
				if !strings.HasPrefix(n.Action, "iam:") || n.Resource == "" {
					t.Errorf("%s: %+v", o.Schema.Name, n)
				}
			}
			tagging := slices.Contains([]string{"CreateUser", "CreateRole", "CreatePolicy", "UploadServerCertificate"}, o.Schema.Name)
			if tagging && (len(needs) != 2 || needs[0].Conditions["aws:RequestTag/k"] == nil || needs[1].Conditions["aws:TagKeys"] == nil) {
				t.Errorf("%s: %+v", o.Schema.Name, needs)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// Sessions that may not use IAM are turned away by every operation.
func TestGuardedSessions(t *testing.T) {
	db := store.Open(memory.New(), 0)
	s := New(Deps{Identity: identity.New(identity.Config{DB: db, Clock: redoubt.Wall{}}), Clock: redoubt.Wall{}})
	p := redoubt.Principal{Kind: redoubt.User, Account: "123456789012", Name: "x", Session: &redoubt.Session{}}
	_ = db.Run(context.Background(), func(ctx context.Context) error {
		for _, o := range s.Operations().Operations {
			in := o.NewInput()
			fill(reflect.ValueOf(in).Elem())
			c := &redoubt.Call{Service: "iam", Operation: o.Schema.Name, Account: "123456789012", Principal: p}
			if _, err := o.Needs(ctx, c, in); err == nil {
				t.Errorf("%s", o.Schema.Name)
			}
		}
		return nil
	})
}

func TestSecretsAreNotRecorded(t *testing.T) {
	for _, o := range New(Deps{}).Operations().Operations {
		for _, m := range append(slices.Clone(o.Request), o.Response...) {
			for _, bad := range []string{"Password", "AuthenticationCode", "PrivateKey", "Seed", "QRCode", "Secret", "Content"} {
				if strings.Contains(m, bad) && m != "PasswordResetRequired" && !strings.HasPrefix(m, "MinimumPassword") && m != "MaxPasswordAge" && m != "PasswordReusePrevention" && m != "AllowUsersToChangePassword" && m != "RemovePrivateKey" {
					t.Errorf("%s records %s", o.Schema.Name, m)
				}
			}
			if slices.Contains([]string{"AccessKey", "VirtualMFADevice", "ServiceSpecificCredential"}, m) {
				t.Errorf("%s records all of %s", o.Schema.Name, m)
			}
		}
	}
}

func TestTextsAreEscaped(t *testing.T) {
	if got := escape("a-Z_0.~ *+/é"); got != "a-Z_0.~%20%2A%2B%2F%C3%A9" {
		t.Error(got)
	}
}
