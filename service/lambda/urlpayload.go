package lambda

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	redoubt "github.com/redoubt-sec/redoubt"
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/engine/functions"
	"github.com/redoubt-sec/redoubt/op"
)

// urlEvent is the event of a request, in payload format 2.0. Source: Lambda
// Developer Guide, "Invoking Lambda function URLs".
func urlEvent(c *redoubt.Call, in *op.Visit, u *URL) map[string]any {
	headers := map[string]string{}
	for name, values := range in.Header {
		headers[strings.ToLower(name)] = strings.Join(values, ",")
	}
	headers["host"] = in.Host
	path, err := url.PathUnescape(in.Path)
	if err != nil {
		path = in.Path
	}
	domain, _, _ := strings.Cut(in.Host, ":")
	about := map[string]any{
		"accountId": "anonymous", "apiId": u.ID, "domainName": domain, "domainPrefix": u.ID, "requestId": c.RequestID,
		"routeKey": "$default", "stage": "$default",
		"http": map[string]string{
			"method": in.Method, "path": path, "protocol": "HTTP/1.1", "sourceIp": c.Source.IP, "userAgent": c.Source.UserAgent,
		},
		"time": c.Time.UTC().Format("02/Jan/2006:15:04:05 +0000"), "timeEpoch": c.Time.UnixMilli(),
	}
	if u.Auth == api.FunctionUrlAuthTypeAwsIam {
		p := &c.Principal
		about["accountId"] = p.Account
		about["authentication"] = nil
		about["authorizer"] = map[string]any{"iam": map[string]any{
			"accessKey": p.AccessKeyID, "accountId": p.Account, "callerId": p.ID, "cognitoIdentity": nil, "principalOrgId": nil,
			"userArn": p.ARN, "userId": p.ID,
		}}
	}
	event := map[string]any{
		"version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": in.Query, "headers": headers,
		"requestContext": about, "isBase64Encoded": false,
	}
	if cookies := in.Header["Cookie"]; len(cookies) > 0 {
		var list []string
		for _, line := range cookies {
			for _, c := range strings.Split(line, ";") {
				list = append(list, strings.TrimSpace(c))
			}
		}
		event["cookies"] = list
		delete(headers, "cookie")
	}
	if q, err := url.ParseQuery(in.Query); err == nil && len(q) > 0 {
		parameters := map[string]string{}
		for name, values := range q {
			parameters[name] = strings.Join(values, ",")
		}
		event["queryStringParameters"] = parameters
	}
	if len(in.Body) > 0 {
		if isText(in.Header.Get("Content-Type")) && utf8.Valid(in.Body) {
			event["body"] = string(in.Body)
		} else {
			event["body"], event["isBase64Encoded"] = base64.StdEncoding.EncodeToString(in.Body), true
		}
	}
	return event
}

// isText reports whether bodies of a content type are handed over as text.
func isText(contentType string) bool {
	kind, _, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	return strings.HasPrefix(kind, "text/") || slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind) ||
		strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}

// plainBody is what is answered of a payload that is no response: texts as they are,
// all else without blanks.
func plainBody(payload []byte) []byte {
	var text string
	if json.Unmarshal(payload, &text) == nil && len(payload) > 0 && payload[0] == '"' {
		return []byte(text)
	}
	var b bytes.Buffer
	if json.Compact(&b, payload) != nil {
		return payload
	}
	return b.Bytes()
}

// urlReply is the answer that a function's result means: an object with a
// statusCode says it in full, anything else is a JSON body.
func urlReply(res *functions.Result) *op.Reply {
	reply := &op.Reply{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/json"}}, Body: res.Payload}
	broken := &op.Reply{Status: http.StatusBadGateway, Header: http.Header{"Content-Type": {"application/json"}}, Body: []byte("Internal Server Error")}
	if res.FunctionError != "" {
		return broken
	}
	var out struct {
		StatusCode *json.Number
		Headers    map[string]any
		Cookies    []string
		Body       *string
		Base64     bool `json:"isBase64Encoded"`
	}
	var shape map[string]json.RawMessage
	if json.Unmarshal(res.Payload, &shape) != nil || shape["statusCode"] == nil {
		reply.Body = plainBody(res.Payload)
		return reply
	}
	if err := json.Unmarshal(res.Payload, &out); err != nil || out.StatusCode == nil {
		return broken
	}
	status, err := strconv.Atoi(out.StatusCode.String())
	if err != nil || status < 100 || status > 599 {
		return broken
	}
	reply.Status, reply.Body = status, nil
	for name, v := range out.Headers {
		setHeader(reply.Header, name, v)
	}
	for _, c := range out.Cookies {
		if plain(c) {
			reply.Header.Add("Set-Cookie", c)
		}
	}
	if out.Body != nil {
		reply.Body = []byte(*out.Body)
		if out.Base64 {
			if reply.Body, err = base64.StdEncoding.DecodeString(*out.Body); err != nil {
				return broken
			}
		}
	}
	return reply
}

// framing are headers that only the server sets.
var framing = []string{"Connection", "Content-Length", "Keep-Alive", "Te", "Trailer", "Transfer-Encoding", "Upgrade"}

// setHeader sets a header that a function names, unless it would change how the
// answer is read.
func setHeader(h http.Header, name string, v any) {
	var text string
	switch v := v.(type) {
	case string:
		text = v
	case float64:
		text = strconv.FormatFloat(v, 'f', -1, 64)
	case bool:
		text = strconv.FormatBool(v)
	default:
		return
	}
	name = http.CanonicalHeaderKey(name)
	if slices.Contains(framing, name) || !token(name) || !plain(text) {
		return
	}
	h.Set(name, text)
}

// token reports whether s can be a header's name (RFC 9110, section 5.6.2).
func token(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(c)) {
			return false
		}
	}
	return s != ""
}

// plain reports whether s can be a header's value.
func plain(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f })
}

// allowOrigin sets what the CORS settings say to a request from a page.
func allowOrigin(cors *api.Cors, in *op.Visit, h http.Header) {
	origin := in.Header.Get("Origin")
	if origin == "" || !slices.ContainsFunc(cors.AllowOrigins, func(o string) bool { return o == "*" || strings.EqualFold(o, origin) }) {
		return
	}
	credentials := value(cors.AllowCredentials)
	h.Set("Access-Control-Allow-Origin", origin)
	h.Add("Vary", "Origin")
	if credentials {
		h.Set("Access-Control-Allow-Credentials", "true")
	}
	if len(cors.ExposeHeaders) > 0 {
		h.Set("Access-Control-Expose-Headers", strings.Join(cors.ExposeHeaders, ","))
	}
	if !preflight(in) {
		return
	}
	if len(cors.AllowMethods) > 0 {
		h.Set("Access-Control-Allow-Methods", strings.Join(cors.AllowMethods, ","))
	}
	if len(cors.AllowHeaders) > 0 {
		h.Set("Access-Control-Allow-Headers", strings.Join(cors.AllowHeaders, ","))
	}
	if cors.MaxAge != nil {
		h.Set("Access-Control-Max-Age", strconv.Itoa(int(*cors.MaxAge)))
	}
}
