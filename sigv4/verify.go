package sigv4

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
)

// Verify computes the signature with c's secret and compares. s must have passed
// Check. The answer is nil, a *Failure, or the error of c.Secret or BodySHA256.
func (k *Keys) Verify(s *Signature, c Credential) error {
	if s.form != "" {
		return s.verifyForm(c)
	}
	buf, _ := k.buffers.Get().(*[]byte)
	if buf == nil {
		buf = new(make([]byte, 0, 2048))
	}
	defer k.buffers.Put(buf)

	b, f := s.appendCanonical((*buf)[:0])
	if f != nil {
		f.query, f.accessKeyID = s.Presigned, s.AccessKeyID
		return f
	}
	bare := len(b)
	if s.hash == "" {
		sum, err := s.req.BodySHA256()
		if err != nil {
			return err
		}
		b = hex.AppendEncode(b, sum[:])
	} else {
		b = append(b, s.hash...)
	}

	id := keyID{s.AccessKeyID, s.Scope.Date, s.Scope.Region, s.Scope.Service, c.Revision}
	key := k.get(id)
	fresh := key == nil
	if fresh {
		secret, err := c.Secret()
		if err != nil {
			return err
		}
		key = Derive(secret, s.Scope.Date, s.Scope.Region, s.Scope.Service)
	}

	n := len(b)
	b = s.appendStringToSign(b)
	ok := s.matches(key, b[n:])
	if !ok && s.expect.UnsignedPayload && s.payload == Hashed && len(s.req.Header["X-Amz-Content-Sha256"]) == 0 {
		// Clients of such operations may leave the body unsigned without a header
		// that says so.
		b = append(b[:bare], payloads[Unsigned]...)
		n = len(b)
		b = s.appendStringToSign(b)
		if ok = s.matches(key, b[n:]); ok {
			s.payload = Unsigned
		}
	}
	*buf = b[:0]
	if !ok {
		f := &Failure{Kind: Mismatch, query: s.Presigned, accessKeyID: s.AccessKeyID}
		if s.expect.S3 {
			f.canonical, f.stringToSign, f.signature = string(b[:n]), string(b[n:]), hex.EncodeToString(s.mac[:])
		}
		return f
	}
	if fresh {
		k.put(id, key)
	}
	s.key = key
	return nil
}

// appendStringToSign writes the string to sign of the canonical request that b
// holds behind it.
func (s *Signature) appendStringToSign(b []byte) []byte {
	sum := sha256.Sum256(b)
	b = append(b, Algorithm...)
	b = s.appendScope(append(b, '\n'))
	return hex.AppendEncode(append(b, '\n'), sum[:])
}

func (s *Signature) matches(key *Key, stringToSign []byte) bool {
	var mac [32]byte
	key.sum(&mac, stringToSign)
	return subtle.ConstantTimeCompare(mac[:], s.mac[:]) == 1
}

// appendScope writes time and scope as they stand in strings to sign.
func (s *Signature) appendScope(b []byte) []byte {
	b = append(b, s.amzDate...)
	b = append(b, '\n')
	b = append(b, s.Scope.Date...)
	b = append(b, '/')
	b = append(b, s.Scope.Region...)
	b = append(b, '/')
	b = append(b, s.Scope.Service...)
	b = append(b, '/')
	return append(b, s.Scope.Terminator...)
}
