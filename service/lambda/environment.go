package lambda

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/keyring/harden"
	"github.com/redoubt-sec/redoubt/op"
)

// A function's environment is one ciphertext of AWS KMS, under the customer's key
// or alias/aws/lambda, bound to the function's ARN. Who may see it needs
// kms:Decrypt; the execution role gets that by a grant, which is why a role that
// is deleted and made again cannot start the function until it is configured anew,
// at AWS as here.

// Environment is the variables, encrypted.
type Environment struct {
	Ciphertext []byte // of the JSON object of the variables
	KeyARN     string // the key that it is under
	Grant      string // to the execution role; its GrantId
}

// defaultKey encrypts where the customer names no key.
const defaultKey = "alias/aws/lambda"

// maxEnvironment is how long the JSON of the variables may be, in bytes: what KMS
// encrypts at once.
const maxEnvironment = 4096

// reserved are the variables that the runtime sets and nobody else may. Source:
// Lambda Developer Guide, "Defined runtime environment variables".
var reserved = []string{
	"_HANDLER", "_X_AMZN_TRACE_ID", "AWS_DEFAULT_REGION", "AWS_REGION", "AWS_EXECUTION_ENV", "AWS_LAMBDA_FUNCTION_NAME",
	"AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "AWS_LAMBDA_FUNCTION_VERSION", "AWS_LAMBDA_INITIALIZATION_TYPE",
	"AWS_LAMBDA_LOG_GROUP_NAME", "AWS_LAMBDA_LOG_STREAM_NAME", "AWS_ACCESS_KEY", "AWS_ACCESS_KEY_ID",
	"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_LAMBDA_RUNTIME_API", "LAMBDA_TASK_ROOT", "LAMBDA_RUNTIME_DIR",
}

func environmentContext(f *Function) map[string]string {
	return map[string]string{"aws:lambda:FunctionArn": f.ARN}
}

// checkEnvironment holds variables against Lambda's rules. Values are never shown.
func checkEnvironment(vars map[string]string) error {
	var taken []string
	for name := range vars {
		if !validVariable(name) {
			return redoubt.ErrValidation.New("1 validation error detected: Value at 'environment.variables' failed to satisfy constraint: Map keys must satisfy constraint: [Member must satisfy regular expression pattern: [a-zA-Z]([a-zA-Z0-9_])+]")
		}
		if slices.Contains(reserved, name) {
			taken = append(taken, name)
		}
	}
	if len(taken) > 0 {
		slices.Sort(taken)
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided contains reserved keys that are currently not supported for modification. Reserved keys used in this request: %s", strings.Join(taken, ", "))
	}
	if n := len(encodeVariables(vars)); n > maxEnvironment {
		// AWS repeats the variables in this message; they may be secret.
		return invalid("Lambda was unable to configure your environment variables because the environment variables you have provided exceeded the 4KB limit. String measured: %d bytes", n)
	}
	return nil
}

