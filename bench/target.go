package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/redoubt-sec/redoubt/server"
	"github.com/redoubt-sec/redoubt/sigv4"
)

// process is a server under measurement.
type process struct {
	cmd  *exec.Cmd
	pid  int
	addr string
}

func (p *process) stop() {
	p.cmd.Process.Signal(syscall.SIGTERM)
	p.cmd.Wait()
}

// startBare starts a yardstick: this program with other arguments, which prints its
// address.
func startBare(ctx context.Context, args ...string) (*process, error) {
	exe, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, exe, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	return &process{cmd, cmd.Process.Pid, strings.TrimSpace(line)}, err
}

// startRedoubt starts a server on new data and waits until it listens. A slow
// disk is no setting of the product: then the server runs in this program.
func startRedoubt(ctx context.Context, binary, data, profile string, delay time.Duration) (p *process, err error) {
	if delay > 0 {
		exe, err := os.Executable()
		if err != nil {
			return nil, err
		}
		p, err = command(ctx, "", exe, "-slow-server", data, "-sync-delay", delay.String())
		if err != nil {
			return nil, err
		}
	} else if p, err = launch(ctx, binary, data, "127.0.0.1:0", profile); err != nil {
		return nil, err
	}
	for start := time.Now(); time.Since(start) < 10*time.Second; time.Sleep(10 * time.Millisecond) {
		b, err := os.ReadFile(filepath.Join(data, "endpoint"))
		if err == nil && bytes.HasSuffix(b, []byte("\n")) {
			p.addr = strings.TrimPrefix(strings.TrimSpace(string(b)), "http://")
			return p, nil
		}
	}
	p.cmd.Process.Kill()
	return nil, fmt.Errorf("%s did not start", binary)
}

// launch starts a server and does not wait for it.
func launch(ctx context.Context, binary, data, addr, profile string) (*process, error) {
	args := []string{"serve", "--data", data, "--listen", addr, "--listen-tls", "off", "--log-level", "error"}
	if profile != "" {
		args = append(args, "--cpu-profile", profile)
	}
	return command(ctx, addr, binary, args...)
}

func command(ctx context.Context, addr, binary string, args ...string) (*process, error) {
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &process{cmd, cmd.Process.Pid, addr}, nil
}

// caller signs the requests of one service.
type caller struct {
	addr   string
	target string // "TrentService"
	signer sigv4.Signer
}

// of answers the same caller for another service.
func (c *caller) of(service, target string) *caller {
	d := *c
	d.target, d.signer.Service = target, service
	return &d
}

func newCaller(addr, credentials string) (*caller, error) {
	id, secret, err := server.ReadCredentials(credentials, "default")
	return &caller{addr, "TrentService", sigv4.Signer{AccessKeyID: id, Secret: secret, Region: "us-east-1", Service: "kms"}}, err
}

func (c *caller) request(operation string, in any) (*http.Request, []byte, error) {
	body, err := json.Marshal(in)
	if err != nil {
		return nil, nil, err
	}
	r, err := http.NewRequest(http.MethodPost, "http://"+c.addr+"/", bytes.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", c.target+"."+operation)
	c.signer.Sign(r, body, time.Now())
	return r, body, nil
}

// bytes is a request as it goes over the wire. Signatures hold for five minutes.
func (c *caller) bytes(operation string, in any) ([]byte, error) {
	r, body, err := c.request(operation, in)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST / HTTP/1.1\r\nHost: %s\r\nUser-Agent: bench\r\nContent-Length: %d\r\n", c.addr, len(body))
	r.Header.Write(&b)
	b.WriteString("\r\n")
	b.Write(body)
	return b.Bytes(), nil
}

// call runs one operation.
func (c *caller) call(operation string, in any, out any) error {
	r, _, err := c.request(operation, in)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != 200 {
		return fmt.Errorf("%s: %s: %s", operation, resp.Status, b)
	}
	if out == nil || len(b) == 0 {
		return nil
	}
	return json.Unmarshal(b, out)
}

// bench is one thing to measure.
type bench struct {
	name    string
	request []byte
}

// prepare makes a key and the requests that use it.
func prepare(c *caller) ([]bench, error) {
	var key struct{ KeyMetadata struct{ KeyId string } }
	if err := c.call("CreateKey", map[string]any{}, &key); err != nil {
		return nil, err
	}
	id := key.KeyMetadata.KeyId
	plaintext := base64.StdEncoding.EncodeToString(bytes.Repeat([]byte("x"), 256))
	ec := map[string]string{"app": "bench", "tier": "1"}
	var enc struct{ CiphertextBlob string }
	if err := c.call("Encrypt", map[string]any{"KeyId": id, "Plaintext": plaintext, "EncryptionContext": ec}, &enc); err != nil {
		return nil, err
	}
	ssm := c.of("ssm", "AmazonSSM")
	if err := ssm.call("PutParameter", map[string]any{"Name": "/bench/secure", "Type": "SecureString", "Value": strings.Repeat("x", 64)}, nil); err != nil {
		return nil, err
	}
	var list []bench
	for _, x := range []struct {
		name, operation string
		in              map[string]any
	}{
		{"KMS Encrypt 256 B", "Encrypt", map[string]any{"KeyId": id, "Plaintext": plaintext, "EncryptionContext": ec}},
		{"KMS Decrypt 256 B", "Decrypt", map[string]any{"CiphertextBlob": enc.CiphertextBlob, "EncryptionContext": ec}},
		{"KMS GenerateDataKey", "GenerateDataKey", map[string]any{"KeyId": id, "KeySpec": "AES_256", "EncryptionContext": ec}},
		{"KMS DescribeKey", "DescribeKey", map[string]any{"KeyId": id}},
	} {
		b, err := c.bytes(x.operation, x.in)
		if err != nil {
			return nil, err
		}
		list = append(list, bench{x.name, b})
	}
	get, err := ssm.bytes("GetParameter", map[string]any{"Name": "/bench/secure", "WithDecryption": true})
	if err != nil {
		return nil, err
	}
	secrets := c.of("secretsmanager", "secretsmanager")
	if err := secrets.call("CreateSecret", map[string]any{"Name": "bench", "SecretString": strings.Repeat("x", 64), "ClientRequestToken": newToken(0)}, nil); err != nil {
		return nil, err
	}
	value, err := secrets.bytes("GetSecretValue", map[string]any{"SecretId": "bench"})
	if err != nil {
		return nil, err
	}
	return append(list, bench{"SSM GetParameter WithDecryption", get}, bench{"Secrets Manager GetSecretValue", value}), nil
}

// newToken is the ClientRequestToken of the nth write of a secret.
func newToken(n int) string { return fmt.Sprintf("00000000-0000-4000-8000-%012d", n) }
