package cases

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

func TestMain(m *testing.M) {
	functions.Sandboxed()
	os.Exit(m.Run())
}

// TestFunctions runs the article's functions, which sign in to a real MariaDB with
// Debian's pymysql in a layer.
func TestFunctions(t *testing.T) {
	needTools(t)
	driver := "/usr/lib/python3/dist-packages/pymysql"
	if _, err := os.Stat(driver); err != nil {
		redoubttest.Lacks(t, err, "make deps installs it")
	}
	db := rotatetest.StartMariaDB(t)
	host := standardPort(t, db)
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.LambdaEgress = []string{host + ":3306"} }})
	for name, run := range map[string]func(*stage){"S17": parameterFunction, "S24 and S59": printedRotation, "SC1": pipeline} {
		t.Run(name, func(t *testing.T) {
			run(newStage(t, s, db, host, driver))
		})
	}
}

// standardPort makes a database reachable at MySQL's own port, which the article's
// snippets take for granted, at a loopback address that nothing else uses.
func standardPort(t *testing.T, db *rotatetest.Server) string {
	t.Helper()
	for last := 2; last < 250; last++ {
		host := fmt.Sprintf("127.33.6.%d", last)
		l, err := net.Listen("tcp", host+":3306")
		if err != nil {
			continue
		}
		t.Cleanup(func() { l.Close() })
		go func() {
			for {
				c, err := l.Accept()
				if err != nil {
					return
				}
				go forward(c, fmt.Sprintf("%s:%d", db.Host, db.Port))
			}
		}()
		return host
	}
	t.Fatal("no loopback address has port 3306 free")
	return ""
}

// forward joins a connection with one to addr until either ends.
func forward(c net.Conn, addr string) {
	defer c.Close()
	d, err := net.Dial("tcp", addr)
	if err != nil {
		return
	}
	defer d.Close()
	go func() {
		io.Copy(d, c)
		d.Close()
	}()
	io.Copy(c, d)
}

// stage is an account with what a case needs.
type stage struct {
	*testing.T
	account   *redoubttest.Account
	db        *rotatetest.Server
	host      string // of db, at the standard port
	secrets   *secretsmanager.Client
	functions *lambda.Client
	role      string
	layer     string // with pymysql
}

func newStage(t *testing.T, s *redoubttest.Server, db *rotatetest.Server, host, driver string) *stage {
	t.Helper()
	a := s.NewAccount(t)
	c := a.Config("us-east-1")
	g := &stage{T: t, account: a, db: db, host: host, secrets: secretsmanager.NewFromConfig(c), functions: lambda.NewFromConfig(c)}
	users := iam.NewFromConfig(c)
	role, err := users.CreateRole(t.Context(), &iam.CreateRoleInput{
		RoleName:                 aws.String("functions"),
		AssumeRolePolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`),
	})
	g.must(err)
	g.role = *role.Role.Arn
	_, err = users.PutRolePolicy(t.Context(), &iam.PutRolePolicyInput{
		RoleName: aws.String("functions"), PolicyName: aws.String("work"),
		PolicyDocument: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents",
			"secretsmanager:GetSecretValue","secretsmanager:DescribeSecret","secretsmanager:PutSecretValue","secretsmanager:UpdateSecret","secretsmanager:UpdateSecretVersionStage",
			"secretsmanager:GetRandomPassword","ssm:GetParameter"],"Resource":"*"}]}`),
	})
	g.must(err)
	files := map[string]string{}
	g.must(fs.WalkDir(os.DirFS(driver), ".", func(name string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(name, ".py") {
			return err
		}
		b, err := os.ReadFile(path.Join(driver, name))
		files["python/pymysql/"+name] = string(b)
		return err
	}))
	layer, err := g.functions.PublishLayerVersion(t.Context(), &lambda.PublishLayerVersionInput{LayerName: aws.String("pymysql"), Content: &lambdatypes.LayerVersionContentInput{ZipFile: archive(t, files)}})
	g.must(err)
	g.layer = *layer.LayerVersionArn
	return g
}

