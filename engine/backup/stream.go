package backup

import (
	"bufio"
	"bytes"
	"crypto/hpke"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// The outer form:
//
//	"redoubt backup 1\n"
//	header, a JSON object on one line
//	chunks: four bytes of length with the top bit set in the last one, ciphertext
//
// The header and the secret that both halves share are HPKE's info, each chunk's
// last-bit its associated data; HPKE counts the chunks in its nonces.
const (
	magic     = "redoubt backup 1\n"
	chunkSize = 64 << 10
	lastBit   = 1 << 31
	maxHeader = 8 << 10
)

// Errors of a stream.
var (
	ErrNotBackup = errors.New("backup: this is no backup")
	ErrDamaged   = errors.New("backup: the stream is damaged or was tampered with")
	ErrCut       = errors.New("backup: the stream ends before its end")
	ErrWrongKey  = errors.New("backup: this key does not open it")
)

// header says how to open the rest.
type header struct {
	KEM, KDF, AEAD uint16
	Recipient      string // fingerprint
	Key            []byte // encapsulated
}

// info binds the header, but for the encapsulated key, which HPKE binds itself.
func (h header) info(proof [proofSize]byte) []byte {
	h.Key = nil
	return append(append([]byte(magic), proof[:]...), encodeJSON(h)...)
}

// sealer writes chunks.
type sealer struct {
	w      io.Writer
	sender *hpke.Sender
	buf    []byte
	err    error
}

func newSealer(w io.Writer, r *Recipient) (*sealer, error) {
	kem, kdf, aead := suite()
	h := header{KEM: kem.ID(), KDF: kdf.ID(), AEAD: aead.ID(), Recipient: r.Fingerprint()}
	key, sender, err := hpke.NewSender(r.key, kdf, aead, h.info(r.proof))
	if err != nil {
		return nil, fmt.Errorf("backup: %w", err)
	}
	h.Key = key
	line, err := json.Marshal(h)
	if err != nil {
		return nil, err
	}
	if _, err := io.WriteString(w, magic+string(line)+"\n"); err != nil {
		return nil, err
	}
	return &sealer{w: w, sender: sender, buf: make([]byte, 0, chunkSize)}, nil
}

// Write implements io.Writer.
func (s *sealer) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 && s.err == nil {
		if len(s.buf) == chunkSize {
			s.flush(false)
		}
		room := min(len(p), chunkSize-len(s.buf))
		s.buf, p = append(s.buf, p[:room]...), p[room:]
	}
	return n - len(p), s.err
}

// Close writes the last chunk.
func (s *sealer) Close() error {
	if s.err == nil {
		s.flush(true)
	}
	return s.err
}

func (s *sealer) flush(last bool) {
	var c []byte
	if c, s.err = s.sender.Seal(lastMark(last), s.buf); s.err != nil {
		return
	}
	length := uint32(len(c))
	if last {
		length |= lastBit
	}
	out := binary.BigEndian.AppendUint32(make([]byte, 0, 4+len(c)), length)
	_, s.err = s.w.Write(append(out, c...))
	clear(s.buf)
	s.buf = s.buf[:0]
}

func lastMark(last bool) []byte {
	if last {
		return []byte{1}
	}
	return []byte{0}
}

func readHeader(r *bufio.Reader) (*header, error) {
	start := make([]byte, len(magic))
	if _, err := io.ReadFull(r, start); err != nil || string(start) != magic {
		if bytes.HasPrefix(start, []byte("redoubt backup ")) {
			return nil, fmt.Errorf("%w of a version that is known here", ErrNotBackup)
		}
		return nil, ErrNotBackup
	}
	var line []byte
	for len(line) == 0 || line[len(line)-1] != '\n' {
		c, err := r.ReadByte()
		if err != nil {
			return nil, ErrCut
		}
		if line = append(line, c); len(line) > maxHeader {
			return nil, ErrDamaged
		}
	}
	h := new(header)
	d := json.NewDecoder(strings.NewReader(string(line)))
	d.DisallowUnknownFields()
	if err := d.Decode(h); err != nil {
		return nil, ErrDamaged
	}
	return h, nil
}

// opener reads chunks.
type opener struct {
	r    *bufio.Reader
	recv *hpke.Recipient
	buf  []byte
	err  error
}

func newOpener(in io.Reader, id *Identity) (*opener, error) {
	r := bufio.NewReaderSize(in, chunkSize)
	h, err := readHeader(r)
	if err != nil {
		return nil, err
	}
	if h.Recipient != id.Recipient().Fingerprint() {
		return nil, fmt.Errorf("%w: it is for %.20q, the key is %s", ErrWrongKey, h.Recipient, id.Recipient().Fingerprint())
	}
	kem, kdf, aead := suite()
	if h.KEM != kem.ID() || h.KDF != kdf.ID() || h.AEAD != aead.ID() {
		return nil, fmt.Errorf("%w: it uses algorithms that this version does not", ErrNotBackup)
	}
	recv, err := hpke.NewRecipient(h.Key, id.key, kdf, aead, h.info(id.proof))
	if err != nil {
		return nil, ErrDamaged
	}
	return &opener{r: r, recv: recv}, nil
}

// Read implements io.Reader; io.EOF means that the end is authentic and nothing
// follows it.
func (o *opener) Read(p []byte) (int, error) {
	for len(o.buf) == 0 {
		if o.err != nil {
			return 0, o.err
		}
		o.buf, o.err = o.chunk()
	}
	n := copy(p, o.buf)
	o.buf = o.buf[n:]
	return n, nil
}

// chunk opens the next chunk; with the last one it answers io.EOF.
func (o *opener) chunk() ([]byte, error) {
	c, last, err := readChunk(o.r)
	if err != nil {
		return nil, err
	}
	p, err := o.recv.Open(lastMark(last), c)
	if err != nil {
		return nil, ErrDamaged
	}
	if last {
		return p, io.EOF
	}
	return p, nil
}

// readChunk answers a chunk as it stands, and makes sure that the last one is
// followed by nothing.
func readChunk(r *bufio.Reader) (c []byte, last bool, err error) {
	var length [4]byte
	if _, err := io.ReadFull(r, length[:]); err != nil {
		return nil, false, cut(err)
	}
	n := binary.BigEndian.Uint32(length[:])
	last = n&lastBit != 0
	if n &^= lastBit; n > chunkSize+64 {
		return nil, false, ErrDamaged
	}
	c = make([]byte, n)
	if _, err := io.ReadFull(r, c); err != nil {
		return nil, false, cut(err)
	}
	if last {
		if _, err := r.ReadByte(); err != io.EOF {
			return nil, false, ErrDamaged
		}
	}
	return c, last, nil
}

func cut(err error) error {
	if err == io.EOF || err == io.ErrUnexpectedEOF {
		return ErrCut
	}
	return err
}

// Complete reads a stream without its key and reports whether it has an end: a
// download that broke off has none. That it is authentic only Verify can say.
func Complete(in io.Reader) (recipient string, err error) {
	r := bufio.NewReaderSize(in, chunkSize)
	h, err := readHeader(r)
	if err != nil {
		return "", err
	}
	for last := false; !last; {
		if _, last, err = readChunk(r); err != nil {
			return "", err
		}
	}
	return h.Recipient, nil
}
