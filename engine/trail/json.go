package trail

import (
	"strconv"
	"time"
	"unicode/utf8"
)

const eventTime = "2006-01-02T15:04:05Z"

// Limits of fields. Source: CloudTrail User Guide, "CloudTrail record contents".
const (
	maxText       = 1 << 10   // userAgent, errorMessage
	maxParameters = 100 << 10 // requestParameters, responseElements
	maxAdditional = 28 << 10
)

// AppendJSON writes the event as a CloudTrail record, fields in CloudTrail's
// order. It is written by hand because every call pays for it.
func (e *Event) AppendJSON(b []byte) []byte {
	b = append(b, `{"eventVersion":"1.11","userIdentity":`...)
	b = e.Identity.append(b)
	b = append(b, `,"eventTime":"`...)
	b = appendTime(b, e.Time)
	b = append(b, `","eventSource":`...)
	b = appendString(b, e.Source)
	b = append(b, `,"eventName":`...)
	b = appendString(b, e.Name)
	b = append(b, `,"awsRegion":`...)
	b = appendString(b, e.Region)
	b = append(b, `,"sourceIPAddress":`...)
	b = appendString(b, e.SourceIP)
	b = append(b, `,"userAgent":`...)
	b = appendString(b, clip(e.UserAgent))
	b = field(b, "errorCode", e.ErrorCode)
	b = field(b, "errorMessage", clip(e.ErrorMessage))
	b = appendObject(b, "requestParameters", e.RequestParameters, maxParameters)
	b = appendObject(b, "responseElements", e.ResponseElements, maxParameters)
	if len(e.Additional) > 0 {
		b = appendObject(b, "additionalEventData", e.Additional, maxAdditional)
	}
	b = field(b, "requestID", e.RequestID)
	b = append(b, `,"eventID":`...)
	b = appendString(b, e.EventID)
	b = append(b, `,"readOnly":`...)
	b = strconv.AppendBool(b, e.ReadOnly)
	if len(e.Resources) > 0 {
		b = append(b, `,"resources":[`...)
		for i := range e.Resources {
			r := &e.Resources[i]
			if i > 0 {
				b = append(b, ',')
			}
			b = append(b, '{')
			n := len(b)
			b = field(b, "accountId", r.Account)
			b = field(b, "type", r.Type)
			b = field(b, "ARN", r.ARN)
			b = open(b, n)
			b = append(b, '}')
		}
		b = append(b, ']')
	}
	t := e.Type
	if t == "" {
		t = "AwsApiCall"
	}
	b = field(b, "eventType", t)
	b = append(b, `,"managementEvent":`...)
	b = strconv.AppendBool(b, !e.Data)
	b = field(b, "recipientAccountId", e.Account)
	b = field(b, "sharedEventID", e.SharedID)
	if e.Data {
		b = append(b, `,"eventCategory":"Data"`...)
	} else {
		b = append(b, `,"eventCategory":"Management"`...)
	}
	if e.TLS != nil {
		b = append(b, `,"tlsDetails":{`...)
		n := len(b)
		b = field(b, "tlsVersion", e.TLS.Version)
		b = field(b, "cipherSuite", e.TLS.Cipher)
		b = field(b, "clientProvidedHostHeader", e.TLS.Host)
		b = open(b, n)
		b = append(b, '}')
	}
	return append(b, '}')
}

func (id *Identity) append(b []byte) []byte {
	b = append(b, `{"type":`...)
	b = appendString(b, id.Type)
	b = field(b, "principalId", id.PrincipalID)
	b = field(b, "arn", id.ARN)
	b = field(b, "accountId", id.AccountID)
	b = field(b, "accessKeyId", id.AccessKeyID)
	b = field(b, "userName", id.UserName)
	if s := id.Session; s != nil {
		b = append(b, `,"sessionContext":{`...)
		n := len(b)
		if s.Issuer != nil {
			b = append(b, `,"sessionIssuer":`...)
			b = s.Issuer.append(b)
		}
		if s.WebProvider != "" {
			b = append(b, `,"webIdFederationData":{"federatedProvider":`...)
			b = appendString(b, s.WebProvider)
			b = append(b, `,"attributes":{}}`...)
		}
		b = field(b, "sourceIdentity", s.SourceIdentity)
		b = append(b, `,"attributes":{"creationDate":"`...)
		b = appendTime(b, s.Created)
		b = append(b, `","mfaAuthenticated":"`...)
		b = strconv.AppendBool(b, s.MFA)
		b = append(b, `"}`...)
		b = open(b, n)
		b = append(b, '}')
	}
	b = field(b, "invokedBy", id.InvokedBy)
	b = field(b, "identityProvider", id.Provider)
	return append(b, '}')
}

// field writes a member that is left out when empty.
func field(b []byte, name, value string) []byte {
	if value == "" {
		return b
	}
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	return appendString(b, value)
}

// open takes away the comma before an object's first member, which starts at n.
func open(b []byte, n int) []byte {
	if len(b) > n {
		copy(b[n:], b[n+1:])
		b = b[:len(b)-1]
	}
	return b
}

func appendObject(b []byte, name string, raw []byte, most int) []byte {
	b = append(b, ',', '"')
	b = append(b, name...)
	b = append(b, '"', ':')
	switch {
	case len(raw) == 0:
		return append(b, "null"...)
	case len(raw) > most:
		// As CloudTrail marks what it leaves out.
		b = append(b, `{"reason":"`...)
		b = append(b, name...)
		b = append(b, ` too large","omitted":true,"originalSize":`...)
		b = strconv.AppendInt(b, int64(len(raw)), 10)
		return append(b, '}')
	}
	return append(b, raw...)
}

func appendTime(b []byte, t time.Time) []byte { return t.UTC().AppendFormat(b, eventTime) }

func clip(s string) string {
	if len(s) <= maxText {
		return s
	}
	n := maxText
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// appendString writes a JSON string. What is not UTF-8 becomes U+FFFD.
func appendString(b []byte, s string) []byte {
	b = append(b, '"')
	start := 0
	for i := 0; i < len(s); {
		c := s[i]
		if c >= ' ' && c != '"' && c != '\\' && c < utf8.RuneSelf {
			i++
			continue
		}
		if c < utf8.RuneSelf {
			b = append(b, s[start:i]...)
			switch c {
			case '"', '\\':
				b = append(b, '\\', c)
			case '\n':
				b = append(b, '\\', 'n')
			case '\r':
				b = append(b, '\\', 'r')
			case '\t':
				b = append(b, '\\', 't')
			default:
				b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
			}
			i++
			start = i
			continue
		}
		r, size := utf8.DecodeRuneInString(s[i:])
		if r == utf8.RuneError && size == 1 {
			b = append(b, s[start:i]...)
			b = append(b, "\ufffd"...)
			i++
			start = i
			continue
		}
		i += size
	}
	b = append(b, s[start:]...)
	return append(b, '"')
}

const hexDigits = "0123456789abcdef"