func archive(t *testing.T, files map[string]string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	for name, text := range files {
		f, err := w.Create(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(f, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func (g *stage) must(err error) {
	g.Helper()
	if err != nil {
		g.Fatal(err)
	}
}

// create makes a function of a script that Secrets Manager may invoke, and answers
// its ARN.
func (g *stage) create(name, script string, env map[string]string) string {
	g.Helper()
	code, err := os.ReadFile("testdata/python/" + script)
	g.must(err)
	out, err := g.functions.CreateFunction(g.Context(), &lambda.CreateFunctionInput{
		FunctionName: &name, Runtime: lambdatypes.RuntimePython312, Handler: aws.String("index.lambda_handler"), Role: &g.role,
		Code: &lambdatypes.FunctionCode{ZipFile: archive(g.T, map[string]string{"index.py": string(code)})}, Layers: []string{g.layer},
		Timeout: aws.Int32(30), Environment: &lambdatypes.Environment{Variables: env},
	})
	if err != nil && strings.Contains(err.Error(), "cannot run on this server") {
		redoubttest.Lacks(g.T, err)
	}
	g.must(err)
	g.must(lambda.NewFunctionActiveV2Waiter(g.functions).Wait(g.Context(), &lambda.GetFunctionInput{FunctionName: &name}, time.Minute))
	_, err = g.functions.AddPermission(g.Context(), &lambda.AddPermissionInput{
		FunctionName: &name, StatementId: aws.String("rotation"), Action: aws.String("lambda:InvokeFunction"),
		Principal: aws.String("secretsmanager.amazonaws.com"), SourceAccount: &g.account.ID,
	})
	g.must(err)
	return *out.FunctionArn
}

// python runs a script as printed, with changes of its text, and answers what it
// prints. The endpoint is the only addition.
func (g *stage) python(script string, changes ...string) (string, error) {
	g.Helper()
	code, err := os.ReadFile("testdata/python/" + script)
	g.must(err)
	cmd := exec.CommandContext(g.Context(), "python3", "-c", `
import os, boto3
plain = boto3.client
boto3.client = lambda name, **args: plain(name, endpoint_url=os.environ["AWS_ENDPOINT_URL"], **args)
exec(compile(os.environ["SCRIPT"], "script", "exec"), {"__name__": "__main__"})`)
	cmd.Dir = g.TempDir()
	cmd.Env = append(os.Environ(), g.account.Environ()...)
	cmd.Env = append(cmd.Env, "AWS_CONFIG_FILE=/nonexistent", "AWS_MAX_ATTEMPTS=1", "HOME="+cmd.Dir, "SCRIPT="+strings.NewReplacer(changes...).Replace(string(code)))
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// stops runs a script that must end with an error.
func (g *stage) stops(why, script string, changes ...string) {
	g.Helper()
	if out, err := g.python(script, changes...); err == nil || !strings.Contains(out, why) {
		g.Fatalf("%s does not stop with %q: %v\n%s", script, why, err, out)
	}
}

// parameterFunction is S17: what it answers is null, and only the password that the
// parameter holds signs in.
func parameterFunction(g *stage) {
	g.db.Exec(g.T, "CREATE DATABASE myapp")
	g.db.AddUser(g.T, "reader", "of-the-parameter-1")
	g.db.Exec(g.T, "GRANT SELECT ON myapp.* TO 'reader'@'%'")
	parameters := ssm.NewFromConfig(g.account.Config("us-east-1"))
	put := func(value string) {
		_, err := parameters.PutParameter(g.Context(), &ssm.PutParameterInput{
			Name: aws.String("/myapp/database/password"), Type: ssmtypes.ParameterTypeSecureString, Value: &value, Overwrite: aws.Bool(true),
		})
		g.must(err)
	}
	put("of-the-parameter-1")
	g.create("reader", "S17.py", map[string]string{"DB_HOST": g.host, "DB_USER": "reader"})
	invoke := func() (string, string) {
		out, err := g.functions.Invoke(g.Context(), &lambda.InvokeInput{FunctionName: aws.String("reader")})
		g.must(err)
		return aws.ToString(out.FunctionError), string(out.Payload)
	}
	if failure, payload := invoke(); failure != "" || payload != "null" {
		g.Fatal(failure, payload)
	}
	put("another")
	if failure, payload := invoke(); failure != "Unhandled" || !strings.Contains(payload, "OperationalError") || !strings.Contains(payload, "Access denied") {
		g.Error(failure, payload)
	}
}

// printedRotation is S24, a function that ignores Step: each of the four calls
// changes the password, and the last one counts. S59 then shows what it logged.
func printedRotation(g *stage) {
	g.stops("ResourceNotFoundException", "S59.py")
	g.db.AddUser(g.T, "app", "first-password")
	g.db.Exec(g.T, "GRANT CREATE USER ON *.* TO 'app'@'%'")
	secret := func(password string) *string {
		b, err := json.Marshal(map[string]string{"username": "app", "password": password, "host": g.host, "port": "3306"})
		g.must(err)
		return aws.String(string(b))
	}
	id := aws.String("my-secret")
	_, err := g.secrets.CreateSecret(g.Context(), &secretsmanager.CreateSecretInput{Name: id, SecretString: secret("first-password")})
	g.must(err)
	g.stops("KeyError: 'RotationLambdaARN'", "S59.py")
	fn := g.create("SecretsManagerRotation", "S24.py", nil)
	rotate := func() {
		g.Helper()
		_, err := g.secrets.RotateSecret(g.Context(), &secretsmanager.RotateSecretInput{
			SecretId: id, RotationLambdaARN: &fn, RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
		})
		g.must(err)
	}
	// Rotated twice: what the first leaves must not keep the second from beginning.
	for turn := 1; turn <= 2; turn++ {
		rotate()
		g.logged(4*turn, "REPORT RequestId: ")
		redoubttest.Eventually(g, func() error {
			d, err := g.secrets.DescribeSecret(g.Context(), &secretsmanager.DescribeSecretInput{SecretId: id})
			if err == nil && d.LastRotatedDate == nil {
				err = errors.New("not rotated")
			}
			return err
		})
		list, err := g.secrets.ListSecretVersionIds(g.Context(), &secretsmanager.ListSecretVersionIdsInput{SecretId: id, IncludeDeprecated: aws.Bool(true)})
		g.must(err)
		if len(list.Versions) != 1+4*turn {
			g.Errorf("%d versions after %d rotations", len(list.Versions), turn)
		}
		now := read(g.T, g.secrets, *id, "AWSCURRENT")
		if err := g.db.Try(now.Username, now.Password); err != nil {
			g.Error("AWSCURRENT does not sign in:", err)
		}
		before := read(g.T, g.secrets, *id, "AWSPREVIOUS")
		if g.db.Try(before.Username, before.Password) == nil || before == now {
			g.Error("AWSPREVIOUS still signs in")
		}
	}
	out, err := g.python("S59.py")
	g.must(err)
	for what, times := range map[string]int{"Rotation Enabled: True\nLast Rotation: 20": 1, "START RequestId: ": 8, "END RequestId: ": 8, "REPORT RequestId: ": 8} {
		if strings.Count(out, what) != times {
			g.Errorf("S59 prints %q not %d times:\n%s", what, times, out)
		}
	}
	// A rotation that fails: its traceback is in the newest stream.
	_, err = g.secrets.PutSecretValue(g.Context(), &secretsmanager.PutSecretValueInput{SecretId: id, SecretString: secret("wrong-password")})
	g.must(err)
	rotate()
	g.logged(1, "Traceback (most recent call last):")
	out, err = g.python("S59.py")
	g.must(err)
	if !strings.Contains(out, "OperationalError") || !strings.Contains(out, "Access denied for user 'app'") || !strings.Contains(out, "Traceback") || strings.Contains(out, "wrong-password") {
		g.Error(out)
	}
}

// logged waits until the log of the rotation function says something so many times.
func (g *stage) logged(times int, what string) {
	g.Helper()
	logs := cloudwatchlogs.NewFromConfig(g.account.Config("us-east-1"))
	redoubttest.Eventually(g, func() error {
		out, err := logs.FilterLogEvents(g.Context(), &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/SecretsManagerRotation")})
		if err != nil {
			return err
		}
		n := 0
		var text strings.Builder
		for _, e := range out.Events {
			n += strings.Count(*e.Message, what)
			text.WriteString(*e.Message)
		}
		if n != times {
			return fmt.Errorf("%d times %q, not %d:\n%s", n, what, times, text.String())
		}
		return nil
	})
}

// pipeline is SC1, as printed up to the function that does not exist; repaired it
// rotates a user of the database by a function that keeps to the protocol.
func pipeline(g *stage) {
	id := aws.String("prod/datawarehouse/credentials")
	g.stops("AccessDeniedException", "SC1.py")
	d, err := g.secrets.DescribeSecret(g.Context(), &secretsmanager.DescribeSecretInput{SecretId: id})
	g.must(err)
	if d.RotationEnabled != nil || d.RotationLambdaARN != nil {
		g.Error("a refusal enabled rotation")
	}
	v, err := g.secrets.GetSecretValue(g.Context(), &secretsmanager.GetSecretValueInput{SecretId: id})
	g.must(err)
	if !strings.Contains(*v.SecretString, `"port": 3306`) {
		g.Error(*v.SecretString)
	}

	g.stops("AlreadyExistsException", "SC1.py") // the alias
	_, err = g.secrets.DeleteSecret(g.Context(), &secretsmanager.DeleteSecretInput{SecretId: id, ForceDeleteWithoutRecovery: aws.Bool(true)})
	g.must(err)
	g.db.AddUser(g.T, "warehouse", "SecurePass123!")
	fn := g.create("SecretsManagerRotation", "S24R.py", nil)
	out, err := g.python("SC1.py", "arn:aws:lambda:region:account:function:SecretsManagerRotation", fn, "db.example.com", g.host, "'admin'", "'warehouse'",
		"alias/data-pipeline-key", "alias/repaired-key", "my-secure-data-lake", "my-repaired-data-lake", "\npipeline.store", "\nprint(pipeline.store", "'dbname': 'warehouse'\n})", "'dbname': 'warehouse'\n}))")
	if err != nil {
		g.Fatal(out)
	}
	d, err = g.secrets.DescribeSecret(g.Context(), &secretsmanager.DescribeSecretInput{SecretId: id})
	g.must(err)
	if strings.TrimSpace(out) != *d.ARN {
		g.Error(out)
	}
	redoubttest.Eventually(g, func() error {
		d, err := g.secrets.DescribeSecret(g.Context(), &secretsmanager.DescribeSecretInput{SecretId: id})
		if err == nil && (d.LastRotatedDate == nil || len(d.VersionIdsToStages) != 2) {
			err = fmt.Errorf("not rotated: %v", d.VersionIdsToStages)
		}
		return err
	})
	now := read(g.T, g.secrets, *id, "AWSCURRENT")
	if err := g.db.Try("warehouse", now.Password); err != nil {
		g.Error(err)
	}
	if g.db.Try("warehouse", "SecurePass123!") == nil {
		g.Error("the old password still signs in")
	}
}
