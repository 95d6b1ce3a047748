package cases

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// TestBuiltInRotation rotates users of real databases through the services, by
// the functions of the single user and of alternating users, through TLS and plain:
// the application signs in with AWSCURRENT after each rotation, labels are where they
// belong, and new passwords keep to the functions' environment variables.
func TestBuiltInRotation(t *testing.T) {
	s := redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{"127.0.0.1"} }})
	secrets, functions := secretsmanager.NewFromConfig(s.Admin.Config("us-east-1")), lambda.NewFromConfig(s.Admin.Config("us-east-1"))
	for engine, start := range map[string]func(testing.TB) *rotatetest.Server{
		"MariaDB": rotatetest.StartMariaDB, "PostgreSQL": rotatetest.StartPostgres, "Redis": rotatetest.StartRedis,
	} {
		t.Run(engine, func(t *testing.T) {
			db := start(t)
			create := func(name string, value map[string]any) string {
				b, err := json.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				out, err := secrets.CreateSecret(t.Context(), &secretsmanager.CreateSecretInput{Name: &name, SecretString: aws.String(string(b))})
				if err != nil {
					t.Fatal(err)
				}
				return *out.ARN
			}
			master := create("admin-"+engine, db.Secret(db.Admin, db.Password))
			for _, scheme := range []string{"SingleUser", "MultiUser"} {
				user := "shop" + scheme[:1]
				db.AddUser(t, user, "first-password")
				value := db.Secret(user, "first-password")
				value["masterarn"] = master
				id := create(user+"-"+engine, value)
				function := "SecretsManager" + engine + "Rotation" + scheme
				if _, err := functions.AddPermission(t.Context(), &lambda.AddPermissionInput{
					FunctionName: &function, StatementId: aws.String("rotation"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("secretsmanager.amazonaws.com"),
				}); err != nil {
					t.Fatal(err)
				}
				for turn := range 2 {
					out, err := secrets.RotateSecret(t.Context(), &secretsmanager.RotateSecretInput{
						SecretId: &id, RotationLambdaARN: aws.String("arn:aws:lambda:us-east-1:" + s.Admin.ID + ":function:" + function),
						RotationRules: &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)},
					})
					if err != nil {
						t.Fatal(err)
					}
					stages := settled(t, secrets, id, *out.VersionId)
					if len(stages[*out.VersionId]) != 1 || len(stages) != 2 {
						t.Errorf("stages %v", stages)
					}
					now := read(t, secrets, id, "AWSCURRENT")
					want := user
					if scheme == "MultiUser" && turn == 0 {
						want += "_clone"
					}
					if err := db.Try(now.Username, now.Password); err != nil || now.Username != want {
						t.Errorf("AWSCURRENT of %s: %v", now.Username, err)
					}
					before := read(t, secrets, id, "AWSPREVIOUS")
					err = db.Try(before.Username, before.Password)
					if keeps := scheme == "MultiUser" || engine == "Redis"; keeps != (err == nil) {
						t.Errorf("AWSPREVIOUS of %s: %v", before.Username, err)
					}
				}
			}
		})
	}
}

// settled waits until a version is current and answers the stages.
func settled(t *testing.T, c *secretsmanager.Client, id, version string) map[string][]string {
	t.Helper()
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(50 * time.Millisecond) {
		d, err := c.DescribeSecret(t.Context(), &secretsmanager.DescribeSecretInput{SecretId: &id})
		if err != nil {
			t.Fatal(err)
		}
		if s := d.VersionIdsToStages[version]; fmt.Sprint(s) == "[AWSCURRENT]" {
			return d.VersionIdsToStages
		}
	}
	t.Fatal("the rotation does not end")
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
