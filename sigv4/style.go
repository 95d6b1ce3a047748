package sigv4

// Style is a family of services that code and word failures alike.
type Style uint8

// The families.
const (
	QueryStyle    Style = iota // STS, IAM, SNS, SQS, CloudWatch, Route 53, CloudFront …
	JSONStyle                  // KMS, Secrets Manager, SSM … (awsJson)
	RESTJSONStyle              // Lambda and the other restJson services
	EC2Style
	S3Style // S3 and S3 Control
	numStyles
)

// StyleOf answers the family of a service by its name and protocol ("json",
// "query", "ec2", "rest-json", "rest-xml", "smithy-rpc-v2-cbor").
func StyleOf(service, protocol string) Style {
	switch service {
	case "s3", "s3control":
		return S3Style
	case "sqs", "cloudwatch":
		// Both once spoke the query protocol and kept its codes when they learned
		// others.
		return QueryStyle
	}
	switch protocol {
	case "json":
		return JSONStyle
	case "rest-json", "smithy-rpc-v2-cbor":
		return RESTJSONStyle
	case "ec2":
		return EC2Style
	}
	return QueryStyle
}

// class gathers the failures that share a code outside of S3.
type class uint8

const (
	missing     class = iota // nothing authenticates
	incomplete               // can't be read as a signature
	invalid                  // reads as one and is wrong
	unknownKey               //
	expiredOver              // session ended
	badRequest               // not about the signature
	numClasses
)

type codeStatus struct {
	code   string
	status int
}

var codes = [numStyles][numClasses]codeStatus{
	QueryStyle: {
		missing:     {"MissingAuthenticationToken", 403},
		incomplete:  {"IncompleteSignature", 400},
		invalid:     {"SignatureDoesNotMatch", 403},
		unknownKey:  {"InvalidClientTokenId", 403},
		expiredOver: {"ExpiredToken", 403},
		badRequest:  {"MalformedQueryString", 400},
	},
	JSONStyle: {
		missing:     {"MissingAuthenticationTokenException", 400},
		incomplete:  {"IncompleteSignatureException", 400},
		invalid:     {"InvalidSignatureException", 400},
		unknownKey:  {"UnrecognizedClientException", 400},
		expiredOver: {"ExpiredTokenException", 400},
		badRequest:  {"MalformedQueryString", 400},
	},
	RESTJSONStyle: {
		missing:     {"MissingAuthenticationTokenException", 403},
		incomplete:  {"IncompleteSignatureException", 403},
		invalid:     {"InvalidSignatureException", 403},
		unknownKey:  {"UnrecognizedClientException", 403},
		expiredOver: {"ExpiredTokenException", 403},
		badRequest:  {"MalformedQueryString", 400},
	},
	EC2Style: {
		missing:     {"MissingParameter", 400},
		incomplete:  {"AuthFailure", 401},
		invalid:     {"AuthFailure", 401},
		unknownKey:  {"AuthFailure", 401},
		expiredOver: {"RequestExpired", 400},
		badRequest:  {"MalformedQueryString", 400},
	},
}
