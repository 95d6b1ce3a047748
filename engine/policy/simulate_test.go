package policy

import (
	"slices"
	"testing"
)

// The example of the AWS CLI's reference page for simulate-custom-policy, whose
// columns show how IAM counts.
func TestSimulate(t *testing.T) {
	text := `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"dynamodb:*","Resource":"*","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2018-08-16T12:00:00Z"}}}}`
	s := setting{by: aliceUser(), action: "dynamodb:CreateBackup", resource: "*"}
	r := s.request(t)
	r.Identity = []Source{{Name: "PolicyInputList.1", Document: must(t, Identity, text)}}
	r.Simulated = map[string][]string{"aws:CurrentTime": {"2019-04-25T11:00:00Z"}}
	got := Simulate(r)
	if got.Verdict != "allowed" || len(got.Matched) != 1 || got.Matched[0].Start != (Position{1, 38}) ||
		got.Matched[0].End != (Position{1, 167}) || got.Matched[0].Source.Name != "PolicyInputList.1" || len(got.Missing) != 0 {
		t.Errorf("got %+v", got)
	}
	r.Simulated = map[string][]string{"aws:CurrentTime": {"2014-04-25T11:00:00Z"}}
	if got = Simulate(r); got.Verdict != "implicitDeny" || len(got.Matched) != 0 || len(got.Missing) != 0 {
		t.Errorf("got %+v", got)
	}
	r.Simulated = map[string][]string{}
	if got = Simulate(r); got.Verdict != "implicitDeny" || !slices.Equal(got.Missing, []string{"aws:CurrentTime"}) {
		t.Errorf("got %+v", got)
	}
}

// In a list the position is the brace's own.
func TestStatementPlaces(t *testing.T) {
	d := must(t, Identity, "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\"Effect\": \"Allow\", \"Action\": \"a:b\", \"Resource\": \"*\"},\n    {\n      \"Effect\": \"Allow\", \"Action\": \"a:c\", \"Resource\": \"*\"\n    }\n  ]\n}")
	start, end := d.Place(0)
	if start != (Position{4, 5}) || end != (Position{4, 58}) {
		t.Error(start, end)
	}
	if start, end = d.Place(1); start != (Position{5, 5}) || end != (Position{7, 6}) {
		t.Error(start, end)
	}
}

func TestSimulateMatchedStatements(t *testing.T) {
	both := allowSend + `,` + allowAll + `,` + denySend + `,` + allowRead
	r := setting{by: aliceUser(), identity: both, policy: allowTo(`"*"`)}.request(t)
	got := Simulate(r)
	if got.Verdict != "explicitDeny" || len(got.Matched) != 1 || got.Matched[0].Statement != 2 || got.Identity != "explicitDeny" || got.Resource != "allowed" {
		t.Errorf("a deny is named alone: %+v", got)
	}
	r = setting{by: aliceUser(), identity: allowSend + `,` + allowAll + `,` + allowRead, policy: allowTo(`"*"`), boundary: allowRead}.request(t)
	got = Simulate(r)
	if got.Verdict != "allowed" || len(got.Matched) != 3 || got.ByBoundary == nil || *got.ByBoundary {
		t.Errorf("every allow is named: %+v", got)
	}
	r = setting{by: aliceUser(), identity: allowAll, scps: []string{allowRead}}.request(t)
	if got = Simulate(r); got.Verdict != "implicitDeny" || got.ByOrganization == nil || *got.ByOrganization {
		t.Errorf("%+v", got)
	}
	// Only statements for this action and resource ask for keys.
	r = setting{by: aliceUser(), identity: `{"Effect":"Allow","Action":"sqs:*","Resource":"*","Condition":{"StringEquals":{"x:Asked":"1"},"StringLike":{"X:asked":"2"}}},` +
		`{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{"StringEquals":{"x:other":"1"}}}`}.request(t)
	if got = Simulate(r); len(got.Missing) != 1 {
		t.Errorf("%q", got.Missing)
	}
}
