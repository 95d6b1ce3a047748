// Package schema describes an AWS service as data: its shapes with their
// constraints, its operations with their protocol bindings, its modelled
// errors, and the IAM actions, resource types and condition keys that go with
// them. The api packages are tables of these types, generated from the AWS
// models; the wire codecs, the validator, the front door and docs/status.md
// walk them.
//
// Shapes refer to each other by their index in Service.Shapes. Pointers would
// read better, but AWS's shapes are recursive and Go refuses package variables
// that refer to each other in a circle; with indexes the tables are plain
// static data, and nothing is built when the program starts.
//
// # How a shape looks as a Go value
//
// A structure is a Go struct whose fields are the shape's Members in the same
// order, so that Members[i] describes field i. Every field can be absent:
//
//	String                      *string   (enums too)
//	Integer, Long               *int32, *int64
//	Float, Double               *float32, *float64
//	Boolean                     *bool
//	Timestamp                   *time.Time
//	Blob                        []byte    (nil is absent, empty is empty)
//	Blob, streaming             io.ReadCloser
//	List, Map                   []T, map[string]T (nil is absent)
//	Structure                   *T
//	Structure, EventStream      iter.Seq2[*T, error], one event (member of T) at a time
//	Document                    any       (as encoding/json decodes it, numbers as json.Number)
//
// List elements and map values are the bare type: string, int64, T (a struct
// by value), []T.
package schema

// Index is a position in Service.Shapes; None means that there is no shape.
type Index int16

// None is the absent shape.
const None Index = -1

// Kind is a shape's type.
type Kind uint8

// The kinds, as the models name them.
const (
	Structure Kind = iota + 1
	List
	Map
	String
	Integer
	Long
	Float
	Double
	Boolean
	Timestamp
	Blob
	Document
)

// Flag is a yes/no trait of a shape or member.
type Flag uint32

// Traits of shapes and members.
const (
	Sensitive        Flag = 1 << iota // never echoed, logged or recorded
	Flattened                         // list or map without a wrapper element
	Union                             // exactly one member is set
	Wrapper                           // query output structure inside <OpResult>
	Exception                         // a modelled error
	EventStream                       // structure sent as a stream of events
	Streaming                         // blob read or written as a stream
	Required                          // member must be present
	IdempotencyToken                  // clients fill it in when absent
	XMLAttribute                      // member is an XML attribute
	HostLabel                         // member is also a label of the host name
	EventPayload                      // member of an event sent as its payload
	Event                             // structure is one event of a stream
	Sender                            // exception: the caller's fault
	Fault                             // exception: the server's fault
	HasMin                            // Min is set
	HasMax                            // Max is set
	Sparse                            // list or map may hold nulls
	Box                               // absent and zero differ even where the protocol defaults
	JSONValue                         // member is JSON in a string; base64 in a header
)

// Shape is one type of a service.
type Shape struct {
	Name    string
	Kind    Kind
	Flags   Flag
	Members []Member // Structure
	Elem    Index    // List: element; Map: value
	Key     Index    // Map: key
	// ElemName and KeyName are the XML names of list members, map values
	// (ElemName) and map keys; empty means the protocol's default.
	ElemName, KeyName           string
	ElemNamespace, KeyNamespace Namespace
	Enum                        []string
	// Min and Max bound length (String in characters, Blob in bytes, List, Map)
	// or value (numbers); see HasMin and HasMax.
	Min, Max float64
	Pattern  string
	// Payload is the position in Members of the HTTP body, or -1.
	Payload int16
	// LocationName is the structure's own XML element name.
	LocationName string
	XMLNamespace Namespace
	// Format of a Timestamp: "", "iso8601", "unixTimestamp", "rfc822".
	Format string
	// Code and Status are an exception's wire code, if it is not Name, and its
	// HTTP status, 0 if unknown.
	Code   string
	Status int
}

// Namespace is an XML namespace: its prefix and its address.
type Namespace struct{ Prefix, URI string }

// Location says where in an HTTP message a member travels.
type Location uint8

// Locations.
const (
	Body Location = iota
	Header
	Headers // a map spread over headers that share a prefix
	URI
	QueryString
	StatusCode
)

// Member is one member of a structure.
type Member struct {
	Name     string
	Shape    Index
	Location Location
	Flags    Flag
	// LocationName is the name on the wire, if it is not Name.
	LocationName string
	QueryName    string // ec2Query's own name
	XMLNamespace Namespace
	Format       string // timestamp format of this use
}

// WireName is the member's name on the wire.
func (m *Member) WireName() string {
	if m.LocationName != "" {
		return m.LocationName
	}
	return m.Name
}

