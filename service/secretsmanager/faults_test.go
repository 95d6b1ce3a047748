package secretsmanager_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	sm "github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"

	"github.com/redoubt-sec/redoubt/engine/rotate/rotatetest"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// passage leads to a database, for as many connections as it is told; then the port
// is closed, as if the database were down.
type passage struct {
	*testing.T
	address, to string
	mu          sync.Mutex
	left        int
	listener    net.Listener
	work        sync.WaitGroup
}

func newPassage(t *testing.T, db *rotatetest.Server) *passage {
	p := &passage{T: t, address: "127.0.0.1:0", to: net.JoinHostPort(db.Host, strconv.Itoa(db.Port))}
	p.open(0)
	t.Cleanup(func() {
		p.shut()
		p.work.Wait()
	})
	return p
}

// open lets n connections through; with 0 the port stays closed.
func (p *passage) open(n int) {
	p.Helper()
	p.shut()
	l, err := net.Listen("tcp", p.address)
	must(p, err)
	p.mu.Lock()
	p.address, p.left, p.listener = l.Addr().String(), n, l
	p.mu.Unlock()
	if n == 0 {
		p.shut()
		return
	}
	p.work.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.left--
			last := p.left == 0
			p.mu.Unlock()
			if last {
				l.Close()
			}
			p.work.Go(func() { p.pass(c) })
		}
	})
}

func (p *passage) shut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		p.listener.Close()
	}
}

func (p *passage) pass(c net.Conn) {
	defer c.Close()
	d, err := net.Dial("tcp", p.to)
	if err != nil {
		return
	}
	defer d.Close()
	p.work.Go(func() {
		io.Copy(d, c)
		d.Close()
	})
	io.Copy(c, d)
}

func (p *passage) port() int {
	_, text, _ := net.SplitHostPort(p.address)
	n, _ := strconv.Atoi(text)
	return n
}

// failed waits until the newest attempt at a rotation has failed with a text.
func (s *suite) failed(id, want string) {
	s.Helper()
	redoubttest.Eventually(s, func() error {
		if report := s.diagnose(id); !strings.Contains(report, want+"\n") {
			return fmt.Errorf("no %q in\n%s", want, report)
		}
		return nil
	})
}

