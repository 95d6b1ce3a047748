package main

import (
	"archive/zip"
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"slices"
	"time"
)

// coldStarts is how many functions are started for the first time.
const coldStarts = 9

// warmCalls is how many events one warm instance gets, one after the other.
const warmCalls = 2000

// handler does nothing: what an invocation takes is the server's and the runtime's.
const handler = "def handler(event, context):\n    return event\n"

// functions measures invocations of Python functions: the first of each, which
// starts an interpreter in a sandbox, and those that find it warm.
func (b *bencher) functions(c *caller) error {
	iam, lambda := c.of("iam", ""), c.of("lambda", "")
	trust := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"lambda.amazonaws.com"}}]}`
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {"bench"}, "AssumeRolePolicyDocument": {trust}}
	if _, err := iam.plain("POST", "/", "application/x-www-form-urlencoded", []byte(form.Encode())); err != nil {
		return err
	}
	var archive bytes.Buffer
	w := zip.NewWriter(&archive)
	f, err := w.Create("index.py")
	if err != nil {
		return err
	}
	if _, err := io.WriteString(f, handler); err != nil {
		return err
	}
	if err := w.Close(); err != nil {
		return err
	}
	var cold []time.Duration
	name := ""
	for i := range coldStarts {
		name = fmt.Sprintf("bench-%d", i)
		in, err := json.Marshal(map[string]any{
			"FunctionName": name, "Runtime": "python3.12", "Handler": "index.handler", "Role": "arn:aws:iam::123456789012:role/bench",
			"Code": map[string]any{"ZipFile": archive.Bytes()}, "Timeout": 30,
		})
		if err != nil {
			return err
		}
		if _, err := lambda.plain("POST", "/2015-03-31/functions", "application/json", in); err != nil {
			return err
		}
		if err := lambda.active(name); err != nil {
			return err
		}
		start := time.Now()
		if _, err := lambda.plain("POST", invocations(name), "application/json", []byte("{}")); err != nil {
			return err
		}
		cold = append(cold, time.Since(start))
	}
	warm, err := lambda.warm(name)
	if err != nil {
		return err
	}
	slices.Sort(cold)
	slices.Sort(warm)
	fmt.Printf("\n%-34s %10s %10s %10s\n", "Python functions, one call at a time", "best ms", "p50 ms", "p99 ms")
	for _, x := range []struct {
		name string
		took []time.Duration
	}{{"Lambda Invoke, cold", cold}, {"Lambda Invoke, warm", warm}} {
		n := len(x.took)
		fmt.Printf("%-34s %12.2f %10.2f %10.2f\n", x.name, x.took[0].Seconds()*1e3, x.took[n/2].Seconds()*1e3, x.took[n*99/100].Seconds()*1e3)
	}
	return nil
}

func invocations(name string) string { return "/2015-03-31/functions/" + name + "/invocations" }

// active waits until a function can be invoked.
func (c *caller) active(name string) error {
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		text, err := c.plain("GET", "/2015-03-31/functions/"+name+"/configuration", "", nil)
		if err != nil {
			return err
		}
		var state struct{ State string }
		if err := json.Unmarshal(text, &state); err != nil || state.State == "Active" {
			return err
		}
		if time.Since(start) > 10*time.Second {
			return fmt.Errorf("%s is %s", name, state.State)
		}
	}
}

// warm invokes a function over and over on one connection.
func (c *caller) warm(name string) ([]time.Duration, error) {
	r, err := c.rest("POST", invocations(name), http.Header{"Content-Type": {"application/json"}}, []byte("{}"))
	if err != nil {
		return nil, err
	}
	var request bytes.Buffer
	if err := r.Write(&request); err != nil {
		return nil, err
	}
	conn, err := net.Dial("tcp", c.addr)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	in := bufio.NewReader(conn)
	var took []time.Duration
	for range warmCalls {
		start := time.Now()
		if _, err := conn.Write(request.Bytes()); err != nil {
			return nil, err
		}
		status, body, err := answer(in)
		if err != nil || status != 200 {
			return nil, fmt.Errorf("%d %s %w", status, body, err)
		}
		took = append(took, time.Since(start))
	}
	return took, nil
}

// rest is a signed request of a protocol other than awsJson.
func (c *caller) rest(method, path string, h http.Header, body []byte) (*http.Request, error) {
	r, err := http.NewRequest(method, "http://"+c.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header = h
	h.Set("User-Agent", "bench")
	c.signer.Sign(r, body, time.Now())
	return r, nil
}

func (c *caller) plain(method, path, kind string, body []byte) ([]byte, error) {
	h := http.Header{}
	if kind != "" {
		h.Set("Content-Type", kind)
	}
	r, err := c.rest(method, path, h, body)
	if err != nil {
		return nil, err
	}
	return send(r)
}

// send answers the body of a request that succeeds.
func send(r *http.Request) ([]byte, error) {
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && (resp.StatusCode/100 != 2 || resp.Header.Get("X-Amz-Function-Error") != "") {
		err = fmt.Errorf("%s %s: %s: %.300s", r.Method, r.URL.Path, resp.Status, text)
	}
	return text, err
}
