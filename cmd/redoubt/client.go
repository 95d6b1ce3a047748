package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// client calls the administration service of a running server: signed and
// authorized like every other call.
type client struct {
	url    string
	signer sigv4.Signer
	token  string
	http   *http.Client
}

// client reads endpoint and credentials.
func (p *pointer) client() (*client, error) {
	url, err := p.url()
	if err != nil {
		return nil, err
	}
	keyID, secret := os.Getenv("AWS_ACCESS_KEY_ID"), os.Getenv("AWS_SECRET_ACCESS_KEY")
	path := filepath.Join(p.data, "credentials")
	if _, err := os.Stat(path); err == nil || keyID == "" {
		if keyID, secret, err = server.ReadCredentials(path, p.profile); err != nil {
			return nil, err
		}
	}
	c := &client{
		url:    url,
		signer: sigv4.Signer{AccessKeyID: keyID, Secret: secret, SessionToken: os.Getenv("AWS_SESSION_TOKEN"), Region: p.region, Service: "redoubt"},
		http:   &http.Client{},
	}
	if c.signer.SessionToken != "" && keyID != os.Getenv("AWS_ACCESS_KEY_ID") {
		c.signer.SessionToken = ""
	}
	if strings.HasPrefix(url, "https:") {
		if pem, err := os.ReadFile(filepath.Join(p.data, "ca.pem")); err == nil {
			pool := x509.NewCertPool()
			pool.AppendCertsFromPEM(pem)
			c.http.Transport = &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool, MinVersion: tls.VersionTLS12}}
		}
	}
	return c, nil
}

// call sends in as JSON and reads the answer into out.
func (c *client) call(ctx context.Context, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	body, err := c.stream(ctx, method, path, in)
	if err != nil {
		return err
	}
	defer body.Close()
	b, err := io.ReadAll(io.LimitReader(body, 64<<20))
	if err != nil || out == nil {
		return err
	}
	return json.Unmarshal(b, out)
}

// stream sends in as JSON and answers the body.
func (c *client) stream(ctx context.Context, method, path string, in any) (io.ReadCloser, error) {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return nil, err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	r.Header.Set("User-Agent", "redoubt/"+version)
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	c.signer.Sign(r, body, time.Now())
	resp, err := c.http.Do(r)
	if err != nil {
		return nil, fmt.Errorf("no answer from %s: is the server running? (%w)", c.url, errors.Unwrap(err))
	}
	if resp.StatusCode < 300 {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(io.LimitReader(resp.Body, 1<<16))
	var e struct {
		Message  string `json:"message"`
		Message2 string `json:"Message"`
		Error    string `json:"error"`
	}
	json.Unmarshal(b, &e)
	code, _, _ := strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	if code == "" {
		code = resp.Status
	}
	return nil, fmt.Errorf("%s: %s", code, e.Message+e.Message2+e.Error)
}

// plain is a client for control paths: endpoint and token, no credentials, so
// that it works while sealed.
func (p *pointer) plain() (*client, error) {
	url, err := p.url()
	if err != nil {
		return nil, err
	}
	b, err := os.ReadFile(filepath.Join(p.data, "control-token"))
	if err != nil {
		return nil, fmt.Errorf("control token: %w", err)
	}
	return &client{url: url, token: strings.TrimSpace(string(b)), http: &http.Client{Timeout: time.Minute}}, nil
}

// control calls a control path.
func (c *client) control(ctx context.Context, method, name string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	r, err := http.NewRequestWithContext(ctx, method, c.url+"/_redoubt/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Authorization", "Bearer "+c.token)
	resp, err := c.http.Do(r)
	if err != nil {
		return fmt.Errorf("no answer from %s: is the server running? (%w)", c.url, errors.Unwrap(err))
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode >= 300 {
		var e struct{ Error string }
		if json.Unmarshal(b, &e); e.Error != "" {
			return errors.New(e.Error)
		}
		return errors.New(resp.Status)
	}
	return json.Unmarshal(b, out)
}

// readLine reads one line, without its end.
func readLine(r io.Reader) (string, error) {
	s := bufio.NewScanner(io.LimitReader(r, 1<<16))
	s.Scan()
	return strings.TrimSpace(s.Text()), s.Err()
}
