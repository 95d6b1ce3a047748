package proof

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/stsapi"
	"github.com/redoubt-sec/redoubt/op"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/redoubttest"
	"github.com/redoubt-sec/redoubt/server"
)

// house is a server under test with the people that the tests need.
type house struct {
	*endpoint
	server *redoubttest.Server
	log    *journal
	admin  credential
	// nobody is a user of the account whom no policy mentions.
	nobody credential
	// nobodyName is their name.
	nobodyName string
}

func open(t testing.TB, o redoubttest.Options) *house {
	t.Helper()
	j := &journal{}
	o.Log = j
	s := redoubttest.Start(t, o)
	h := &house{endpoint: newEndpoint(t, s.URL), server: s, log: j}
	if s.Admin != nil {
		h.admin = credential{id: s.Admin.AccessKeyID, secret: s.Admin.Secret}
		h.nobodyName = "nobody"
		h.nobody = h.user(t, h.nobodyName)
	}
	return h
}

// user makes a user with an access key.
func (h *house) user(t testing.TB, name string) credential {
	t.Helper()
	h.must(t, &iamapi.Model, "CreateUser", object{"UserName": name}, h.admin)
	k := h.must(t, &iamapi.Model, "CreateAccessKey", object{"UserName": name}, h.admin)
	return credential{id: k.at("AccessKey.AccessKeyId"), secret: k.at("AccessKey.SecretAccessKey")}
}

// key makes a KMS key and answers its id.
func (h *house) key(t testing.TB) string {
	t.Helper()
	return h.must(t, &kmsapi.Model, "CreateKey", object{}, h.admin).at("KeyMetadata.KeyId")
}

// journal is the server's log.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) Enabled(context.Context, slog.Level) bool { return true }
func (j *journal) WithAttrs([]slog.Attr) slog.Handler       { return j }
func (j *journal) WithGroup(string) slog.Handler            { return j }
func (j *journal) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprint(&b, r.Level, " ", r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprint(&b, " ", a.Key, "=", a.Value)
		return true
	})
	j.mu.Lock()
	j.lines = append(j.lines, b.String())
	j.mu.Unlock()
	return nil
}

func (j *journal) text() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

// quiet fails the test if the log tells of a panic or of a call that failed for
// a reason that nobody foresaw.
func (j *journal) quiet(t testing.TB) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	bad := 0
	for _, l := range j.lines {
		if strings.Contains(l, "panic") || strings.HasPrefix(l, "ERROR") {
			if bad++; bad <= 10 {
				t.Errorf("log: %.2000s", l)
			}
		}
	}
}

// table is every row of every room.
var table = server.Rooms()

// implemented reports whether a service has any row.
func implemented(svc *schema.Service) bool {
	for _, r := range table {
		if r.Model == svc && len(r.Operations) > 0 {
			return true
		}
	}
	return false
}

// eachRow runs f for every row, those of one service after each other, services
// side by side.
func eachRow(t *testing.T, f func(t *testing.T, row *op.Operation)) {
	t.Run("rows", func(t *testing.T) { // ends when all services are done
		for i := range table {
			t.Run(table[i].Model.Name, func(t *testing.T) {
				t.Parallel()
				rows := table[i].Operations
				for k := range rows {
					f(t, &rows[k])
				}
			})
		}
	})
}

// assume asks for a session of a role.
func (e *endpoint) assume(role string, c credential) *answer {
	return e.call(&stsapi.Model, "AssumeRole", object{"RoleArn": role, "RoleSessionName": "proof"}, c)
}

// session answers credentials of a role's session, assumed by the administrator.
func (h *house) session(t testing.TB, role string) credential {
	t.Helper()
	a := h.assume(role, h.admin)
	if !a.ok() {
		t.Fatal(a)
	}
	f := a.fields()
	return credential{id: f.at("Credentials.AccessKeyId"), secret: f.at("Credentials.SecretAccessKey"), token: f.at("Credentials.SessionToken")}
}
