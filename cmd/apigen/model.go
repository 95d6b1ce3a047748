package main

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// entry is one member of a JSON object whose order matters.
type entry[T any] struct {
	Name  string
	Value T
}

// ordered is a JSON object in the order of the file: the order of a structure's
// members is the order of the Go fields and of elements in XML answers.
type ordered[T any] []entry[T]

func (o *ordered[T]) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if _, err := d.Token(); err != nil {
		return err
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		e := entry[T]{Name: t.(string)} // the decoder has checked that keys are strings
		if err := d.Decode(&e.Value); err != nil {
			return fmt.Errorf("%s: %w", e.Name, err)
		}
		*o = append(*o, e)
	}
	return nil
}

// model is service-2.json, the parts that we use.
type model struct {
	Metadata   metadata                  `json:"metadata"`
	Operations map[string]modelOperation `json:"operations"`
	Shapes     map[string]*modelShape    `json:"shapes"`
}

type metadata struct {
	APIVersion          string    `json:"apiVersion"`
	EndpointPrefix      string    `json:"endpointPrefix"`
	JSONVersion         string    `json:"jsonVersion"`
	Protocol            string    `json:"protocol"`
	Protocols           []string  `json:"protocols"`
	ServiceFullName     string    `json:"serviceFullName"`
	ServiceID           string    `json:"serviceId"`
	SigningName         string    `json:"signingName"`
	TargetPrefix        string    `json:"targetPrefix"`
	UID                 string    `json:"uid"`
	XMLNamespace        namespace `json:"xmlNamespace"`
	AWSQueryCompatible  *struct{} `json:"awsQueryCompatible"`
	SignatureVersion    string    `json:"signatureVersion"`
	ServiceAbbreviation string    `json:"serviceAbbreviation"`
}

// namespace is written as {"prefix", "uri"} or as the uri alone.
type namespace struct{ Prefix, URI string }

func (n *namespace) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		return json.Unmarshal(b, &n.URI)
	}
	type plain namespace
	return json.Unmarshal(b, (*plain)(n))
}

type modelShape struct {
	Type            string              `json:"type"`
	Members         ordered[*reference] `json:"members"`
	Required        []string            `json:"required"`
	Member          *reference          `json:"member"`
	Key             *reference          `json:"key"`
	Value           *reference          `json:"value"`
	Enum            []string            `json:"enum"`
	Min             *float64            `json:"min"`
	Max             *float64            `json:"max"`
	Pattern         string              `json:"pattern"`
	Payload         string              `json:"payload"`
	LocationName    string              `json:"locationName"`
	XMLNamespace    namespace           `json:"xmlNamespace"`
	TimestampFormat string              `json:"timestampFormat"`
	Error           *struct {
		Code           string `json:"code"`
		HTTPStatusCode int    `json:"httpStatusCode"`
		SenderFault    bool   `json:"senderFault"`
	} `json:"error"`
	Exception   bool `json:"exception"`
	Fault       bool `json:"fault"`
	Sensitive   bool `json:"sensitive"`
	Flattened   bool `json:"flattened"`
	Union       bool `json:"union"`
	Wrapper     bool `json:"wrapper"`
	EventStream bool `json:"eventstream"`
	Event       bool `json:"event"`
	Streaming   bool `json:"streaming"`
	Document    bool `json:"document"`
	Box         bool `json:"box"`
}

// reference is a use of a shape: a member, a list's element, a map's key.
type reference struct {
	Shape            string    `json:"shape"`
	Location         string    `json:"location"`
	LocationName     string    `json:"locationName"`
	QueryName        string    `json:"queryName"`
	XMLNamespace     namespace `json:"xmlNamespace"`
	TimestampFormat  string    `json:"timestampFormat"`
	ResultWrapper    string    `json:"resultWrapper"`
	Flattened        bool      `json:"flattened"`
	Streaming        bool      `json:"streaming"`
	IdempotencyToken bool      `json:"idempotencyToken"`
	XMLAttribute     bool      `json:"xmlAttribute"`
	HostLabel        bool      `json:"hostLabel"`
	EventPayload     bool      `json:"eventpayload"`
	JSONValue        bool      `json:"jsonvalue"`
	Box              bool      `json:"box"`
	Enum             []string  `json:"enum"`
}

type modelOperation struct {
	Name string `json:"name"`
	HTTP struct {
		Method       string `json:"method"`
		RequestURI   string `json:"requestUri"`
		ResponseCode int    `json:"responseCode"`
	} `json:"http"`
	Input    *reference   `json:"input"`
	Output   *reference   `json:"output"`
	Errors   []*reference `json:"errors"`
	AuthType string       `json:"authtype"`
	ReadOnly bool         `json:"readonly"`
	Endpoint struct {
		HostPrefix string `json:"hostPrefix"`
	} `json:"endpoint"`
	HTTPChecksum struct {
		RequestAlgorithmMember  string `json:"requestAlgorithmMember"`
		RequestChecksumRequired bool   `json:"requestChecksumRequired"`
	} `json:"httpChecksum"`
	HTTPChecksumRequired bool `json:"httpChecksumRequired"`
	UnsignedPayload      bool `json:"unsignedPayload"`
	Deprecated           bool `json:"deprecated"`
}

// pagination is paginators-1.json.
type pagination struct {
	Pagination map[string]struct {
		InputToken  words  `json:"input_token"`
		OutputToken words  `json:"output_token"`
		LimitKey    string `json:"limit_key"`
		ResultKey   words  `json:"result_key"`
		MoreResults string `json:"more_results"`
	} `json:"pagination"`
}

// words is written as a list or as a single string.
type words []string

func (w *words) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		*w = words{""}
		return json.Unmarshal(b, &(*w)[0])
	}
	return json.Unmarshal(b, (*[]string)(w))
}

// source is where a service's model was found.
type source struct {
	name string // folder: "kms"
	dir  string // holds service-2.json
}

// sources lists the services under dir, by name: dir/<svc>/service-2.json, or
// botocore's dir/<svc>/<version>/service-2.json[.gz] with the newest version.
func sources(dir string) ([]source, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var list []source
	for _, e := range entries {
		if !e.IsDir() {
			continue
		}
		at := filepath.Join(dir, e.Name())
		if hasModel(at) {
			list = append(list, source{e.Name(), at})
			continue
		}
		versions, err := os.ReadDir(at)
		if err != nil {
			return nil, err
		}
		slices.Reverse(versions) // dates: the newest is the last by name
		for _, v := range versions {
			if v.IsDir() && hasModel(filepath.Join(at, v.Name())) {
				list = append(list, source{e.Name(), filepath.Join(at, v.Name())})
				break
			}
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("no service models in %s", dir)
	}
	return list, nil
}

func hasModel(dir string) bool {
	for _, name := range []string{"service-2.json", "service-2.json.gz"} {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return true
		}
	}
	return false
}

// read decodes the file, or its gzipped form. A missing file is
// fs.ErrNotExist.
func read(path string, into any) error {
	b, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = readGzip(path + ".gz")
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, into); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}

func readGzip(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return io.ReadAll(z)
}
