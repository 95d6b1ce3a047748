package sigv4

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// Nobody has proven anything when headers are looked for among the signed ones:
// many of both must not cost their product.
func TestManyHeadersSigned(t *testing.T) {
	now := time.Now().UTC()
	h := http.Header{}
	var names []string
	for i := range 3000 {
		name := fmt.Sprintf("X-Amz-%04d", i)
		h[name] = []string{""}
		names = append(names, strings.ToLower(name))
	}
	check := func(signed string) error {
		s, err := Parse(&Request{Method: "GET", Host: "h", Header: h, Target: "/?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIA/" +
			now.Format(dateOnly) + "/us-east-1/kms/aws4_request&X-Amz-Signature=00&X-Amz-Date=" + now.Format(dateTime) + "&X-Amz-SignedHeaders=" + signed})
		if err != nil {
			t.Fatal(err)
		}
		return s.Check(Expect{Service: "kms", Region: "us-east-1", Now: now, Window: time.Minute})
	}
	begin := time.Now()
	for range 5 {
		if err := check("host" + strings.Repeat(";", 32000)); !isKind(err, HeadersUnsigned) {
			t.Error(err)
		}
	}
	if took := time.Since(begin) / 5; took > 100*time.Millisecond {
		t.Errorf("took %v", took)
	}
	if err := check("host;" + strings.ToUpper(strings.Join(names, ";"))); err != nil {
		t.Error(err)
	}
	if err := check("host;" + strings.Join(names[1:], ";")); !isKind(err, HeadersUnsigned) {
		t.Error(err)
	}
}
