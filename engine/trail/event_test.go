package trail

import (
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
)

// The whole of a record, field by field and in CloudTrail's order.
func TestRecordShape(t *testing.T) {
	e := &Event{
		Account: "123456789012", Region: "us-east-1", Time: time.Date(2026, 1, 2, 3, 4, 5, 678, time.UTC),
		Identity: IdentityOf(&redoubt.Principal{
			Kind: redoubt.Role, Account: "123456789012", ARN: "arn:aws:sts::123456789012:assumed-role/app/s1", ID: "AROAEXAMPLE:s1", Name: "app",
			Issuer: "arn:aws:iam::123456789012:role/path/app", IssuerID: "AROAEXAMPLE", AccessKeyID: "ASIAEXAMPLE",
			Session: &redoubt.Session{Name: "s1", Issued: time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC), SourceIdentity: "ann"},
		}, redoubt.Via{CalledVia: []string{"secretsmanager.amazonaws.com"}}),
		Source: "kms.amazonaws.com", Name: "Decrypt", SourceIP: "secretsmanager.amazonaws.com", UserAgent: "secretsmanager.amazonaws.com",
		ErrorCode: "AccessDenied", ErrorMessage: `not "allowed"`,
		RequestParameters: json.RawMessage(`{"encryptionContext":{"a":"b"}}`), Additional: json.RawMessage(`{"keyMaterialId":"x"}`),
		RequestID: "r-1", EventID: "e-1", ReadOnly: true, SharedID: "s-1",
		Resources: []Resource{{ARN: "arn:aws:kms:us-east-1:123456789012:key/k", Account: "123456789012", Type: "AWS::KMS::Key"}},
		TLS:       &TLS{Version: "TLSv1.3", Cipher: "TLS_AES_128_GCM_SHA256", Host: "localhost:4567"},
	}
	want := `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE:s1","arn":"arn:aws:sts::123456789012:assumed-role/app/s1",` +
		`"accountId":"123456789012","accessKeyId":"ASIAEXAMPLE","sessionContext":{"sessionIssuer":{"type":"Role","principalId":"AROAEXAMPLE",` +
		`"arn":"arn:aws:iam::123456789012:role/path/app","accountId":"123456789012","userName":"app"},"sourceIdentity":"ann",` +
		`"attributes":{"creationDate":"2026-01-02T03:00:00Z","mfaAuthenticated":"false"}},"invokedBy":"secretsmanager.amazonaws.com"},` +
		`"eventTime":"2026-01-02T03:04:05Z","eventSource":"kms.amazonaws.com","eventName":"Decrypt","awsRegion":"us-east-1",` +
		`"sourceIPAddress":"secretsmanager.amazonaws.com","userAgent":"secretsmanager.amazonaws.com","errorCode":"AccessDenied","errorMessage":"not \"allowed\"",` +
		`"requestParameters":{"encryptionContext":{"a":"b"}},"responseElements":null,"additionalEventData":{"keyMaterialId":"x"},"requestID":"r-1","eventID":"e-1",` +
		`"readOnly":true,"resources":[{"accountId":"123456789012","type":"AWS::KMS::Key","ARN":"arn:aws:kms:us-east-1:123456789012:key/k"}],` +
		`"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"123456789012","sharedEventID":"s-1","eventCategory":"Management",` +
		`"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"localhost:4567"}}`
	if got := string(e.AppendJSON(nil)); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestIdentities(t *testing.T) {
	issued := time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC)
	for _, v := range []struct {
		p          redoubt.Principal
		json, user string
	}{
		{redoubt.Principal{}, `{"type":"AWSAccount","accountId":"anonymous"}`, ""},
		{redoubt.Principal{Kind: redoubt.Root, Account: "1", ARN: "arn:aws:iam::1:root", ID: "1", AccessKeyID: "K"}, `{"type":"Root","principalId":"1","arn":"arn:aws:iam::1:root","accountId":"1","accessKeyId":"K"}`, "root"},
		{redoubt.Principal{Kind: redoubt.User, Account: "1", ARN: "arn:aws:iam::1:user/p/ann", ID: "AIDA", Name: "ann"}, `{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::1:user/p/ann","accountId":"1","userName":"ann"}`, "ann"},
		{redoubt.Principal{Kind: redoubt.User, Account: "1", ARN: "arn:aws:iam::1:user/ann", ID: "AIDA", Name: "ann", Session: &redoubt.Session{Issued: issued, MFA: true}},
			`{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::1:user/ann","accountId":"1","userName":"ann","sessionContext":{"attributes":{"creationDate":"2026-01-02T03:00:00Z","mfaAuthenticated":"true"}}}`, "ann"},
		{redoubt.Principal{Kind: redoubt.Service, ARN: "events.amazonaws.com"}, `{"type":"AWSService","invokedBy":"events.amazonaws.com"}`, "events.amazonaws.com"},
		{redoubt.Principal{Kind: redoubt.Federated, Account: "1", ARN: "arn:aws:sts::1:federated-user/bob", ID: "1:bob", Issuer: "arn:aws:iam::1:user/ann", IssuerID: "AIDA", Session: &redoubt.Session{Issued: issued}},
			`{"type":"FederatedUser","principalId":"1:bob","arn":"arn:aws:sts::1:federated-user/bob","accountId":"1","sessionContext":{"sessionIssuer":{"type":"IAMUser","principalId":"AIDA","arn":"arn:aws:iam::1:user/ann","accountId":"1","userName":"ann"},"attributes":{"creationDate":"2026-01-02T03:00:00Z","mfaAuthenticated":"false"}}}`, "bob"},
		{redoubt.Principal{Kind: redoubt.Role, Account: "1", ARN: "arn:aws:sts::1:assumed-role/r/s", ID: "AROA:s", Issuer: "arn:aws:iam::1:role/r", Session: &redoubt.Session{Issued: issued, Provider: "accounts.example.com"}},
			`{"type":"AssumedRole","principalId":"AROA:s","arn":"arn:aws:sts::1:assumed-role/r/s","accountId":"1","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::1:role/r","accountId":"1","userName":"r"},"webIdFederationData":{"federatedProvider":"accounts.example.com","attributes":{}},"attributes":{"creationDate":"2026-01-02T03:00:00Z","mfaAuthenticated":"false"}}}`, "s"},
	} {
		id := IdentityOf(&v.p, redoubt.Via{})
		if got := string(id.append(nil)); got != v.json {
			t.Errorf("got  %s\nwant %s", got, v.json)
		}
		if got := id.userName(); got != v.user {
			t.Errorf("%s: user name %q, want %q", id.Type, got, v.user)
		}
	}
}

