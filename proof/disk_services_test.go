package proof

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
)

// functionsAndSecrets is the part of a session that deals with secrets, their
// rotation, and functions: environment, code, events, answers and what they print.
func (p *process) functionsAndSecrets(t *testing.T, s secrets, check func()) {
	t.Helper()
	sm := func(op string, in object) tree { return p.must(t, &secretsmanagerapi.Model, op, in, p.admin) }
	lambda := func(op string, in object) tree { return p.must(t, &lambdaapi.Model, op, in, p.admin) }
	s["secret"], s["next secret"] = []byte("hush: the first value of a secret"), []byte("hush: the second value of a secret")
	s["binary secret"] = []byte("hush: the binary value of a secret")
	sm("CreateSecret", object{"Name": "proof", "SecretString": string(s["secret"]), "ClientRequestToken": newToken()})
	sm("PutSecretValue", object{"SecretId": "proof", "SecretString": string(s["next secret"]), "ClientRequestToken": newToken()})
	sm("CreateSecret", object{"Name": "binary", "SecretBinary": s["binary secret"], "ClientRequestToken": newToken()})

	// Rotation of a real user: every password that ever was.
	db := rotatetest.StartPostgres(t)
	s["password before rotation"] = []byte("F1rst-of-a-rotation")
	s["master's password"] = []byte(db.Password)
	db.AddUser(t, "searched", string(s["password before rotation"]))
	text := func(v map[string]any) string {
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	}
	value := db.Secret("searched", string(s["password before rotation"]))
	value["masterarn"] = sm("CreateSecret", object{"Name": "master", "SecretString": text(db.Secret(db.Admin, db.Password)), "ClientRequestToken": newToken()}).at("ARN")
	arn := sm("CreateSecret", object{"Name": "searched", "SecretString": text(value), "ClientRequestToken": newToken()}).at("ARN")
	for _, function := range []string{"SecretsManagerPostgreSQLRotationSingleUser", "SecretsManagerPostgreSQLRotationMultiUser"} {
		lambda("AddPermission", object{"FunctionName": function, "StatementId": "rotation", "Action": "lambda:InvokeFunction", "Principal": "secretsmanager.amazonaws.com"})
		r := &rotating{process: p, db: db, id: arn, token: newToken(), function: function}
		if a := r.rotate(); !a.ok() {
			t.Fatal(a)
		}
		p.await(t, func() error {
			if !r.done(t) {
				return errors.New(r.describe(t))
			}
			return nil
		})
		user, password := r.login(t, "AWSCURRENT")
		if err := db.Try(user, password); err != nil {
			t.Fatal(err)
		}
		s["password by "+function] = []byte(password)
		check()
	}

	// A function. Its package is stored as it is, so that its code could be seen.
	s["environment variable"], s["code"] = []byte("a variable of the environment of a function"), []byte("the constant in the code of a function")
	s["event"], s["answer"], s["line of the log"] = []byte("an event for a function, word by word"), []byte("an answer of a function: 77"), []byte("a line that a function prints: 77")
	role := p.must(t, &iamapi.Model, "CreateRole", object{"RoleName": "run", "AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`}, p.admin).at("Role.Arn")
	p.must(t, &iamapi.Model, "PutRolePolicy", object{"RoleName": "run", "PolicyName": "logs", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"logs:*","Resource":"*"}]}`}, p.admin)
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	f, err := w.CreateHeader(&zip.FileHeader{Name: "index.py", Method: zip.Store})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(f, "constant = '%s'\ndef handler(event, context):\n    print('a line that a function prints: ' + str(7 * 11))\n    return 'an answer of a function: ' + str(7 * 11)\n", s["code"])
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	lambda("CreateFunction", object{
		"FunctionName": "searched", "Runtime": "python3.12", "Handler": "index.handler", "Role": role, "Code": object{"ZipFile": b.Bytes()},
		"Environment": object{"Variables": object{"HUSH": string(s["environment variable"])}}, "Timeout": int64(30),
	})
	p.await(t, func() error {
		if state := lambda("GetFunctionConfiguration", object{"FunctionName": "searched"}).at("State"); state != "Active" {
			return errors.New(state)
		}
		return nil
	})
	event := []byte(text(map[string]any{"text": string(s["event"])}))
	for _, kind := range []string{"RequestResponse", "Event"} {
		a := p.call(&lambdaapi.Model, "Invoke", object{"FunctionName": "searched", "InvocationType": kind, "Payload": event}, p.admin)
		if !a.ok() || kind == "RequestResponse" && !slices.Equal(a.body, []byte(`"`+string(s["answer"])+`"`)) {
			t.Fatalf("%v %s", a, a.body)
		}
	}
	check()
}
