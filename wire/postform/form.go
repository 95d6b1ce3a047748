// Package postform reads the forms by which browsers put objects into S3: an HTML
// form with a file, whose fields stand for the headers of a PutObject, and a signed
// policy document that says which fields are good. Source: Amazon S3 API Reference,
// "POST Object" and "Creating a POST policy".
package postform

import (
	"encoding/xml"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
)

// maxFields bounds all fields before the file, in bytes.
const maxFields = 20 << 10

// Form is a form up to its file, which is read as it comes.
type Form struct {
	Fields   map[string]string // by name in lower case
	FileName string
	named    bool // the file has a name, if an empty one
	File     io.Reader
	policy   *policy
}

// Is reports whether a request is such a form.
func Is(method string, h http.Header) bool {
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	return method == http.MethodPost && err == nil && kind == "multipart/form-data"
}

func refuse(status int, code, message string) *redoubt.Error {
	return &redoubt.Error{Code: code, Message: message, Status: status}
}

// lacks refuses a form without a field that every form has.
func lacks(field string) error {
	e := refuse(400, "InvalidArgument", "Bucket POST must contain a field named '"+field+"'.  If it is specified, please check the order of the fields.")
	e.Fields = map[string]any{"ArgumentName": field, "ArgumentValue": ""}
	return e
}

func malformed() error {
	return refuse(400, "MalformedPOSTRequest", "The body of your POST request is not well-formed multipart/form-data.")
}

// Read reads the fields, up to the file. What stands behind it is ignored.
func Read(h http.Header, body io.Reader) (*Form, error) {
	_, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil || params["boundary"] == "" {
		return nil, malformed()
	}
	f := &Form{Fields: map[string]string{}}
	parts := multipart.NewReader(body, params["boundary"])
	room := maxFields
	for {
		p, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil, refuse(400, "InvalidArgument", "POST requires exactly one file upload per request.")
		}
		if err != nil {
			return nil, malformed()
		}
		name := strings.ToLower(p.FormName())
		if name == "file" {
			f.FileName, f.File = p.FileName(), p
			_, disposition, _ := mime.ParseMediaType(p.Header.Get("Content-Disposition"))
			_, f.named = disposition["filename"]
			return f, nil
		}
		b, err := io.ReadAll(io.LimitReader(p, int64(room)+1))
		if err != nil {
			return nil, malformed()
		}
		if room -= len(b) + len(name); room < 0 {
			return nil, refuse(400, "MaxPostPreDataLengthExceededError", "Your POST request fields preceding the upload file were too large.")
		}
		if _, twice := f.Fields[name]; twice || name == "" {
			return nil, malformed()
		}
		f.Fields[name] = string(b)
	}
}

// headers are the fields that stand for a header of another name.
var headers = map[string]string{"acl": "X-Amz-Acl", "tagging": "X-Amz-Tagging"}

// own are fields about the form itself.
var own = map[string]bool{
	"key": true, "policy": true, "file": true, "success_action_redirect": true, "success_action_status": true, "redirect": true, "bucket": true, "submit": true,
	"x-amz-algorithm": true, "x-amz-credential": true, "x-amz-date": true, "x-amz-signature": true, "x-amz-security-token": true,
}

// Header answers the headers of the PutObject that the form is.
func (f *Form) Header() (http.Header, error) {
	h := http.Header{}
	for name, v := range f.Fields {
		switch to := headers[name]; {
		case name == "tagging":
			tags, err := tagging(v)
			if err != nil {
				return nil, err
			}
			if tags != "" {
				h.Set(to, tags)
			}
		case to != "":
			h.Set(to, v)
		case own[name] || strings.HasPrefix(name, "x-ignore-"):
		default:
			h.Set(name, v)
		}
	}
	return h, nil
}

// tagging turns the document of a form's field into what a header says.
func tagging(document string) (string, error) {
	var tags struct {
		Set []struct {
			Key, Value string
		} `xml:"TagSet>Tag"`
	}
	if err := xml.Unmarshal([]byte(document), &tags); err != nil {
		return "", refuse(400, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema")
	}
	var pairs []string
	for _, t := range tags.Set {
		pairs = append(pairs, url.QueryEscape(t.Key)+"="+url.QueryEscape(t.Value))
	}
	return strings.Join(pairs, "&"), nil
}

// Key is the object's key; ${filename} in it is the file's name.
func (f *Form) Key() (string, error) {
	key, ok := f.Fields["key"]
	if !ok || key == "" {
		return "", lacks("key")
	}
	if !f.named {
		return key, nil
	}
	return strings.ReplaceAll(key, "${filename}", f.FileName), nil
}

// Answer is how a form that succeeded is answered.
type Answer struct {
	Status   int
	Location string // of a redirect
}

// Answered answers what the form asks for on success.
func (f *Form) Answered(bucket, key, etag string) Answer {
	to := f.Fields["success_action_redirect"]
	if to == "" {
		to = f.Fields["redirect"]
	}
	if u, err := url.Parse(to); to != "" && err == nil && (u.Scheme == "http" || u.Scheme == "https") {
		q := u.Query()
		q.Set("bucket", bucket)
		q.Set("key", key)
		q.Set("etag", etag)
		u.RawQuery = q.Encode()
		return Answer{http.StatusSeeOther, u.String()}
	}
	switch f.Fields["success_action_status"] {
	case "200":
		return Answer{Status: 200}
	case "201":
		return Answer{Status: 201}
	}
	return Answer{Status: 204}
}
