package proof

import (
	"net/http"
	"strings"
	"testing"

	"github.com/redoubt-sec/redoubt/api/all"
	"github.com/redoubt-sec/redoubt/api/redoubtapi"
	"github.com/redoubt-sec/redoubt/op/schema"
	"github.com/redoubt-sec/redoubt/redoubttest"
)

// alike are operations whose requests differ from another one's in nothing but
// the endpoint that AWS serves them on, or in nothing at all. The value is what then
// answers, where it has no row either.
var alike = map[string]string{
	"s3:ListDirectoryBuckets": "", // s3express-control
	// Old forms of operations that have rows.
	"s3:GetBucketLifecycle": "", "s3:PutBucketLifecycle": "", "s3:GetBucketNotification": "", "s3:PutBucketNotification": "",
}

// TestMissing: an operation without a row says so, by name, in every protocol.
func TestMissing(t *testing.T) {
	t.Parallel()
	h := open(t, redoubttest.Options{})
	done := map[*schema.Operation]bool{}
	for _, room := range table {
		for i := range room.Operations {
			done[room.Operations[i].Schema] = true
		}
	}
	for _, svc := range append(all.Services(), &redoubtapi.Model) {
		missing := 0
		for i := range svc.Operations {
			o := &svc.Operations[i]
			if done[o] {
				continue
			}
			missing++
			for _, protocol := range svc.Protocols {
				if protocol == schema.CBOR && svc.TargetPrefix == "" {
					continue
				}
				r := encodeIn(protocol, svc, o, (&builder{svc: svc}).input(o))
				a := h.send(r, h.admin, signing{})
				name := svc.Name + ":" + o.Name
				if with, ok := alike[name]; ok && with == "" {
					continue
				}
				switch {
				case alike[name] != "" && a.ok(): // the other one is there
				case a.err != nil || a.status != http.StatusNotImplemented:
					t.Errorf("%s over %s: %v, want 501\n%s %s?%s", name, protocol, a, r.method, r.path, r.query)
				case r.method == http.MethodHead: // has no body to say it in
				case alike[name] != "" && strings.Contains(a.message, alike[name]):
				case !strings.Contains(a.code, "NotImplemented") || !strings.Contains(a.message, name):
					t.Errorf("%s over %s: %v: does not name what is missing", name, protocol, a)
				}
			}
		}
		t.Logf("%s: %d of %d operations missing", svc.Name, missing, len(svc.Operations))
	}
	h.log.quiet(t)
}
