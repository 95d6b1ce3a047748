package secretsmanager_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// manage asks for managed rotation and answers the status and what came back.
func (s *suite) manage(id, users string) (int, string) {
	s.Helper()
	return s.post("redoubt", "/_redoubt/v1/rotation/manage", "", map[string]string{"SecretId": id, "Users": users})
}

// TestManagedRotation: a secret that this server owns rotates without a function,
// across restarts, and shows its owner; all others need a function, as ever.
func TestManagedRotation(t *testing.T) {
	pg := rotatetest.StartPostgres(t)
	s := newAdmin(t, redoubttest.Start(t, redoubttest.Options{Store: "pebble", Change: func(c *server.Config) { c.EgressAllow = []string{pg.Host} }}))
	const first = "First-pass-0004"
	secret := func(name, user, password string, more map[string]any) *sm.CreateSecretOutput {
		doc := pg.Secret(user, password)
		for k, v := range more {
			doc[k] = v
		}
		text, err := json.Marshal(doc)
		must(t, err)
		return s.create(name, string(text))
	}
	pg.AddUser(t, "owned", first)
	pg.AddUser(t, "shared", first)
	secret("owned", "owned", first, nil)
	master := secret("keeper", pg.Admin, pg.Password, nil)
	secret("shared", "shared", first, map[string]any{"masterarn": *master.ARN})
	s.create("words", "no JSON")
	rotate := func(id string) *sm.RotateSecretInput {
		return &sm.RotateSecretInput{SecretId: &id, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}
	}
	_, err := s.sm.RotateSecret(s.ctx, rotate("owned"))
	refused(t, err, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")

	for id, want := range map[string]string{"words": "409 UnmanageableSecretException", "none": "404 NoSuchSecretException"} {
		code, text := s.manage(id, "one")
		status, kind, _ := strings.Cut(want, " ")
		if fmt.Sprint(code) != status || !strings.Contains(text, kind) && !strings.Contains(text, "There is no secret none.") && !strings.Contains(text, "engine is a kind of database") {
			t.Errorf("%s: %d %s", id, code, text)
		}
	}
	if code, text := s.manage("owned", "one"); code != 200 || !strings.Contains(text, `"OwningService":"redoubt"`) {
		t.Fatalf("%d %s", code, text)
	}
	// Whoever may rotate the secret needs no right to a function.
	clerk := sm.NewFromConfig(s.user("clerk", allow("secretsmanager:RotateSecret", "secretsmanager:GetSecretValue", "kms:Decrypt")))
	_, err = clerk.RotateSecret(s.ctx, rotate("owned"))
	must(t, err)
	second := s.rotated("owned", first)
	if err := pg.Try("owned", second); err != nil {
		t.Error(err)
	}
	d := s.describe("owned")
	s.is([]any{aws.ToString(d.OwningService), aws.ToString(d.RotationLambdaARN), *d.RotationEnabled}, []any{"redoubt", "", true})
	list, err := s.sm.ListSecrets(s.ctx, &sm.ListSecretsInput{Filters: []types.Filter{{Key: types.FilterNameStringTypeOwningService, Values: []string{"redoubt"}}}})
	must(t, err)
	if len(list.SecretList) != 1 || *list.SecretList[0].Name != "owned" || list.SecretList[0].RotationLambdaARN != nil {
		t.Errorf("%+v", list.SecretList)
	}
	with := rotate("owned")
	with.RotationLambdaARN = aws.String(s.function("SecretsManagerPostgreSQLRotationSingleUser"))
	_, err = s.sm.RotateSecret(s.ctx, with)
	refused(t, err, "InvalidRequestException", "its rotation is managed by redoubt")

	// Two users: the master's secret is lent by who may read it.
	if code, text := s.manage("shared", "two"); code != 200 {
		t.Fatalf("%d %s", code, text)
	}
	deputy := sm.NewFromConfig(s.user("deputy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","kms:*"],"Resource":"*"},
		{"Effect":"Deny","Action":"secretsmanager:GetSecretValue","Resource":"`+*master.ARN+`"}]}`))
	_, err = deputy.RotateSecret(s.ctx, rotate("shared"))
	refused(t, err, "AccessDeniedException", "the secret that masterarn names")
	_, err = s.sm.RotateSecret(s.ctx, rotate("shared"))
	must(t, err)
	next := s.rotated("shared", first)
	if err := pg.Try("shared_clone", next); err != nil {
		t.Error(err)
	}
	if err := pg.Try("shared", first); err != nil {
		t.Error(err)
	}

	// On its day, after a restart; and until it is given back.
	s = newAdmin(t, s.Server.Restart(t))
	s.Clock.Advance(31 * 24 * time.Hour)
	third := s.rotated("owned", second)
	if err := pg.Try("owned", third); err != nil {
		t.Error(err)
	}
	if report := s.diagnose("owned"); !strings.Contains(report, "Managed:      by this server") || !strings.Contains(report, "Likely cause: nothing is wrong") {
		t.Error(report)
	}
	if code, text := s.manage("owned", "none"); code != 200 || strings.Contains(text, "OwningService") {
		t.Errorf("%d %s", code, text)
	}
	d = s.describe("owned")
	if d.OwningService != nil || d.RotationEnabled != nil {
		t.Errorf("%+v", d)
	}
	_, err = s.sm.RotateSecret(s.ctx, rotate("owned"))
	refused(t, err, "InvalidRequestException", "No Lambda rotation function ARN is associated with this secret.")
}
