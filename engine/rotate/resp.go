package rotate

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"
)

// resp speaks version 2 of the Redis serialization protocol, as far as access
// control needs it: one command at a time.
type resp struct {
	conn net.Conn
	in   *bufio.Reader
}

func newResp(conn net.Conn) *resp { return &resp{conn, bufio.NewReader(conn)} }

// reply is an answer: a text or a list.
type reply struct {
	text string
	list []reply
}

// respError is an answer that is an error.
type respError string

func (e respError) Error() string { return "redis: " + string(e) }

var errResp = errors.New("the server does not speak the Redis protocol")

// do sends a command and reads its answer.
func (r *resp) do(ctx context.Context, args ...string) (reply, error) {
	end, ok := ctx.Deadline()
	if !ok {
		end = time.Now().Add(connectTime)
	}
	if err := r.conn.SetDeadline(end); err != nil {
		return reply{}, err
	}
	stop := context.AfterFunc(ctx, func() { r.conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	b := fmt.Appendf(nil, "*%d\r\n", len(args))
	for _, a := range args {
		b = fmt.Appendf(b, "$%d\r\n%s\r\n", len(a), a)
	}
	if _, err := r.conn.Write(b); err != nil {
		return reply{}, err
	}
	return r.read(0)
}

// expect sends a command that has one good answer.
func (r *resp) expect(ctx context.Context, want string, args ...string) error {
	answer, err := r.do(ctx, args...)
	if err == nil && (answer.text != want || answer.list != nil) {
		return errResp
	}
	return err
}

const (
	maxDepth = 4       // lists within lists
	maxItems = 100_000 // items of one list
	maxText  = 1 << 20 // bytes of one text
)

func (r *resp) read(depth int) (reply, error) {
	line, err := r.line()
	if err != nil {
		return reply{}, err
	}
	if line == "" {
		return reply{}, errResp
	}
	kind, rest := line[0], line[1:]
	switch kind {
	case '+', ':':
		return reply{text: rest}, nil
	case '-':
		return reply{}, respError(rest)
	case '$', '*':
	default:
		return reply{}, errResp
	}
	n, err := strconv.Atoi(rest)
	if err != nil || n < -1 {
		return reply{}, errResp
	}
	if n == -1 {
		return reply{}, nil
	}
	if kind == '$' {
		return r.bulk(n)
	}
	if n > maxItems || depth == maxDepth {
		return reply{}, errResp
	}
	var out reply
	for range n {
		item, err := r.read(depth + 1)
		var e respError
		if err != nil && !errors.As(err, &e) {
			return reply{}, err
		}
		out.list = append(out.list, item)
	}
	return out, nil
}

func (r *resp) bulk(n int) (reply, error) {
	if n > maxText {
		return reply{}, errResp
	}
	b := make([]byte, n+2)
	if _, err := io.ReadFull(r.in, b); err != nil {
		return reply{}, err
	}
	if b[n] != '\r' || b[n+1] != '\n' {
		return reply{}, errResp
	}
	return reply{text: string(b[:n])}, nil
}

// line reads up to CR LF; bufio's buffer bounds it.
func (r *resp) line() (string, error) {
	b, err := r.in.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return "", errResp
	}
	if err != nil {
		return "", err
	}
	if len(b) < 2 || b[len(b)-2] != '\r' {
		return "", errResp
	}
	return string(b[:len(b)-2]), nil
}
