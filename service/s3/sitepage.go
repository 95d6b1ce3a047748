package s3

import (
	"crypto/sha512"
	"encoding/base64"
	"html"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/op"
)

// elsewhere answers where the website's configuration sends a request, or nil. status
// is 0 before the object was looked for, then the error's: rules that name one wait
// for it. Source: Amazon S3 User Guide, "Routing rule elements".
func (v *visit) elsewhere(c *redoubt.Call, status int) *op.Reply {
	if all := v.site.RedirectAllRequestsTo; all != nil {
		return v.redirect(c, &api.Redirect{HostName: all.HostName, Protocol: all.Protocol}, "")
	}
	for _, r := range v.site.RoutingRules {
		on := value(r.Condition)
		code := value(on.HttpErrorCodeReturnedEquals)
		if status == 0 && code == "" || status != 0 && code == strconv.Itoa(status) {
			if strings.HasPrefix(v.key, value(on.KeyPrefixEquals)) {
				return v.redirect(c, r.Redirect, value(on.KeyPrefixEquals))
			}
		}
	}
	return nil
}

// redirect is the answer of a rule whose condition, a prefix of the key, holds.
func (v *visit) redirect(c *redoubt.Call, to *api.Redirect, prefix string) *op.Reply {
	protocol, host, path := "http", v.Host, strings.TrimPrefix(v.Path, "/")
	if c.Source.TLS {
		protocol = "https"
	}
	if to.Protocol != nil {
		protocol = *to.Protocol
	}
	if to.HostName != nil {
		host = *to.HostName
	}
	switch {
	case to.ReplaceKeyWith != nil:
		path = *to.ReplaceKeyWith
	case to.ReplaceKeyPrefixWith != nil:
		path = *to.ReplaceKeyPrefixWith + strings.TrimPrefix((&url.URL{Path: "/" + v.key[len(prefix):]}).EscapedPath(), "/")
	}
	if v.Query != "" {
		path += "?" + v.Query
	}
	status := http.StatusMovedPermanently
	if to.HttpRedirectCode != nil {
		status, _ = strconv.Atoi(*to.HttpRedirectCode) // checked when it was put
	}
	return redirect(status, protocol+"://"+host+"/"+path)
}

func redirect(status int, to string) *op.Reply {
	return &op.Reply{Status: status, Header: http.Header{"Location": {inHeader(to)}}}
}

// found sends a browser to the folder that it asked for without the slash.
func (v *visit) found(c *redoubt.Call) *op.Reply {
	e := refusal(http.StatusFound, "Found", "Resource Found")
	r := errorPage(e, e.Status, c.RequestID, nil)
	r.Header.Set("Location", inHeader(v.Path+"/"))
	return r
}

// errorPage is what a browser is shown of a refusal; second is why the error document
// could not be had.
func errorPage(e *redoubt.Error, status int, requestID string, second *redoubt.Error) *op.Reply {
	r := &op.Reply{Status: status, Header: http.Header{}}
	explain(r.Header, e)
	if status == http.StatusNotModified {
		return stamped(r, requestID)
	}
	title := strconv.Itoa(status) + " " + http.StatusText(status)
	var b strings.Builder
	list := func(e *redoubt.Error, more ...string) {
		b.WriteString("<ul>\n")
		lines := append(append([]string{"Code", pageCode(e), "Message", pageText(e)}, details(e)...), more...)
		for i := 0; i < len(lines); i += 2 {
			b.WriteString("<li>" + lines[i] + ": " + html.EscapeString(lines[i+1]) + "</li>\n")
		}
		b.WriteString("</ul>\n")
	}
	b.WriteString("<html>\n<head><title>" + title + "</title></head>\n<body>\n<h1>" + title + "</h1>\n")
	list(e, "RequestId", requestID, "HostId", hostID(requestID))
	if second != nil {
		b.WriteString("<h3>An Error Occurred While Attempting to Retrieve a Custom Error Document</h3>\n")
		list(second)
	}
	b.WriteString("<hr/>\n</body>\n</html>\n")
	r.Header.Set("Content-Type", "text/html; charset=utf-8")
	r.Body = []byte(b.String())
	return stamped(r, requestID)
}

// pageCode and pageText are a refusal as websites word it.
func pageCode(e *redoubt.Error) string {
	if e.Code == string(redoubt.ErrInternal) {
		return "InternalError"
	}
	return strings.TrimSuffix(e.Code, "Exception")
}

func pageText(e *redoubt.Error) string {
	switch {
	case pageCode(e) == "AccessDenied":
		return "Access Denied" // strangers learn nothing of policies
	case e.Message == "" && e.Fault:
		return "We encountered an internal error. Please try again."
	}
	return e.Message
}

// details are the refusal's elements, name and text, in order.
func details(e *redoubt.Error) []string {
	var names, list []string
	for name := range e.Fields {
		if name[0] >= 'A' && name[0] <= 'Z' {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	for _, name := range names {
		if text, ok := e.Fields[name].(string); ok {
			list = append(list, name, text)
		}
	}
	return list
}

// explain puts a refusal into headers: beside an error document nothing else tells.
func explain(h http.Header, e *redoubt.Error) {
	for name, v := range e.Fields {
		if text, ok := v.(string); ok && name[0] >= 'a' {
			h.Set(name, text)
		}
	}
	if e.Status == http.StatusNotModified {
		return
	}
	h.Set("X-Amz-Error-Code", pageCode(e))
	h.Set("X-Amz-Error-Message", pageText(e))
	list := details(e)
	for i := 0; i < len(list); i += 2 {
		h.Set("X-Amz-Error-Detail-"+list[i], inHeader(list[i+1]))
	}
}

// inHeader is a text that may come from a request or an owner as a header can hold it:
// what would end a line, and what is not ASCII, is percent-encoded.
func inHeader(s string) string {
	const digits = "0123456789ABCDEF"
	var b []byte
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			b = append(b, '%', digits[c>>4], digits[c&15])
		} else {
			b = append(b, c)
		}
	}
	return string(b)
}

// stamped sets the ids of the request, as S3's API does.
func stamped(r *op.Reply, requestID string) *op.Reply {
	r.Header.Set("X-Amz-Request-Id", requestID)
	r.Header.Set("X-Amz-Id-2", hostID(requestID))
	return r
}

// hostID is as opaque as AWS's, and the same for the same request.
func hostID(requestID string) string {
	h := sha512.Sum384([]byte("x-amz-id-2 " + requestID))
	return base64.StdEncoding.EncodeToString(h[:])
}

// httpTime reads a time of a header; what is none is as if it were not there (RFC
// 9110, section 13.1.3).
func httpTime(text string) *time.Time {
	if t, err := http.ParseTime(text); err == nil {
		return &t
	}
	return nil
}
