package iam_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
)

// Actions times resources times statements must not keep a processor busy for
// hours, nor take the memory of all results at once.
func TestLargeSimulations(t *testing.T) {
	_, c := start(t)
	statements := func(n int, s string) string {
		return `{"Version":"2012-10-17","Statement":[` + strings.TrimSuffix(strings.Repeat(s+",", n), ",") + `]}`
	}
	many := func(n int, format string) (list []string) {
		for i := range n {
			list = append(list, fmt.Sprintf(format, i))
		}
		return list
	}
	allow := `{"Effect":"Allow","Action":"*","Resource":"*"}`
	in := &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{statements(1, allow)},
		ActionNames:     many(1000, "a:b%d"), ResourceArns: many(2500, "arn:aws:a:::%d"), MaxItems: new(int32(1000)),
	}
	begin := time.Now()
	first := must(c.SimulateCustomPolicy(ctx, in))(t)
	n := len(first.EvaluationResults)
	if took := time.Since(begin); !first.IsTruncated || n == 0 || n > 20 || took > 30*time.Second {
		t.Errorf("%d actions took %v, more: %v", n, took, first.IsTruncated)
	}
	in.Marker = first.Marker
	if r := must(c.SimulateCustomPolicy(ctx, in))(t).EvaluationResults; *r[0].EvalActionName != fmt.Sprintf("a:b%d", n) || len(r[0].ResourceSpecificResults) != 2500 {
		t.Errorf("the next page begins with %s", *r[0].EvalActionName)
	}

	for name, policy := range map[string]string{
		"statements that match": statements(2500, allow),
		"resources":             statements(2000, `{"Effect":"Allow","Action":"*","Resource":"arn:aws:a:::*x*y"}`),
	} {
		begin := time.Now()
		_, err := c.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{
			PolicyInputList: []string{policy}, ActionNames: []string{"a:b"}, ResourceArns: many(3000, "arn:aws:a:::%dxxxxxxxxxxxx"),
		})
		refused(t, err, 400, "InvalidInput", "")
		if took := time.Since(begin); took > 10*time.Second {
			t.Errorf("%s took %v", name, took)
		}
	}
}