func TestLimitsOfFields(t *testing.T) {
	e := event(1)
	e.UserAgent = strings.Repeat("ü", 1000)
	e.RequestParameters = json.RawMessage(`"` + strings.Repeat("x", 200<<10) + `"`)
	var got struct {
		UserAgent         string
		RequestParameters struct {
			Reason       string
			Omitted      bool
			OriginalSize int
		}
	}
	if err := json.Unmarshal(e.AppendJSON(nil), &got); err != nil {
		t.Fatal(err)
	}
	if len(got.UserAgent) != 1024 || got.RequestParameters.Reason != "requestParameters too large" || !got.RequestParameters.Omitted || got.RequestParameters.OriginalSize != 200<<10+2 {
		t.Errorf("%d, %+v", len(got.UserAgent), got.RequestParameters)
	}
}

// Whatever a client sends, a record is valid JSON and reads back.
func FuzzEvent(f *testing.F) {
	f.Add("aws-cli", "ann", "AccessDenied", "a\"b\\c\n\x00\xff\u2028")
	f.Add(strings.Repeat("é", 600), "", "", "")
	f.Fuzz(func(t *testing.T, agent, user, code, message string) {
		e := event(1)
		e.UserAgent, e.Identity.UserName, e.ErrorCode, e.ErrorMessage = agent, user, code, message
		b := e.AppendJSON(nil)
		if !json.Valid(b) || !utf8.Valid(b) {
			t.Fatalf("%q", b)
		}
		r, err := parse(0, b)
		if err != nil || r.UserName != strings.ToValidUTF8(user, "\ufffd") && utf8.ValidString(user) {
			t.Errorf("%v, %q", err, r.UserName)
		}
		if !strings.Contains(string(b), `"managementEvent":true`) {
			t.Error("a field is gone")
		}
	})
}

