package secretsmanager_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/rotate"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// post signs a request with its JSON body and answers what came back: for
// operations that no SDK here has.
func (s *suite) post(service, path, target string, in any) (int, string) {
	s.Helper()
	body, err := json.Marshal(in)
	must(s, err)
	r, err := http.NewRequest(http.MethodPost, s.URL+path, bytes.NewReader(body))
	must(s, err)
	r.Header.Set("Content-Type", "application/json")
	if target != "" {
		r.Header.Set("X-Amz-Target", target)
		r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	}
	signer := sigv4.Signer{AccessKeyID: s.account.AccessKeyID, Secret: s.account.Secret, Region: home, Service: service}
	signer.Sign(r, body, time.Now())
	resp, err := http.DefaultClient.Do(r)
	must(s, err)
	defer resp.Body.Close()
	var b bytes.Buffer
	_, err = b.ReadFrom(resp.Body)
	must(s, err)
	return resp.StatusCode, b.String()
}

func (s *suite) diagnose(id string) string {
	s.Helper()
	code, text := s.post("redoubt", "/_redoubt/v1/rotation/diagnose", "", map[string]string{"SecretId": id})
	var out struct{ Report string }
	if code != 200 || json.Unmarshal([]byte(text), &out) != nil {
		s.Fatalf("%d %s", code, text)
	}
	return out.Report
}

func (s *suite) function(name string) string {
	return "arn:aws:lambda:us-east-1:" + s.account.ID + ":function:" + name
}

// permit lets Secrets Manager invoke a function.
func (s *suite) permit(name string) {
	s.Helper()
	code, text := s.post("lambda", "/2015-03-31/functions/"+name+"/policy", "", map[string]string{
		"StatementId": "sm", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com",
	})
	if code != 201 {
		s.Fatalf("%d %s", code, text)
	}
}

// Built-in functions rotate a user of a real database, on a server that is
// restarted, and whose disk then holds no password.
func TestBuiltinRotation(t *testing.T) {
	pg := rotatetest.StartPostgres(t)
	data := filepath.Join(t.TempDir(), "data")
	running := redoubttest.Start(t, redoubttest.Options{Data: data, Store: "pebble", Change: func(c *server.Config) { c.EgressAllow = []string{pg.Host} }})
	s := newAdmin(t, running)

	const first = "First-pass-0001"
	user := "rotated_app"
	pg.AddUser(t, user, first)
	text, err := json.Marshal(pg.Secret(user, first))
	must(t, err)
	key := s.key()
	_, err = s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("app"), SecretString: aws.String(string(text)), KmsKeyId: &key})
	must(t, err)
	fn := "SecretsManagerPostgreSQLRotationSingleUser"
	rotate := &sm.RotateSecretInput{SecretId: aws.String("app"), RotationLambdaARN: aws.String(s.function(fn)), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}
	_, err = s.sm.RotateSecret(s.ctx, rotate)
	refused(t, err, "AccessDeniedException", "Secrets Manager cannot invoke the specified Lambda function.")
	if _, err := iam.NewFromConfig(s.account.Config(home)).GetRole(s.ctx, &iam.GetRoleInput{RoleName: aws.String("AWSServiceRoleForSecretsManagerRotation")}); err == nil {
		t.Error("a refusal made a role")
	}
	s.permit(fn)
	_, err = s.sm.RotateSecret(s.ctx, rotate)
	must(t, err)
	second := s.rotated("app", first)
	if err := pg.Try(user, second); err != nil {
		t.Error(err)
	}
	if pg.Try(user, first) == nil {
		t.Error("the old password is still good")
	}
	report := s.logged(fn)
	if !strings.Contains(report, "finishSecret  done") || strings.Contains(report, second) || strings.Contains(report, first) {
		t.Error(report)
	}

	// On its day, after a restart.
	s = newAdmin(t, running.Restart(t))
	s.Clock.Advance(31 * 24 * time.Hour)
	third := s.rotated("app", second)
	if err := pg.Try(user, third); err != nil {
		t.Error(err)
	}

	// A key that is switched off: nothing changes, and the cause is told.
	keys := kms.NewFromConfig(s.account.Config(home))
	_, err = keys.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: &key})
	must(t, err)
	s.Clock.Advance(31 * 24 * time.Hour)
	redoubttest.Eventually(t, func() error {
		if report := s.diagnose("app"); !strings.Contains(report, "DecryptionFailure") || !strings.Contains(report, "is in state Disabled") {
			return fmt.Errorf("%s", report)
		}
		return nil
	})
	if err := pg.Try(user, third); err != nil {
		t.Error(err)
	}
	_, err = keys.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: &key})
	must(t, err)
	s.Clock.Advance(time.Hour)
	fourth := s.rotated("app", third)

	s.masters(pg)

	// The disk: the positive control is a description, which stands in the clear. It
	// has no pattern that compression could fold.
	const control = "q7Zk2XwV9bTn4LrJ"
	_, err = s.sm.UpdateSecret(s.ctx, &sm.UpdateSecretInput{SecretId: aws.String("app"), Description: aws.String(control)})
	must(t, err)
	s.Server.Restart(t)
	found := false
	must(t, filepath.WalkDir(data, func(path string, e fs.DirEntry, err error) error {
		if err != nil || !e.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		found = found || bytes.Contains(b, []byte(control))
		for _, p := range []string{first, second, third, fourth} {
			if bytes.Contains(b, []byte(p)) {
				t.Errorf("a password is in %s", path)
			}
		}
		return err
	}))
	if !found {
		t.Error("the search finds nothing at all")
	}
}

