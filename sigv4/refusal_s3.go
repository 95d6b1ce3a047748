package sigv4

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// maxEcho bounds the canonical request that S3's mismatch error repeats.
const maxEcho = 64 << 10

// s3 words the failure as S3 does, with the elements that S3 adds to its error
// document in Fields.
func (f *Failure) s3() *redoubt.Error {
	no := func(status int, code, format string, args ...any) *redoubt.Error {
		return &redoubt.Error{Code: code, Status: status, Message: fmt.Sprintf(format, args...), Cause: f}
	}
	malformed := func(format string, args ...any) *redoubt.Error {
		if f.query {
			return no(400, "AuthorizationQueryParametersError", format, args...)
		}
		return no(400, "AuthorizationHeaderMalformed", "The authorization header is malformed; "+format, args...)
	}
	with := func(e *redoubt.Error, pairs ...string) *redoubt.Error {
		e.Fields = map[string]any{}
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i+1] != "" {
				e.Fields[pairs[i]] = pairs[i+1]
			}
		}
		return e
	}
	switch f.Kind {
	case NoSignature:
		return no(403, "AccessDenied", "Access Denied")
	case OtherScheme:
		if f.got == "AWS" {
			return no(400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
		}
		return with(no(400, "InvalidArgument", "Unsupported Authorization Type"), "ArgumentName", "Authorization")
	case BothForms:
		return with(no(400, "InvalidArgument", "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, Signature query string parameter or the Authorization header should be specified"),
			"ArgumentName", "Authorization")
	case Repeated:
		return malformed("%s appears more than once.", f.got)
	case BadTarget:
		return no(400, "InvalidURI", "Couldn't parse the specified URI.")
	case Malformed:
		return malformed("the authorization component %q is malformed.", f.got)
	case Incomplete:
		return f.s3Incomplete(no, malformed)
	case BadAlgorithm:
		if f.query {
			return malformed(`X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"`)
		}
		return no(400, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.")
	case BadDate:
		if f.query {
			return malformed(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`)
		}
		return no(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	case BadCredential:
		return malformed("%s", f.s3Credential(`the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".`))
	case BadExpires:
		return malformed("X-Amz-Expires %s", f.want)
	case TooOld, TooNew:
		return with(no(403, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."),
			"RequestTime", f.at.Format(dateTime), "ServerTime", f.now.UTC().Format(time.RFC3339),
			"MaxAllowedSkewMilliseconds", strconv.FormatInt(f.window.Milliseconds(), 10))
	case Expired:
		return with(no(403, "AccessDenied", "Request has expired"),
			"X-Amz-Expires", strconv.FormatInt(int64(f.window/time.Second), 10),
			"Expires", f.at.Add(f.window).Format(time.RFC3339), "ServerTime", f.now.UTC().Format(time.RFC3339))
	case NotYetValid:
		return with(no(403, "AccessDenied", "Request is not yet valid"),
			"X-Amz-Expires", strconv.FormatInt(int64(f.window/time.Second), 10),
			"Expires", f.at.Add(f.window).Format(time.RFC3339), "ServerTime", f.now.UTC().Format(time.RFC3339))
	case HostUnsigned:
		return with(no(403, "AccessDenied", "There were headers present in the request which were not signed"), "HeadersNotSigned", "host")
	case HeadersUnsigned:
		return with(no(403, "AccessDenied", "There were headers present in the request which were not signed"),
			"HeadersNotSigned", strings.Join(f.missing, ", "))
	case WrongScope:
		return f.s3WrongScope(malformed)
	case HashMissing:
		return no(400, "InvalidRequest", "Missing required header for this request: x-amz-content-sha256")
	case HashInvalid:
		return with(no(400, "InvalidArgument", "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD, STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER or a valid sha256 value."),
			"ArgumentName", "x-amz-content-sha256", "ArgumentValue", f.got)
	case LengthMissing:
		return no(411, "MissingContentLength", "You must provide the Content-Length HTTP header.")
	case UnknownKey:
		return with(no(403, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."), "AWSAccessKeyId", f.accessKeyID)
	case BadToken:
		return no(400, "InvalidToken", "The provided token is malformed or otherwise invalid.")
	case ExpiredToken:
		return no(400, "ExpiredToken", "The provided token has expired.")
	case Mismatch:
		e := with(no(403, "SignatureDoesNotMatch", "The request signature we calculated does not match the signature you provided. Check your key and signing method."),
			"AWSAccessKeyId", f.accessKeyID, "StringToSign", f.stringToSign, "SignatureProvided", f.signature, "StringToSignBytes", octets(f.stringToSign))
		if f.canonical != "" && len(f.canonical) <= maxEcho {
			e.Fields["CanonicalRequest"], e.Fields["CanonicalRequestBytes"] = f.canonical, octets(f.canonical)
		}
		return e
	case BodyMismatch:
		return with(no(400, "XAmzContentSHA256Mismatch", "The provided 'x-amz-content-sha256' header does not match what was computed."),
			"ClientComputedContentSHA256", f.want, "S3ComputedContentSHA256", f.got)
	case ChunkTooSmall:
		return no(403, "InvalidChunkSizeError", "Only the last chunk is allowed to have a size less than 8192 bytes")
	case BadTrailer:
		return no(400, "MalformedTrailerError", "The request contained trailing data that was not well-formed or did not conform to our published schema.")
	}
	return no(400, "IncompleteBody", "The request body terminated unexpectedly")
}

type (
	refuse    = func(status int, code, format string, args ...any) *redoubt.Error
	malformed = func(format string, args ...any) *redoubt.Error
)

func (f *Failure) s3Incomplete(no refuse, bad malformed) *redoubt.Error {
	if f.form {
		e := no(400, "InvalidArgument", "Bucket POST must contain a field named '%s'.  If it is specified, please check the order of the fields.", f.missing[0])
		e.Fields = map[string]any{"ArgumentName": f.missing[0], "ArgumentValue": ""}
		return e
	}
	if f.query {
		return bad("Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters.")
	}
	switch {
	case len(f.missing) >= 3:
		return bad("the authorization header requires three components: Credential, SignedHeaders, and Signature.")
	case f.missing[0] == "Date":
		return no(403, "AccessDenied", "AWS authentication requires a valid Date or x-amz-date header")
	}
	return bad("missing %s.", f.missing[0])
}

func (f *Failure) s3Credential(text string) string {
	if f.query {
		return "Error parsing the X-Amz-Credential parameter; " + text
	}
	return text
}

func (f *Failure) s3WrongScope(bad malformed) *redoubt.Error {
	got, want := f.scope, f.routed
	var e *redoubt.Error
	switch {
	case !isDay(got.Date):
		e = bad("%s", f.s3Credential(fmt.Sprintf("incorrect date format %q. This date in the credential must be in the format \"yyyyMMdd\".", clip(got.Date))))
	case got.Terminator != want.Terminator:
		e = bad("%s", f.s3Credential(fmt.Sprintf("incorrect terminal %q. This endpoint uses \"aws4_request\".", clip(got.Terminator))))
	case got.Service != want.Service:
		e = bad("%s", f.s3Credential(fmt.Sprintf("incorrect service %q. This endpoint belongs to %q.", clip(got.Service), want.Service)))
	case got.Region != want.Region || got.Region == "":
		e = bad("%s", f.s3Credential(fmt.Sprintf("the region '%s' is wrong; expecting '%s'", clip(got.Region), want.Region)))
		e.Fields = map[string]any{"Region": want.Region}
	default:
		e = bad("Invalid credential date %q. This date is not the same as X-Amz-Date: %q.", got.Date, want.Date)
	}
	return e
}

func isDay(s string) bool {
	_, err := time.Parse(dateOnly, s)
	return err == nil && len(s) == len(dateOnly)
}

// octets prints bytes as S3 does: "47 45 54".
func octets(s string) string {
	if s == "" || len(s) > maxEcho {
		return ""
	}
	b := make([]byte, 0, 3*len(s))
	for i := range len(s) {
		if i > 0 {
			b = append(b, ' ')
		}
		b = append(b, "0123456789abcdef"[s[i]>>4], "0123456789abcdef"[s[i]&15])
	}
	return string(b)
}