func validVariable(name string) bool {
	if len(name) < 2 {
		return false
	}
	for i := range len(name) {
		c := name[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		if !letter && (i == 0 || (c < '0' || c > '9') && c != '_') {
			return false
		}
	}
	return true
}

// encodeVariables is the JSON that is measured and encrypted.
func encodeVariables(vars map[string]string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(vars) // a map of strings always encodes
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// asCaller passes a call's caller on to another service.
func asCaller(c *redoubt.Call) op.As { return op.Forward(c, "lambda") }

// sealEnvironment encrypts variables for a version whose role and key are set, on
// behalf of the caller, and lets the role decrypt them.
func (s *Service) sealEnvironment(ctx context.Context, c *redoubt.Call, f *Function, v *Version, vars map[string]string) error {
	key := v.Key
	if key == "" {
		key = defaultKey
	}
	plain := encodeVariables(vars)
	defer harden.Wipe(plain)
	enc, err := op.Invoke(ctx, s.Invoker, asCaller(c), kmsapi.OpEncrypt, &kmsapi.EncryptInput{
		KeyId: &key, Plaintext: plain, EncryptionContext: environmentContext(f),
	})
	if err != nil {
		return keyTrouble(err, "encrypt")
	}
	v.Environment = &Environment{Ciphertext: enc.CiphertextBlob, KeyARN: value(enc.KeyId)}
	return s.grantKey(ctx, c, f, v)
}

// grantKey lets the version's role decrypt its environment.
func (s *Service) grantKey(ctx context.Context, c *redoubt.Call, f *Function, v *Version) error {
	g, err := op.Invoke(ctx, s.Invoker, asCaller(c), kmsapi.OpCreateGrant, &kmsapi.CreateGrantInput{
		KeyId: &v.Environment.KeyARN, GranteePrincipal: &v.Role, Operations: []string{kmsapi.GrantOperationDecrypt},
		Constraints: &kmsapi.GrantConstraints{EncryptionContextEquals: environmentContext(f)},
		Name:        new("lambda-" + f.ID), // the same name and parameters: the same grant
	})
	if err != nil {
		return keyTrouble(err, "create a grant for")
	}
	v.Environment.Grant = value(g.GrantId)
	return nil
}

// openEnvironment decrypts a version's variables on behalf of as. It answers nil
// for a version without any.
func (s *Service) openEnvironment(ctx context.Context, as op.As, f *Function, v *Version) (map[string]string, error) {
	if v.Environment == nil {
		return nil, nil
	}
	out, err := op.Invoke(ctx, s.Invoker, as, kmsapi.OpDecrypt, &kmsapi.DecryptInput{
		CiphertextBlob: v.Environment.Ciphertext, KeyId: &v.Environment.KeyARN, EncryptionContext: environmentContext(f),
	})
	if err != nil {
		return nil, err
	}
	defer harden.Wipe(out.Plaintext)
	vars := map[string]string{}
	if err := json.Unmarshal(out.Plaintext, &vars); err != nil {
		return nil, fmt.Errorf("lambda: environment of %s: %w", f.ARN, err)
	}
	return vars, nil
}

// keyKinds lead from what KMS answers to Lambda's exceptions.
var keyKinds = map[redoubt.ErrorKind]struct {
	kind redoubt.ErrorKind
	text string
}{
	redoubt.ErrAccessDenied:            {api.ErrKMSAccessDeniedException, "KMS access was denied"},
	kmsapi.ErrDisabledException:        {api.ErrKMSDisabledException, "the KMS key used is disabled"},
	kmsapi.ErrKMSInvalidStateException: {api.ErrKMSInvalidStateException, "the state of the KMS key used is not valid for Decrypt"},
	kmsapi.ErrNotFoundException:        {api.ErrKMSNotFoundException, "the KMS key was not found"},
}

// keyRefusal is the Lambda exception for a refusal of KMS to decrypt an
// environment, or nil where err is none.
func keyRefusal(err error) *redoubt.Error {
	var e *redoubt.Error
	if !errors.As(err, &e) {
		return nil
	}
	for from, to := range maps.All(keyKinds) {
		if e.Code == string(from) {
			return user(to.kind.New("Lambda was unable to decrypt the environment variables because %s. Please check the function's KMS key settings. KMS Exception: %s KMS Message: %s", to.text, e.Code, e.Message))
		}
	}
	return nil
}

// keyTrouble words what kept KMS from taking an environment.
func keyTrouble(err error, what string) error {
	var e *redoubt.Error
	if !errors.As(err, &e) || e.Fault {
		return err
	}
	if e.Code == string(redoubt.ErrAccessDenied) {
		return e // the caller lacks the right: KMS has said so in its words
	}
	return invalid("Lambda was unable to %s your environment variables with the KMS key. KMS Exception: %s KMS Message: %s", what, e.Code, e.Message)
}