// Frames come from sealed records; still nothing in them may break a search.
func FuzzFrames(f *testing.F) {
	f.Add(joinFrames([]frame{{1, []byte("{}")}, {2, []byte(`{"eventID":"x"}`)}}))
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255})
	f.Fuzz(func(t *testing.T, b []byte) {
		fs, err := splitFrames(b)
		if err == nil && string(joinFrames(fs)) != string(b) {
			t.Error("frames do not join again")
		}
	})
}

func FuzzBatchID(f *testing.F) {
	f.Add(batchID{5, 4, "0011", direct}.String())
	f.Fuzz(func(t *testing.T, s string) {
		if id, ok := parseBatchID(s); ok && !strings.EqualFold(id.String(), s) {
			t.Errorf("%q became %q", s, id)
		}
	})
}

func TestFilter(t *testing.T) {
	var terms []uint64
	for i := range 1000 {
		terms = append(terms, term(EventID, NewID()), term(EventName, "Decrypt"), term(UserName, string(rune('a'+i%26))))
	}
	f := buildFilter(append([]uint64(nil), terms...))
	for _, x := range terms {
		if !mayHold(f, x) {
			t.Fatal("a term is lost")
		}
	}
	if len(f) > 1100*bitsPerTerm/8 {
		t.Errorf("filter of %d bytes", len(f))
	}
	wrong := 0
	for range 10000 {
		if mayHold(f, term(EventID, NewID())) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("%d of 10,000 false", wrong)
	}
	if mayHold(nil, 1) {
		t.Error("an empty filter holds something")
	}
}

// BenchmarkRecord is all that a read's event costs: JSON, terms, compression,
// index, sealing and the write, per event.
func BenchmarkRecord(b *testing.B) {
	l := open_(b, Deps{Buffer: 1 << 30})
	e := event(1)
	e.RequestParameters = json.RawMessage(`{"keyId":"arn:aws:kms:eu-west-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab","encryptionAlgorithm":"SYMMETRIC_DEFAULT","encryptionContext":{"app":"bench"}}`)
	e.TLS = &TLS{"TLSv1.3", "TLS_AES_128_GCM_SHA256", "localhost:4567"}
	b.ReportAllocs()
	n := 0
	for b.Loop() {
		e.Time = e.Time.Add(100 * time.Microsecond)
		e.EventID, e.RequestID = "", "0a1b2c3d-"+NewID()[9:]
		if err := l.Record(e); err != nil {
			b.Fatal(err)
		}
		if n++; n%1000 == 0 {
			if err := l.Flush(context.Background()); err != nil {
				b.Fatal(err)
			}
		}
	}
	size, records := 0, 0
	for kv := range l.db.Backend().Scan(l.everything(), false) {
		size += len(kv.Value)
		records++
	}
	b.ReportMetric(float64(size)/float64(n), "stored-B/event")
}

func BenchmarkCommit(b *testing.B) {
	l := open_(b, Deps{})
	e := event(1)
	b.ReportAllocs()
	for b.Loop() {
		e.EventID = ""
		if err := l.Commit(l.db.Begin(), e); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSearch(b *testing.B) {
	l := open_(b, Deps{Buffer: 1 << 30})
	for i := range 200000 {
		if err := l.Record(event(i)); err != nil {
			b.Fatal(err)
		}
	}
	if err := l.Flush(context.Background()); err != nil {
		b.Fatal(err)
	}
	l.clock.Advance(300000 * time.Second)
	if err := l.Fold(context.Background()); err != nil {
		b.Fatal(err)
	}
	for name, q := range map[string]Query{"newest": {}, "by id": {By: EventID, Value: event(777).EventID}, "by user": {By: UserName, Value: "bob"}, "none": {By: UserName, Value: "nobody"}} {
		q.Account, q.Region = "123456789012", "eu-west-1"
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := l.Search(q); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