// Has reports a trait.
func (m *Member) Has(f Flag) bool { return m.Flags&f != 0 }

// Has reports a trait.
func (s *Shape) Has(f Flag) bool { return s.Flags&f != 0 }

// Operation is one operation of a service.
type Operation struct {
	Name         string
	Method       string // HTTP
	URI          string // template: "/2015-03-31/functions/{FunctionName}?x=y"
	ResponseCode int
	Input        Index // None: no input
	Output       Index // None: no output
	Errors       []Index
	// OutputWrapper is the query protocols' result element, "CreateUserResult".
	OutputWrapper string
	// InputName and InputNamespace name the XML root of a restXml request body
	// where the operation says so.
	InputName      string
	InputNamespace Namespace
	// Action is the IAM action that the operation takes unless its needs say
	// otherwise: "kms:Encrypt".
	Action string
	// ReadOnly: the access level of Action is List or Read.
	ReadOnly bool
	// NoAuth: the model says that clients do not sign it.
	NoAuth bool
	// UnsignedPayload: the body is not part of the signature.
	UnsignedPayload bool
	// HostPrefix goes before the host, such as "{AccountId}.".
	HostPrefix string
	Deprecated bool
	// ChecksumAlgorithmMember names the input member that chooses the checksum
	// of the body; ChecksumRequired: the body must come with a checksum
	// (Content-MD5 or x-amz-checksum-*).
	ChecksumAlgorithmMember string
	ChecksumRequired        bool
}

// Protocol is one of AWS's wire protocols.
type Protocol string

// The protocols, named as in the models' metadata.
const (
	JSON     Protocol = "json"
	Query    Protocol = "query"
	EC2      Protocol = "ec2"
	RESTJSON Protocol = "rest-json"
	RESTXML  Protocol = "rest-xml"
	CBOR     Protocol = "smithy-rpc-v2-cbor"
)

// Service is one AWS service.
type Service struct {
	Name           string // the model's folder and our room: "kms"
	ID             string // serviceId: "Secrets Manager"
	FullName       string
	APIVersion     string
	EndpointPrefix string // host: "monitoring"
	SigningName    string // SigV4 scope: "elasticloadbalancing"
	// EventSource is the CloudTrail source: "kms.amazonaws.com".
	EventSource     string
	ARNNamespace    string // third part of ARNs
	Global          bool   // one endpoint for all regions
	Protocols       []Protocol
	JSONVersion     string
	TargetPrefix    string
	QueryCompatible bool
	XMLNamespace    Namespace
	Shapes          []Shape
	Operations      []Operation // by name
	Paginators      []Paginator // by operation
	// IAMPrefix is the prefix of IAM actions ("kms").
	IAMPrefix string
	Actions   []Action       // by name
	Resources []ResourceType // by name
	// ConditionKeys are the service's own condition keys.
	ConditionKeys []ConditionKey
}

// Action is an IAM action.
type Action struct {
	Name  string // "Encrypt"
	Level string // "Read", "Write", "List", "Tagging", "Permissions management"
	// Resources are names of ResourceTypes; a trailing * marks a required one.
	Resources []string
	// Conditions are the condition keys that the action carries.
	Conditions []string
}

// ResourceType is a kind of resource that policies can name.
type ResourceType struct {
	Name       string
	ARN        string // format with ${Partition} and so on
	Conditions []string
}

// ConditionKey is a service's own condition key and its type.
type ConditionKey struct {
	Name string // "kms:EncryptionContext:${EncryptionContextKey}"
	Type string // "String", "Bool", "ArrayOfString", ...
}

// Paginator says how an operation's answer is paged.
type Paginator struct {
	Operation   string
	InputToken  []string
	OutputToken []string
	LimitKey    string
	ResultKey   []string
	MoreResults string
}

// Find answers the operation of that name, or nil.
func (s *Service) Find(name string) *Operation {
	lo, hi := 0, len(s.Operations)
	for lo < hi {
		mid := int(uint(lo+hi) >> 1)
		if s.Operations[mid].Name < name {
			lo = mid + 1
		} else {
			hi = mid
		}
	}
	if lo < len(s.Operations) && s.Operations[lo].Name == name {
		return &s.Operations[lo]
	}
	return nil
}

// ErrorShape answers the modelled error with that wire code, or nil.
func (s *Service) ErrorShape(code string) *Shape {
	for i := range s.Shapes {
		sh := &s.Shapes[i]
		if sh.Flags&Exception != 0 && (sh.Code == code || sh.Code == "" && sh.Name == code) {
			return sh
		}
	}
	return nil
}

// At answers the shape at i, which must not be None.
func (s *Service) At(i Index) *Shape { return &s.Shapes[i] }
