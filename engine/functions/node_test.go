package functions

import (
	"strings"
	"testing"
)

func node(t testing.TB, source string) *Function {
	t.Helper()
	if _, _, err := resolve("nodejs20.x", false); err != nil {
		lacks(t, err, ": make deps installs it")
	}
	f := function(t, "nodejs20.x", "src/index.handler", map[string]string{"src/index.mjs": source})
	f.Memory = 256
	return f
}

func TestNode(t *testing.T) {
	e := open(t, nil)
	f := node(t, `
let n = 0;
export const handler = async (event, context) => {
  console.log('hello', { x: event.x });
  process.stdout.write('raw\n');
  if (event.fail) throw new TypeError('no');
  return { n: ++n, id: context.awsRequestId, arn: context.invokedFunctionArn, mb: context.memoryLimitInMB };
};
`)
	answer := `,"id":"` + requestID + `","arn":"` + f.ARN + `","mb":"256"}`
	want(t, invoke(t, e, f, `{"x":1}`), "", `{"n":1`+answer)
	r := invoke(t, e, f, `{"x":1}`)
	want(t, r, "", `{"n":2`+answer)
	if log := string(r.Tail); !strings.Contains(log, "\t"+requestID+"\tINFO\thello { x: 1 }\nraw\nEND RequestId") {
		t.Error(log)
	}
	r = invoke(t, e, f, `{"fail":true}`)
	if r.FunctionError != "Unhandled" || r.ErrorType != "TypeError" || !strings.HasPrefix(string(r.Payload), `{"errorType":"TypeError","errorMessage":"no","trace":["TypeError: no","    at`) {
		t.Errorf("%+v %s", r, r.Payload)
	}
	f = node(t, ``)
	r = invoke(t, e, f, `{}`)
	if r.ErrorType != "Runtime.HandlerNotFound" || !strings.Contains(string(r.Payload), "src/index.handler is undefined or not exported") {
		t.Errorf("%s\n%s", r.Payload, r.Tail)
	}
	f = node(t, `
import { setTimeout } from 'node:timers';
export const handler = (event, context, callback) => { setTimeout(() => callback(null, 'late'), 20); };
`)
	want(t, invoke(t, e, f, `{}`), "", `"late"`)
	want(t, invoke(t, e, f, `{}`), "", `"late"`)
}
