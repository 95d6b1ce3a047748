package sigv4

import (
	"fmt"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// Refusal words the failure as the services of that style do.
func (f *Failure) Refusal(style Style) *redoubt.Error {
	if style == S3Style {
		return f.s3()
	}
	w := words[f.Kind]
	c := codes[style][w.class]
	e := &redoubt.Error{Code: c.code, Status: c.status, Cause: f}
	switch {
	case style == EC2Style && c.status == 401:
		e.Message = "AWS was not able to validate the provided access credentials"
	case style == EC2Style && w.class == missing:
		e.Message = "The request must contain the parameter AWSAccessKeyId"
	case style == EC2Style && w.class == expiredOver:
		e.Message = "Request has expired."
	case style == RESTJSONStyle && f.Kind <= OtherScheme:
		e.Message = "Missing Authentication Token"
	default:
		e.Message = w.text(f)
	}
	return e
}

// words are the class of each failure outside of S3 and its text. The texts are
// those that AWS's common front end sends.
var words = [numKinds]struct {
	class class
	text  func(*Failure) string
}{
	NoSignature: {missing, fixed("Request is missing Authentication Token")},
	OtherScheme: {missing, fixed("Request is missing Authentication Token")},
	BothForms:   {invalid, fixed("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")},
	Repeated:    {incomplete, func(f *Failure) string { return "'" + f.got + "' appears more than once." }},
	BadTarget:   {badRequest, fixed("The query string contains a syntax error.")},
	Malformed:   {incomplete, (*Failure).malformed},
	Incomplete:  {incomplete, (*Failure).incomplete},
	BadAlgorithm: {incomplete, func(f *Failure) string {
		return "Unsupported AWS 'algorithm': '" + f.got + "' (only AWS4-HMAC-SHA256 for now). "
	}},
	BadDate: {incomplete, func(f *Failure) string {
		return "Date must be in ISO-8601 'basic format'. Got '" + f.got + "'. See http://en.wikipedia.org/wiki/ISO_8601"
	}},
	BadCredential: {incomplete, func(f *Failure) string {
		return "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '" + f.got + "'"
	}},
	BadExpires:   {incomplete, func(f *Failure) string { return "X-Amz-Expires " + f.want }},
	TooOld:       {invalid, (*Failure).tooOld},
	TooNew:       {invalid, (*Failure).tooNew},
	Expired:      {invalid, (*Failure).tooOld},
	NotYetValid:  {invalid, (*Failure).tooNew},
	HostUnsigned: {invalid, fixed("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")},
	HeadersUnsigned: {invalid, func(f *Failure) string {
		return "There were headers present in the request which were not signed: " + clip(strings.Join(f.missing, ", "))
	}},
	WrongScope:     {invalid, (*Failure).wrongScope},
	HashMissing:    {incomplete, fixed("Missing required header for this request: x-amz-content-sha256")},
	HashInvalid:    {incomplete, fixed("Invalid x-amz-content-sha256 value")},
	LengthMissing:  {incomplete, fixed("Missing required header for this request: x-amz-decoded-content-length")},
	UnknownKey:     {unknownKey, fixed("The security token included in the request is invalid.")},
	BadToken:       {unknownKey, fixed("The security token included in the request is invalid")},
	ExpiredToken:   {expiredOver, fixed("The security token included in the request is expired")},
	Mismatch:       {invalid, fixed("The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")},
	BodyMismatch:   {invalid, fixed("The request body does not match the hash that was signed.")},
	BodyIncomplete: {incomplete, fixed("The request body terminated unexpectedly")},
	ChunkTooSmall:  {incomplete, fixed("Only the last chunk is allowed to have a size less than 8192 bytes")},
	BadTrailer:     {incomplete, fixed("The request contained trailing data that was not well-formed or did not conform to our published schema.")},
}

func fixed(s string) func(*Failure) string { return func(*Failure) string { return s } }

func (f *Failure) malformed() string {
	return "Invalid key=value pair (missing equal-sign) in Authorization header (hashed with SHA-256 and encoded with Base64): '" + f.want + "'."
}

func (f *Failure) incomplete() string {
	var b strings.Builder
	if f.query {
		for _, m := range f.missing {
			b.WriteString("AWS query-string parameters must include '" + m + "'. ")
		}
		b.WriteString("Re-examine the query-string parameters.")
		return b.String()
	}
	for _, m := range f.missing {
		if m == "Date" {
			b.WriteString("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")
			continue
		}
		b.WriteString("Authorization header requires '" + m + "' parameter. ")
	}
	b.WriteString("(Hashed with SHA-256 and encoded with Base64) Authorization=" + f.want)
	return b.String()
}

func (f *Failure) tooOld() string {
	return fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)", f.at.Format(dateTime),
		f.now.Add(-f.window).UTC().Format(dateTime), f.now.UTC().Format(dateTime), span(f.window))
}

func (f *Failure) tooNew() string {
	return fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s)", f.at.Format(dateTime),
		f.now.Add(f.window).UTC().Format(dateTime), f.now.UTC().Format(dateTime), span(f.window))
}

func span(d time.Duration) string {
	if d%time.Minute != 0 {
		return fmt.Sprintf("%d s.", d/time.Second)
	}
	return fmt.Sprintf("%d min.", d/time.Minute)
}

func (f *Failure) wrongScope() string {
	var b strings.Builder
	if f.scope.Region != f.routed.Region || f.scope.Region == "" {
		b.WriteString("Credential should be scoped to a valid region. ")
	}
	if f.scope.Service != f.routed.Service {
		b.WriteString("Credential should be scoped to correct service: '" + f.routed.Service + "'. ")
	}
	if f.scope.Terminator != f.routed.Terminator {
		b.WriteString("Credential should be scoped with a valid terminator: 'aws4_request'. ")
	}
	if f.scope.Date != f.routed.Date {
		b.WriteString("Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP. ")
	}
	return b.String()
}