// TestRotationFaults: what breaks between two steps is told word by word, takes
// nothing away that was acknowledged, and once it is mended the rotation ends.
func TestRotationFaults(t *testing.T) {
	pg := rotatetest.StartPostgres(t)
	s := newAdmin(t, redoubttest.Start(t, redoubttest.Options{Change: func(c *server.Config) { c.EgressAllow = []string{pg.Host} }}))
	single, multi := "SecretsManagerPostgreSQLRotationSingleUser", "SecretsManagerPostgreSQLRotationMultiUser"
	s.permit(single)
	s.permit(multi)
	rules := &types.RotationRulesType{AutomaticallyAfterDays: aws.Int64(30)}
	door := newPassage(t, pg)
	const first = "First-pass-0003"
	// secret makes a user and its secret.
	secret := func(user string, more map[string]any) string {
		pg.AddUser(t, user, first)
		doc := pg.Secret(user, first)
		doc["port"], doc["ssl"] = door.port(), false
		for k, v := range more {
			doc[k] = v
		}
		text, err := json.Marshal(doc)
		must(t, err)
		return *s.create(user, string(text)).ARN
	}
	begin := func(id, fn string) {
		t.Helper()
		_, err := s.sm.RotateSecret(s.ctx, &sm.RotateSecretInput{SecretId: &id, RotationLambdaARN: aws.String(s.function(fn)), RotationRules: rules})
		must(t, err)
	}
	// ends mends the way, waits for the end, and tries what the secret says.
	ends := func(id string) {
		t.Helper()
		door.open(1000)
		s.Clock.Advance(time.Minute)
		s.rotated(id, first)
		var doc struct{ Username, Password string }
		must(t, json.Unmarshal([]byte(s.value(id, "")), &doc))
		if err := pg.Try(doc.Username, doc.Password); err != nil {
			t.Error(err)
		}
	}

	refusedAt := func() string {
		return fmt.Sprintf("dial tcp 127.0.0.1:%d: connect: connection refused", door.port())
	}
	mend := ". Check that host and port are right and that the database is up. The rotation is tried again."
	for i, c := range []struct {
		connections int // that still succeed
		want        func(id, user string) string
	}{
		{0, func(id, user string) string { // before setSecret
			at := " as user " + user + " at 127.0.0.1: " + refusedAt()
			return "ValueError: Unable to log into database with previous, current, or pending secret of secret arn " + id + ": AWSPENDING" + at + "; AWSCURRENT" + at + mend
		}},
		{2, func(id, user string) string { // before testSecret
			return "ValueError: Unable to log into database with pending secret of secret ARN " + id + ": AWSPENDING as user " + user + " at 127.0.0.1: " + refusedAt() + mend
		}},
	} {
		user := fmt.Sprint("down", i)
		door.open(c.connections)
		id := secret(user, nil)
		begin(id, single)
		s.failed(id, c.want(id, user))
		// Neither version was lost, and one of them gets in.
		stage := map[int]string{0: "AWSCURRENT", 2: "AWSPENDING"}[c.connections]
		var doc struct{ Password string }
		must(t, json.Unmarshal([]byte(s.value(id, stage)), &doc))
		if err := pg.Try(user, doc.Password); err != nil {
			t.Errorf("%s: %v", stage, err)
		}
		must(t, json.Unmarshal([]byte(s.value(id, "")), &doc))
		s.is(doc.Password, first)
		ends(id)
	}
	// Before finishSecret nobody needs the database.
	door.open(3)
	id := secret("down3", nil)
	begin(id, single)
	s.rotated(id, first)

	// A master secret with a wrong password.
	door.open(1000)
	wrong := pg.Secret(pg.Admin, "Wrong-pass-0001")
	wrong["port"], wrong["ssl"] = door.port(), false
	text, err := json.Marshal(wrong)
	must(t, err)
	master := *s.create("wrong", string(text)).ARN
	id = secret("deputed", map[string]any{"masterarn": master})
	begin(id, multi)
	s.failed(id, "ValueError: Unable to log into database using credentials in master secret "+master+": master secret as user postgres at 127.0.0.1: "+
		`password authentication failed for user "postgres" (SQLSTATE 28P01). Set the password of user postgres in the database to the one in its secret, or store the password that the database accepts with PutSecretValue. Then rotate again.`)
	if report := s.diagnose(id); !strings.Contains(report, "Likely cause: the database does not take the password in the secret that masterarn names") {
		t.Error(report)
	}
	if err := pg.Try("deputed", first); err != nil {
		t.Error(err)
	}
	wrong["password"] = pg.Password
	text, err = json.Marshal(wrong)
	must(t, err)
	s.put(master, string(text))
	ends(id)

	// A key that is deleted in the middle of a rotation: the value is lost with it, by
	// its owner's will, and neither the database nor another secret is touched.
	key := s.key()
	doc := pg.Secret("keyless", first)
	pg.AddUser(t, "keyless", first)
	doc["port"], doc["ssl"] = door.port(), false
	text, err = json.Marshal(doc)
	must(t, err)
	made, err := s.sm.CreateSecret(s.ctx, &sm.CreateSecretInput{Name: aws.String("keyless"), SecretString: aws.String(string(text)), KmsKeyId: &key})
	must(t, err)
	door.open(0)
	begin(*made.ARN, single)
	s.failed(*made.ARN, "ValueError: Unable to log into database with previous, current, or pending secret of secret arn "+*made.ARN+
		": AWSPENDING as user keyless at 127.0.0.1: "+refusedAt()+"; AWSCURRENT as user keyless at 127.0.0.1: "+refusedAt()+mend)
	_, err = s.kms.ScheduleKeyDeletion(s.ctx, &kms.ScheduleKeyDeletionInput{KeyId: &key, PendingWindowInDays: aws.Int32(7)})
	must(t, err)
	door.open(1000)
	s.Clock.Advance(time.Minute)
	const decryption = "DecryptionFailure: Secrets Manager can't decrypt the protected secret text using the provided KMS key."
	s.failed(*made.ARN, decryption)
	s.failed(*made.ARN, "is in state PendingDeletion: values can neither be read nor written")
	s.Clock.Advance(8 * 24 * time.Hour)
	s.failed(*made.ARN, "Likely cause: the KMS key "+aws.ToString(s.describe(*made.ARN).KmsKeyId)+" does not exist any more")
	s.failed(*made.ARN, decryption)
	if err := pg.Try("keyless", first); err != nil {
		t.Error(err)
	}
}
