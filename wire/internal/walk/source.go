package walk

import (
	"io"
	"time"

	"github.com/redoubt-sec/redoubt/op/schema"
)

// Source is a cursor over a protocol's input. The walker calls exactly one
// reading method per value, after Null said that there is one.
//
// A container is entered with Struct, List or Map; then Member, Elem or Entry
// move to its parts until they say that it ended, which also leaves it. Nesting
// and element counts are bounded by the Source.
type Source interface {
	// Null reports whether the value is an explicit null, and passes it if so.
	Null() (bool, error)

	String(sh *schema.Shape) (string, error)
	Int(sh *schema.Shape) (int64, error)
	Float(sh *schema.Shape) (float64, error)
	Bool(sh *schema.Shape) (bool, error)
	// Time reads a timestamp; format is the model's, "" is the protocol's own.
	Time(sh *schema.Shape, format string) (time.Time, error)
	Blob(sh *schema.Shape) ([]byte, error)
	// Stream hands over a streaming blob.
	Stream(sh *schema.Shape) (io.ReadCloser, error)
	// Document reads free-form data as encoding/json would, numbers as
	// json.Number.
	Document() (any, error)

	Struct(st *Struct) error
	// Member answers the next member that is present, or -1 at the end. Unknown
	// names are passed over.
	Member(st *Struct) (int, error)
	List(sh *schema.Shape) error
	Elem() (bool, error)
	Map(sh *schema.Shape) error
	Entry() (key string, ok bool, err error)
}

// Mismatch is what a Source answers for input that is malformed or does not
// fit the shape. Codecs turn it into their protocol's refusal. An empty
// Message is sent as none.
type Mismatch struct{ Message string }

func (m *Mismatch) Error() string { return m.Message }

// Refuse makes a Mismatch.
func Refuse(message string) error { return &Mismatch{message} }

// Wrong is AWS's wording for a scalar of the wrong type: token is what came
// (STRING_VALUE, NUMBER_VALUE, TRUE_VALUE, FALSE_VALUE).
func Wrong(token string, sh *schema.Shape) error {
	var want string
	switch sh.Kind {
	case schema.String:
		want = "a String"
	case schema.Integer:
		want = "an Integer"
	case schema.Long:
		want = "a Long"
	case schema.Float:
		want = "a Float"
	case schema.Double:
		want = "a Double"
	case schema.Boolean:
		want = "a Boolean"
	case schema.Timestamp:
		want = "milliseconds since epoch"
	case schema.Blob:
		want = "a Blob"
	case schema.List:
		return Refuse("Expected list or null")
	case schema.Map:
		return Refuse("Expected map or null")
	default:
		return Refuse("Expected null")
	}
	return Refuse(token + " can not be converted to " + want)
}

// Refusals of AWS's parser for containers in the wrong place, and ours for what
// no parser should accept.
var (
	errMap       = Refuse("Start of structure or map found where not expected.")
	errList      = Refuse("Start of list found where not expected")
	errDepth     = Refuse("The request is nested too deeply.")
	errDuplicate = Refuse("The request contains a duplicate key.")
	errBudget    = Refuse("The request contains too many elements.")
)

// UnexpectedMap refuses an object where something else belongs.
func UnexpectedMap() error { return errMap }

// UnexpectedList refuses an array where something else belongs.
func UnexpectedList() error { return errList }

// TooDeep refuses nesting beyond the limit.
func TooDeep() error { return errDepth }

// Duplicate refuses a name that appears twice.
func Duplicate() error { return errDuplicate }
