package front

import (
	"bytes"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	redoubt "github.com/redoubt-sec/redoubt"
)

// madeARN is the ARN of what a call made, which its needs could not name: the
// answer's own or that of its one object. AWS's events of CreateKey have it.
// One pass without decoding: every call that makes something comes here.
func madeARN(response []byte) string {
	dec := jsontext.NewDecoder(bytes.NewBuffer(response), jsontext.AllowDuplicateNames(true))
	own, inner, members := "", "", 0
	if !objectOf(dec, func(name jsontext.Value) bool {
		members++
		switch {
		case isARN(name):
			return arnOf(dec, &own)
		case members == 1 && dec.PeekKind() == jsontext.KindBeginObject:
			return objectOf(dec, func(name jsontext.Value) bool {
				if isARN(name) {
					return arnOf(dec, &inner)
				}
				return dec.SkipValue() == nil
			})
		}
		return dec.SkipValue() == nil
	}) {
		return ""
	}
	arn := own
	if arn == "" && members == 1 {
		arn = inner
	}
	if resourceType(arn) == "" {
		return ""
	}
	return arn
}

// objectOf reads an object, of which member reads the value that follows a name,
// and reports whether there was one that all of it could read.
func objectOf(dec *jsontext.Decoder, member func(name jsontext.Value) bool) bool {
	if t, err := dec.ReadToken(); err != nil || t.Kind() != jsontext.KindBeginObject {
		return false
	}
	for dec.PeekKind() == jsontext.KindString {
		if name, err := dec.ReadValue(); err != nil || !member(name) {
			return false
		}
	}
	t, err := dec.ReadToken()
	return err == nil && t.Kind() == jsontext.KindEndObject
}

var arnName = []byte(`"arn"`)

// isARN reports whether a member holds an ARN: services spell it arn and aRN.
func isARN(name jsontext.Value) bool { return bytes.EqualFold(name, arnName) }

// arnOf reads a value that is a string or null into arn.
func arnOf(dec *jsontext.Decoder, arn *string) bool {
	t, err := dec.ReadToken()
	switch {
	case err != nil:
		return false
	case t.Kind() == jsontext.KindString:
		*arn = t.String()
		return true
	}
	return t.Kind() == jsontext.KindNull
}

// resourceType names a resource as CloudTrail does, "AWS::KMS::Key", for the
// kinds that this server has.
func resourceType(arn string) string {
	a, err := redoubt.ParseARN(arn)
	if err != nil {
		return ""
	}
	kind := a.Resource
	if i := strings.IndexAny(kind, "/:"); i >= 0 {
		kind = kind[:i]
	}
	return resourceTypes[resourceKind{a.Service, kind}]
}

type resourceKind struct{ service, kind string }

var resourceTypes = map[resourceKind]string{
	{"kms", "key"}:               "AWS::KMS::Key",
	{"kms", "alias"}:             "AWS::KMS::Alias",
	{"iam", "user"}:              "AWS::IAM::User",
	{"iam", "role"}:              "AWS::IAM::Role",
	{"iam", "group"}:             "AWS::IAM::Group",
	{"iam", "policy"}:            "AWS::IAM::Policy",
	{"iam", "mfa"}:               "AWS::IAM::MFADevice",
	{"cloudtrail", "trail"}:      "AWS::CloudTrail::Trail",
	{"secretsmanager", "secret"}: "AWS::SecretsManager::Secret",
	{"ssm", "parameter"}:         "AWS::SSM::Parameter",
	{"lambda", "function"}:       "AWS::Lambda::Function",
}