// newAdmin is a suite in the server's first account.
func newAdmin(t *testing.T, server *redoubttest.Server) *suite {
	return &suite{T: t, Server: server, account: server.Admin, sm: sm.NewFromConfig(server.Admin.Config(home)), kms: kms.NewFromConfig(server.Admin.Config(home)), ctx: t.Context()}
}

// rotated waits for another password than before, and answers it.
func (s *suite) rotated(id, before string) string {
	s.Helper()
	var doc struct{ Password string }
	redoubttest.Eventually(s, func() error {
		must(s, json.Unmarshal([]byte(s.value(id, "")), &doc))
		d := s.describe(id)
		if doc.Password == before || len(d.VersionIdsToStages) != 2 {
			return fmt.Errorf("not rotated: %v\n%s", d.VersionIdsToStages, s.diagnose(id))
		}
		return nil
	})
	return doc.Password
}

// logged waits for the log of a rotation of the secret "app" by a built-in function:
// four steps, each from START to REPORT, both in CloudWatch Logs and in the report
// that it answers.
func (s *suite) logged(fn string) string {
	s.Helper()
	var report string
	redoubttest.Eventually(s, func() error {
		code, text := s.post("logs", "/", "Logs_20140328.FilterLogEvents", map[string]string{"logGroupName": "/aws/lambda/" + fn})
		if report = s.diagnose("app"); code != 200 {
			return fmt.Errorf("%d %s\n%s", code, text, report)
		}
		for _, where := range []string{text, report} {
			for _, what := range []string{"START RequestId: ", "createSecret: ", "setSecret: ", "testSecret: ", "finishSecret: ", "END RequestId: ", "REPORT RequestId: "} {
				want := 1
				if strings.Contains(what, "Request") {
					want = len(rotate.Steps)
				}
				if strings.Count(where, what) < want {
					return fmt.Errorf("no %q:\n%s", what, where)
				}
			}
		}
		return nil
	})
	return report
}

// masters: a secret that another's masterarn names is lent by who may read it, and
// by nobody else.
func (s *suite) masters(pg *rotatetest.Server) {
	const first = "First-pass-0002"
	pg.AddUser(s.T, "turns", first)
	admin, err := json.Marshal(pg.Secret(pg.Admin, pg.Password))
	must(s, err)
	master := s.create("master", string(admin))
	other := s.create("other", string(admin))
	doc := pg.Secret("turns", first)
	doc["masterarn"] = *master.ARN
	text, err := json.Marshal(doc)
	must(s, err)
	s.create("turns", string(text))
	fn := "SecretsManagerPostgreSQLRotationMultiUser"
	s.permit(fn)
	in := &sm.RotateSecretInput{SecretId: aws.String("turns"), RotationLambdaARN: aws.String(s.function(fn)), RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}}
	// Somebody who may rotate, and read everything but the master.
	deputy := sm.NewFromConfig(s.user("deputy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["secretsmanager:*","lambda:InvokeFunction","kms:*"],"Resource":"*"},
		{"Effect":"Deny","Action":"secretsmanager:GetSecretValue","Resource":["`+*master.ARN+`","`+*other.ARN+`"]}]}`))
	_, err = deputy.RotateSecret(s.ctx, in)
	refused(s, err, "AccessDeniedException", "the secret that masterarn names")
	if s.describe("turns").RotationEnabled != nil {
		s.Error("a refusal enabled rotation")
	}
	_, err = s.sm.RotateSecret(s.ctx, in)
	must(s, err)
	second := s.rotated("turns", first)
	if err := pg.Try("turns_clone", second); err != nil {
		s.Error(err)
	}
	if err := pg.Try("turns", first); err != nil {
		s.Error("the first user's password ended too soon:", err)
	}
	// A masterarn that somebody writes into the value later is not followed.
	must(s, json.Unmarshal([]byte(s.value("turns", "")), &doc))
	doc["masterarn"] = *other.ARN
	text, err = json.Marshal(doc)
	must(s, err)
	_, err = deputy.PutSecretValue(s.ctx, &sm.PutSecretValueInput{SecretId: aws.String("turns"), SecretString: aws.String(string(text))})
	must(s, err)
	s.Clock.Advance(32 * 24 * time.Hour)
	redoubttest.Eventually(s, func() error {
		if report := s.diagnose("turns"); !strings.Contains(report, "was not admitted when rotation was set up") || !strings.Contains(report, "masterarn names another secret") {
			return fmt.Errorf("%s", report)
		}
		return nil
	})
}
