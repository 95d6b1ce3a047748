package cases

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// database is what users of a rotation live in.
type database interface {
	// Secret is what a secret says of a user, over TLS or plain.
	secret(user, password string, secure bool) map[string]any
	master() (user, password string)
	AddUser(t testing.TB, user, password string)
	Try(user, password string) error
}

// served is a real server that speaks engine.
type served struct {
	*rotatetest.Server
	engine string
}

func (s served) secret(user, password string, secure bool) map[string]any {
	m := s.Secret(user, password)
	m["engine"], m["ssl"] = s.engine, secure
	if !secure {
		m["port"] = s.PlainPort
		delete(m, "sslrootcert")
	}
	return m
}

func (s served) master() (user, password string) { return s.Admin, s.Password }

// TestBuiltInRotation rotates users of real databases through the services, by
// the functions of the single user and of alternating users, through TLS and plain:
// the application signs in with AWSCURRENT after each rotation, labels are where they
// belong, and new passwords keep to the functions' environment variables.
func TestBuiltInRotation(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{"127.0.0.1"} }})
	g := &turns{
		secrets: secretsmanager.NewFromConfig(s.Admin.Config("us-east-1")), functions: lambda.NewFromConfig(s.Admin.Config("us-east-1")),
		logs: cloudwatchlogs.NewFromConfig(s.Admin.Config("us-east-1")), account: s.Admin.ID,
	}
	for engine, start := range map[string]func(testing.TB) database{
		"MariaDB":    func(t testing.TB) database { return served{rotatetest.StartMariaDB(t), "mariadb"} },
		"MySQL":      func(t testing.TB) database { return served{rotatetest.StartMariaDB(t), "mysql"} },
		"PostgreSQL": func(t testing.TB) database { return served{rotatetest.StartPostgres(t), "postgres"} },
		"Redis":      func(t testing.TB) database { return served{rotatetest.StartRedis(t), "redis"} },
		"HTTP":       func(t testing.TB) database { return newDirectory(t) },
	} {
		t.Run(engine, func(t *testing.T) {
			db := start(t)
			for _, scheme := range []string{"SingleUser", "MultiUser"} {
				function := "SecretsManager" + engine + "Rotation" + scheme
				g.admit(t, function)
				for _, secure := range []bool{true, false} {
					user := fmt.Sprintf("%s%s%t", strings.ToLower(engine[:2]), scheme[:1], secure)
					g.alternate(t, db, engine, function, user, secure)
				}
			}
		})
	}
}

// turns are the clients of a rotation.
type turns struct {
	secrets   *secretsmanager.Client
	functions *lambda.Client
	logs      *cloudwatchlogs.Client
	account   string
}

// admit sets a function up as an administrator does.
func (g *turns) admit(t *testing.T, function string) {
	t.Helper()
	if _, err := g.functions.AddPermission(t.Context(), &lambda.AddPermissionInput{
		FunctionName: &function, StatementId: aws.String("rotation"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("secretsmanager.amazonaws.com"),
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := g.functions.UpdateFunctionConfiguration(t.Context(), &lambda.UpdateFunctionConfigurationInput{
		FunctionName: &function, Environment: &lambdatypes.Environment{Variables: map[string]string{
			"PASSWORD_LENGTH": "24", "EXCLUDE_PUNCTUATION": "true", "EXCLUDE_LOWERCASE": "yes", "EXCLUDE_CHARACTERS": "AEIOU",
		}},
	}); err != nil {
		t.Fatal(err)
	}
}

// shape is what those variables make of passwords.
var shape = regexp.MustCompile(`^[0-9B-DF-HJ-NP-TV-Z]{24}$`)

func (g *turns) create(t *testing.T, name string, value map[string]any) string {
	t.Helper()
	b, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	out, err := g.secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(string(b))})
	if err != nil {
		t.Fatal(err)
	}
	return *out.ARN
}

// alternate makes a user and rotates its secret twice.
func (g *turns) alternate(t *testing.T, db database, engine, function, user string, secure bool) {
	t.Helper()
	multi := strings.HasSuffix(function, "MultiUser")
	db.AddUser(t, user, "first-password")
	admin, password := db.master()
	value := db.secret(user, "first-password", secure)
	value["masterarn"] = g.create(t, "master-of-"+user+engine, db.secret(admin, password, secure))
	id := g.create(t, user+"-"+engine, value)
	for turn := range 2 {
		out, err := g.secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
			SecretId: &id, RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:" + g.account + ":function:" + function),
			RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
		})
		if err != nil {
			t.Fatal(err)
		}
		stages := settled(t, g.secrets, id, *out.VersionId)
		if len(stages[*out.VersionId]) != 1 || len(stages) != 2 {
			t.Errorf("stages %v", stages)
		}
		now := read(t, g.secrets, id, "AWSCURRENT")
		want := user
		if multi && turn == 0 {
			want += "_clone"
		}
		if err := db.Try(now.Username, now.Password); err != nil || now.Username != want || !shape.MatchString(now.Password) {
			t.Errorf("AWSCURRENT of %s, a password of %d characters: %v", now.Username, len(now.Password), err)
		}
		before := read(t, g.secrets, id, "AWSPREVIOUS")
		err = db.Try(before.Username, before.Password)
		if keeps := multi || engine == "Redis"; keeps != (err == nil) {
			t.Errorf("AWSPREVIOUS of %s: %v", before.Username, err)
		}
	}
	g.reached(t, function, user, secure)
}

// reached checks in the function's log how it signed in as the user.
func (g *turns) reached(t *testing.T, function, user string, secure bool) {
	t.Helper()
	line := func(kind string) string {
		return "Successfully established " + kind + " connection as user '" + user + "' with host: "
	}
	want, never := line("SSL/TLS"), line("non SSL/TLS")
	if !secure {
		want, never = never, want
	}
	redoubttest.Eventually(t, func() error {
		text := ""
		pages := cloudwatchlogs.NewFilterLogEventsPaginator(g.logs, &cloudwatchlogs.FilterLogEventsInput{LogGroupName: aws.String("/aws/lambda/" + function), FilterPattern: aws.String(`"` + user + `"`)})
		for pages.HasMorePages() {
			page, err := pages.NextPage(t.Context())
			if err != nil {
				return err
			}
			for _, e := range page.Events {
				text += *e.Message
			}
		}
		if strings.Contains(text, never) {
			t.Fatal(text)
		}
		if !strings.Contains(text, want) {
			return fmt.Errorf("no %q in\n%s", want, text)
		}
		return nil
	})
}

// settled waits until a version is current and answers the stages.
func settled(t *testing.T, c *secretsmanager.Client, id, version string) map[string][]string {
	t.Helper()
	var stages map[string][]string
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		d, err := c.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if stages = d.VersionIdsToStages; slices.Equal(stages[version], []string{"AWSCURRENT"}) {
			return maps.Clone(stages)
		}
	}
	t.Fatalf("the rotation to %s does not end: %v", version, stages)
	return nil
}

type credentials struct{ Username, Password string }

func read(t *testing.T, c *secretsmanager.Client, id, stage string) (v credentials) {
	t.Helper()
	out, err := c.GetSecretValue(t.Context(), &secretsmanager.GetSecretValueInput{SecretId: &id, VersionStage: &stage})
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal([]byte(*out.SecretString), &v); err != nil {
		t.Fatal(err)
	}
	return v
}
