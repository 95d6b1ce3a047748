package rotatetest

import (
	"bufio"
	"crypto/sha256"
	"crypto/tls"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// redis is redis-server with an ACL file.
type redis struct{ server string }

// StartRedis answers the Redis server of this test binary.
func StartRedis(t testing.TB) *Server {
	t.Helper()
	return shared.redis.share(t, startRedis)
}

// NewRedis starts a server of the test's own.
func NewRedis(t testing.TB, c Config) *Server {
	t.Helper()
	StartRedis(t) // has the template
	s := startRedis(t, c)
	t.Cleanup(func() { s.end("") })
	return s
}

func startRedis(t testing.TB, c Config) *Server {
	t.Helper()
	return start(t, &Server{Engine: "redis", Admin: "admin", Password: "Adm1n-of-a-test", kind: redis{find(t, "redis-server", "/usr/bin/redis-server")}}, c)
}

func (redis) install(dir string, own *syscall.Credential) error {
	data := filepath.Join(dir, "data")
	if err := os.Mkdir(data, 0o700); err != nil {
		return err
	}
	if err := give(data, own); err != nil {
		return err
	}
	sum := sha256.Sum256([]byte("Adm1n-of-a-test"))
	acl := "user default off resetkeys -@all\nuser admin on #" + hex.EncodeToString(sum[:]) + " ~* &* +@all\n"
	return write(filepath.Join(data, "users.acl"), []byte(acl), own)
}

func (k redis) command(s *Server) (*exec.Cmd, error) {
	data := filepath.Join(s.dir, "data")
	args := []string{"--bind", "127.0.0.1", "--dir", data, "--aclfile", filepath.Join(data, "users.acl"), "--save", "", "--appendonly", "no", "--daemonize", "no"}
	switch {
	case s.CA == "":
		s.PlainPort = s.Port
	case s.PlainPort == 0:
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		s.PlainPort = l.Addr().(*net.TCPAddr).Port
		l.Close()
	}
	args = append(args, "--port", strconv.Itoa(s.PlainPort))
	if s.CA != "" {
		args = append(args, "--tls-port", strconv.Itoa(s.Port), "--tls-auth-clients", "no", "--tls-cert-file", filepath.Join(s.dir, "cert.pem"),
			"--tls-key-file", filepath.Join(s.dir, "key.pem"), "--tls-ca-cert-file", filepath.Join(s.dir, "ca.pem"))
	}
	return exec.Command(k.server, args...), nil
}

// exec sends a command whose words are split at blanks.
func (redis) exec(s *Server, user, password, statement string) ([]string, error) {
	address := net.JoinHostPort(s.Host, strconv.Itoa(s.Port))
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(10 * time.Second))
	if c := s.tls(); c != nil {
		conn = tls.Client(conn, c)
	}
	in := bufio.NewReader(conn)
	if _, err := say(conn, in, "AUTH", user, password); err != nil {
		return nil, err
	}
	if statement == "" {
		statement = "PING"
	}
	return say(conn, in, strings.Fields(statement)...)
}

// say sends a command and answers the strings of its answer.
func say(out io.Writer, in *bufio.Reader, words ...string) ([]string, error) {
	b := fmt.Appendf(nil, "*%d\r\n", len(words))
	for _, w := range words {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(w), w)
	}
	if _, err := out.Write(b); err != nil {
		return nil, err
	}
	return hear(in)
}

func hear(in *bufio.Reader) ([]string, error) {
	line, err := in.ReadString('\n')
	if err != nil {
		return nil, err
	}
	line = strings.TrimRight(line, "\r\n")
	n, _ := strconv.Atoi(line[1:])
	switch line[0] {
	case '-':
		return nil, errors.New(line[1:])
	case '$':
		if n < 0 {
			return nil, nil
		}
		b := make([]byte, n+2)
		_, err := io.ReadFull(in, b)
		return []string{string(b[:n])}, err
	case '*':
		var out []string
		for range n {
			item, err := hear(in)
			if err != nil {
				return nil, err
			}
			out = append(out, item...)
		}
		return out, nil
	}
	return []string{line[1:]}, nil
}

func (redis) addUser(user, password string) []string {
	sum := sha256.Sum256([]byte(password))
	return []string{"ACL SETUSER " + user + " reset on #" + hex.EncodeToString(sum[:]) + " ~shop:* +@read +@write +ping", "ACL SAVE"}
}

func (redis) work() string { return "GET shop:orders" }
