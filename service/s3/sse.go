package s3

import (
	"context"
	"crypto/md5"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"maps"
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/objects"
	"github.com/redoubt-sec/redoubt/op"
)

// sse is what a request says about encryption. PutObject, CopyObject,
// CreateMultipartUpload and the parts of uploads say it in the same headers.
type sse struct {
	algorithm, key, context *string
	bucketKey               *bool
	customer                customerKey
}

// customerKey is SSE-C's three headers.
type customerKey struct{ algorithm, key, md5 *string }

func (k customerKey) given() bool { return k.algorithm != nil || k.key != nil || k.md5 != nil }

// How encryption's refusals name headers.
const (
	headerSSE       = "x-amz-server-side-encryption"
	headerSSEKey    = "x-amz-server-side-encryption-aws-kms-key-id"
	headerSSEContex = "x-amz-server-side-encryption-context"
)

// open answers the customer's key, after the checks that AWS makes.
//
// The header that its refusals name is another one than was sent, as at AWS.
func (k customerKey) open(c *redoubt.Call) ([]byte, error) {
	bad := func(message string) error {
		return refusal(400, "InvalidArgument", message, "ArgumentName", headerSSE)
	}
	switch {
	case !c.Source.TLS && !relayed(c):
		return nil, invalidRequest("Requests specifying Server Side Encryption with Customer provided keys must be made over a secure connection.")
	case k.algorithm == nil:
		return nil, bad("Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.")
	case *k.algorithm != sseS3:
		return nil, refusal(400, "InvalidEncryptionAlgorithmError", "The Encryption request you specified is not valid. Supported value: AES256.", "ArgumentName", headerSSE, "ArgumentValue", *k.algorithm)
	case k.key == nil:
		return nil, bad("Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.")
	case k.md5 == nil:
		return nil, bad("Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.")
	}
	secret, err := base64.StdEncoding.DecodeString(*k.key)
	sum := md5.Sum(secret)
	want, err2 := base64.StdEncoding.DecodeString(*k.md5)
	switch {
	case err == nil && (err2 != nil || subtle.ConstantTimeCompare(want, sum[:]) != 1):
		return nil, bad("The calculated MD5 hash of the key did not match the hash that was provided.")
	case err != nil || len(secret) != 32:
		return nil, errBadKey
	}
	return secret, nil
}

// errBadKey refuses a key that no object can be under.
var errBadKey = refusal(400, "InvalidArgument", "The secret key was invalid for the specified algorithm.", "ArgumentName", headerSSE)

func wrongKey() error {
	return redoubt.ErrAccessDenied.New("Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.")
}

// check refuses what cannot be meant, before anything is looked up.
func (r *sse) check() error {
	alg := value(r.algorithm)
	switch {
	case r.algorithm != nil && !slices.Contains([]string{sseS3, sseKMS, dsse}, alg):
		return invalidArgument("The encryption method specified is not supported", headerSSE, alg)
	case r.customer.given() && r.algorithm != nil:
		return invalidArgument("Server Side Encryption with Customer provided key is incompatible with the encryption method specified", headerSSE, alg)
	case (r.key != nil || r.context != nil) && alg != sseKMS && alg != dsse:
		return invalidArgument("Server Side Encryption with AWS KMS managed key requires HTTP header x-amz-server-side-encryption : aws:kms", headerSSE, alg)
	}
	return nil
}

// encrypt decides how a new object is encrypted and gets the secrets for it: from
// the request's headers, or where it says nothing as the bucket does.
//
// A request that says aws:kms and names no key means the account's key aws/s3, not
// the bucket's. Source: PutObject, SSEKMSKeyId.
func (s *Service) encrypt(ctx context.Context, c *redoubt.Call, b *Bucket, key string, r *sse) (objects.Encryption, [][]byte, error) {
	if err := r.check(); err != nil {
		return objects.Encryption{}, nil, err
	}
	if r.customer.given() {
		if slices.Contains(b.Encryption.Blocked, sseC) {
			return objects.Encryption{}, nil, redoubt.ErrAccessDenied.New("Server-side encryption with customer-provided keys (SSE-C) is blocked for this bucket.")
		}
		secret, err := r.customer.open(c)
		return objects.Encryption{Kind: objects.SSEC}, [][]byte{secret}, err
	}
	alg, keyID := value(r.algorithm), value(r.key)
	if r.algorithm == nil {
		alg, keyID = b.Encryption.Algorithm, b.Encryption.Key
	}
	if alg == sseS3 {
		return objects.Encryption{Kind: objects.SSES3}, nil, nil
	}
	if keyID == "" {
		keyID = "alias/aws/s3"
	}
	if c.Principal.Kind == redoubt.Anonymous {
		return objects.Encryption{}, nil, accessDenied() // KMS knows no anonymous callers
	}
	with, err := encryptionContext(r.context)
	if err != nil {
		return objects.Encryption{}, nil, err
	}
	e := objects.Encryption{Kind: objects.SSEKMS, Context: with}
	if alg == dsse {
		e.Kind = objects.DSSEKMS
	} else {
		e.BucketKey = b.Encryption.BucketKey
		if r.bucketKey != nil {
			e.BucketKey = *r.bucketKey
		}
	}
	if e.Context["aws:s3:arn"] == "" {
		e.Context["aws:s3:arn"] = b.arn()
		if !e.BucketKey {
			e.Context["aws:s3:arn"] = b.objectARN(key)
		}
	}
	var secrets [][]byte
	for range e.Kind.Secrets() {
		k, err := s.dataKey(ctx, c, b, keyID, &e)
		if err != nil {
			wipe(secrets)
			return e, nil, err
		}
		e.KeyARN, e.Sealed, secrets = k.arn, append(e.Sealed, k.sealed), append(secrets, k.secret)
	}
	return e, secrets, nil
}

