package rotate

import (
	"bytes"
	"errors"
	"io"
	"strconv"
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// maxSecret is Secrets Manager's bound on a secret value, in bytes.
const maxSecret = 65536

// document is a secret's JSON object. A rotation changes one or two of its
// values and leaves everything else as its owner wrote it, unknown keys, order
// and the spelling of numbers included.
type document struct {
	members []member
}

type member struct {
	name  string
	value jsontext.Value
}

// errDocument deliberately says nothing of what was read.
var errDocument = errors.New("the secret value is no JSON object with each key once")

// parseDocument reads a secret value.
func parseDocument(s string) (*document, error) {
	if len(s) > maxSecret {
		return nil, errDocument
	}
	dec := jsontext.NewDecoder(strings.NewReader(s)) // refuses double keys and bad UTF-8
	if t, err := dec.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginObject {
		return nil, errDocument
	}
	d := new(document)
	for dec.PeekKind() == jsontext.KindString {
		name, err := dec.ReadToken()
		if err != nil {
			return nil, errDocument
		}
		key := name.String() // before the next read takes its buffer
		value, err := dec.ReadValue()
		if err != nil {
			return nil, errDocument
		}
		d.members = append(d.members, member{key, bytes.Clone(value)})
	}
	if _, err := dec.ReadToken(); err != nil {
		return nil, errDocument
	}
	if _, err := dec.ReadToken(); err != io.EOF {
		return nil, errDocument
	}
	return d, nil
}

// format writes the document with the blanks of Python's json.dumps, as AWS's
// templates do.
func (d *document) format() (string, error) {
	b := []byte{'{'}
	for i, m := range d.members {
		if i > 0 {
			b = append(b, ", "...)
		}
		var err error
		if b, err = jsontext.AppendQuote(b, m.name); err != nil {
			return "", err
		}
		b = append(append(b, ": "...), m.value...)
	}
	b = append(b, '}')
	if len(b) > maxSecret {
		return "", errors.New("the new secret value is longer than 65536 bytes")
	}
	return string(b), nil
}

func (d *document) value(name string) (jsontext.Value, bool) {
	for _, m := range d.members {
		if m.name == name {
			return m.value, true
		}
	}
	return nil, false
}

// set gives a key that is there a new string.
func (d *document) set(name, value string) error {
	quoted, err := jsontext.AppendQuote(nil, value)
	if err != nil {
		return err
	}
	for i := range d.members {
		if d.members[i].name == name {
			d.members[i].value = quoted
			return nil
		}
	}
	d.members = append(d.members, member{name, quoted})
	return nil
}

// text answers a key's string; an absent key and null are "".
func (d *document) text(name string) (string, error) {
	v, ok := d.value(name)
	if !ok || v.Kind() == jsontext.KindNull {
		return "", nil
	}
	if v.Kind() != jsontext.KindString {
		return "", valueError("%s in the secret JSON must be a string", name)
	}
	return unquote(v), nil
}

func unquote(v jsontext.Value) string {
	b, err := jsontext.AppendUnquote(nil, v)
	if err != nil {
		return "" // can't be: it was read as a string
	}
	return string(b)
}

// port answers the port, which may be a number or a string of one.
func (d *document) port(standard int) (int, error) {
	v, ok := d.value("port")
	if !ok || v.Kind() == jsontext.KindNull {
		return standard, nil
	}
	s := string(v)
	if v.Kind() == jsontext.KindString {
		s = strings.TrimSpace(unquote(v))
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, valueError("port in the secret JSON must be a number from 1 to 65535")
	}
	return int(n), nil
}

// security says whether connections try TLS and what happens when they can't.
// The table is that of get_ssl_config in AWS's templates.
type security struct {
	tls, fallBack bool
}

func (d *document) security() security {
	v, ok := d.value("ssl")
	if ok {
		s := string(v)
		if v.Kind() == jsontext.KindString {
			s = strings.ToLower(unquote(v))
		}
		switch s {
		case "true":
			return security{tls: true}
		case "false":
			return security{}
		}
	}
	return security{tls: true, fallBack: true}
}
