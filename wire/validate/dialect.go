package validate

import (
	"slices"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/op/schema"
)

// dialect is how a service words refusals of the framework.
type dialect struct {
	code    string
	silent  bool // values are not repeated
	notNull bool // "Member must not be null" is among what is asked of elements
	hashed  bool // errors of members stand in the order of a Java hash table of their names

	notNullText bool     // as notNull, but only of elements with a pattern
	text        string   // says this and nothing else
	free        []string // shapes whose values the service checks by itself, in words of its own
	absent      []string // and those that the service misses by itself
	own         []string // members with an enumeration that the service checks by itself

	// offered are words for lists whose elements have to be of an enumeration, by
	// the element's shape.
	offered map[string]string

	// lengths are the words for texts that are too long, by their shape.
	lengths map[string]string

	// patterns that the service checks by itself, after everything else, and
	// words in a sentence.
	patterns map[string]string
	plain    []string // members to which patterns does not apply
}

const nameText = "Invalid LogGroup or LogStream, both must have length less than or equal to 512."

const pathText = "It must begin and end with / and contain only alphanumeric characters and/or / characters."

const validationException = string(redoubt.ErrValidation)

// dialects are the services that differ from their protocol's habit, by name.
// Recorded on AWS: iam, sts, logs, lambda, s3. IAM's patterns that are not
// here (tags, versions of policies, serial numbers) have the framework's text.
var dialects = map[string]*dialect{
	"iam": {code: "ValidationError", silent: true, hashed: true, notNullText: true, patterns: map[string]string{
		`[\w+=,.@-]+`: "It must contain only alphanumeric characters and/or the following: +=,.@_-",
		`[\w]+`:       "It must contain only alphanumeric characters.",
		`(\u002F)|(\u002F[\u0021-\u007E]+\u002F)`: pathText,
		`((/[A-Za-z0-9\.,\+@=_-]+)*)/`:            pathText,
		`[\u0009\u000A\u000D\u0020-\u00FF]+`:      "It must contain only printable ASCII characters.",
	}, plain: []string{"serviceSpecificCredentialId"}},
	"lambda": {code: validationException, notNull: true, hashed: true, own: []string{"runtime"}, offered: map[string]string{
		// Recorded in January 2026; the model has more, old ones and announced ones.
		"Runtime": "nodejs20.x, python3.14, provided.al2023, python3.12, python3.13, nodejs24.x, nodejs22.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby3.2, python3.8, python3.9, java17, nodejs16.x, dotnet10, dotnet8, java11, dotnet6, nodejs18.x, provided.al2, java8.al2",
	}},
	"logs":      {code: "InvalidParameterException", lengths: map[string]string{"LogGroupName": nameText, "LogStreamName": nameText}},
	"s3control": {code: "MalformedXML", text: "The XML you provided was not well-formed or did not validate against our published schema", free: []string{"AccessPointName"}},
	"s3": {code: "MalformedXML", text: "The XML you provided was not well-formed or did not validate against our published schema", free: []string{
		"BucketLocationConstraint", "ServerSideEncryption", "StorageClass", "ObjectCannedACL", "BucketCannedACL", "MetadataDirective", "TaggingDirective",
		"AnnotationDirective", "ObjectOwnership", "EncodingType", "ChecksumAlgorithm", "ChecksumType", "ChecksumMode", "RequestPayer", "ObjectLockMode", "ObjectLockLegalHoldStatus",
		"ObjectAttributes", "OptionalObjectAttributes", "BucketNamespace", "CopySource", "TransitionDefaultMinimumObjectSize", "Type", "Permission", "FilterRuleName",
	}, absent: []string{"Policy", "Type"}},
}

var (
	plain = &dialect{code: validationException}
	query = &dialect{code: "ValidationError"}
)

func dialectOf(svc *schema.Service) *dialect {
	if d := dialects[svc.Name]; d != nil {
		return d
	}
	if svc.Protocols[0] == schema.Query {
		return query
	}
	if slices.Contains(svc.Protocols, schema.EC2) {
		return query
	}
	return plain
}