// encryptionContext reads the header, base64 of a JSON object of strings.
func encryptionContext(header *string) (map[string]string, error) {
	with := map[string]string{}
	if header == nil {
		return with, nil
	}
	bad := invalidArgument("The header '"+headerSSEContex+"' shall be Base64-encoded UTF-8 string holding JSON which represents a string-string map", headerSSEContex, *header)
	b, err := base64.StdEncoding.DecodeString(*header)
	if err != nil || json.Unmarshal(b, &with) != nil || with == nil {
		return nil, bad
	}
	return with, nil
}

// shownContext is the context as answers show it.
func shownContext(header *string, e *objects.Encryption) *string {
	if header == nil {
		return nil
	}
	b, err := json.Marshal(e.Context)
	if err != nil {
		return nil
	}
	return new(base64.StdEncoding.EncodeToString(b))
}

// secrets gets at the secrets of what is encrypted so: for the caller, who needs
// the right to decrypt.
func (s *Service) secrets(ctx context.Context, c *redoubt.Call, b *Bucket, e *objects.Encryption, customer customerKey) ([][]byte, error) {
	if e.Kind == objects.SSEC {
		if !customer.given() {
			return nil, invalidRequest("The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
		}
		secret, err := customer.open(c)
		if errors.Is(err, errBadKey) {
			return nil, wrongKey()
		}
		if err != nil {
			return nil, err
		}
		if !e.Fits(secret) {
			clear(secret)
			return nil, wrongKey()
		}
		return [][]byte{secret}, nil
	}
	if customer.given() {
		return nil, invalidRequest("The encryption parameters are not applicable to this object.")
	}
	if e.Kind == objects.SSES3 {
		return nil, nil
	}
	if c.Principal.Kind == redoubt.Anonymous {
		return nil, invalidArgument("Requests specifying Server Side Encryption with AWS KMS managed keys require AWS Signature Version 4.", "Authorization", "null")
	}
	var secrets [][]byte
	for _, sealed := range e.Sealed {
		secret, err := s.opened(ctx, c, b, e, sealed)
		if err != nil {
			wipe(secrets)
			return nil, err
		}
		secrets = append(secrets, secret)
	}
	return secrets, nil
}

func wipe(secrets [][]byte) {
	for _, s := range secrets {
		clear(s)
	}
}

// dataKey is a KMS data key: its plaintext and its ciphertext.
type dataKey struct {
	arn            string
	sealed, secret []byte
}

// generate asks KMS, for the caller, for a new data key.
func (s *Service) generate(ctx context.Context, c *redoubt.Call, keyID string, with map[string]string) (*dataKey, error) {
	out, err := op.Invoke(ctx, s.Invoker, op.Forward(c, "s3"), kmsapi.OpGenerateDataKey, &kmsapi.GenerateDataKeyInput{
		KeyId: &keyID, KeySpec: new(kmsapi.DataKeySpecAes256), EncryptionContext: maps.Clone(with),
	})
	if err != nil {
		return nil, ofKMS(err)
	}
	return &dataKey{value(out.KeyId), out.CiphertextBlob, out.Plaintext}, nil
}

// decrypt asks KMS, for the caller, to open a data key.
func (s *Service) decrypt(ctx context.Context, c *redoubt.Call, e *objects.Encryption, sealed []byte) ([]byte, error) {
	out, err := op.Invoke(ctx, s.Invoker, op.Forward(c, "s3"), kmsapi.OpDecrypt, &kmsapi.DecryptInput{
		KeyId: &e.KeyARN, CiphertextBlob: sealed, EncryptionContext: maps.Clone(e.Context),
	})
	if err != nil {
		return nil, ofKMS(err)
	}
	return out.Plaintext, nil
}

// ofKMS passes KMS's refusals on as S3 does.
func ofKMS(err error) error {
	e, ok := errors.AsType[*redoubt.Error](err)
	switch {
	case !ok || e.Fault:
		return err
	case errors.Is(err, redoubt.ErrAccessDenied):
		return redoubt.ErrAccessDenied.New("%s", e.Message)
	}
	passed := refusal(400, "KMS."+e.Code, e.Message)
	if e.Code == string(redoubt.ErrValidation) {
		passed.Code = "KMS.ValidationException"
	}
	return passed
}
