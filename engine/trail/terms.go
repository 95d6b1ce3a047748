package trail

import (
	"encoding/json"
	"strings"
	"time"
)

// Attribute is what Search can select by: LookupEvents' attributes.
type Attribute uint8

// The attributes.
const (
	None Attribute = iota
	EventID
	EventName
	ReadOnly // "true", "false"
	UserName
	ResourceType
	ResourceName // ARN, or its last part
	EventSource
	AccessKeyID
)

// Record is an event as a search finds it: its JSON and what LookupEvents shows
// beside it.
type Record struct {
	Time        time.Time // with nanoseconds
	EventID     string
	EventName   string
	EventSource string
	UserName    string // empty when the caller has none
	AccessKeyID string
	ReadOnly    bool
	Data        bool
	ErrorCode   string
	Resources   []Resource
	JSON        []byte // the whole record; read-only
}

// has reports whether the record carries the attribute's value.
func (r *Record) has(by Attribute, value string) bool {
	switch by {
	case None:
		return true
	case EventID:
		return r.EventID == value
	case EventName:
		return r.EventName == value
	case ReadOnly:
		return value == boolText(r.ReadOnly)
	case UserName:
		return r.UserName == value
	case EventSource:
		return r.EventSource == value
	case AccessKeyID:
		return r.AccessKeyID == value
	case ResourceType:
		for i := range r.Resources {
			if r.Resources[i].Type == value {
				return true
			}
		}
	case ResourceName:
		for i := range r.Resources {
			if arn := r.Resources[i].ARN; arn == value || shortName(arn) == value {
				return true
			}
		}
	}
	return false
}

func boolText(b bool) string {
	if b {
		return "true"
	}
	return "false"
}

// shortName is the part of an ARN that people call the resource by.
func shortName(arn string) string { return arn[strings.LastIndexAny(arn, "/:")+1:] }

// appendTerms adds a hash for everything that the event can be found by.
func (e *Event) appendTerms(h []uint64) []uint64 {
	h = append(h, term(EventID, e.EventID), term(EventName, e.Name), term(EventSource, e.Source), term(ReadOnly, boolText(e.ReadOnly)))
	if u := e.Identity.userName(); u != "" {
		h = append(h, term(UserName, u))
	}
	if k := e.Identity.AccessKeyID; k != "" {
		h = append(h, term(AccessKeyID, k))
	}
	return appendResourceTerms(h, e.Resources)
}

func (r *Record) appendTerms(h []uint64) []uint64 {
	h = append(h, term(EventID, r.EventID), term(EventName, r.EventName), term(EventSource, r.EventSource), term(ReadOnly, boolText(r.ReadOnly)))
	if r.UserName != "" {
		h = append(h, term(UserName, r.UserName))
	}
	if r.AccessKeyID != "" {
		h = append(h, term(AccessKeyID, r.AccessKeyID))
	}
	return appendResourceTerms(h, r.Resources)
}

func appendResourceTerms(h []uint64, rs []Resource) []uint64 {
	for i := range rs {
		h = append(h, term(ResourceType, rs[i].Type), term(ResourceName, rs[i].ARN))
		if s := shortName(rs[i].ARN); s != rs[i].ARN {
			h = append(h, term(ResourceName, s))
		}
	}
	return h
}

// term hashes an attribute and its value: FNV-1a, finished so that all bits
// depend on all bytes. It goes into filters on disk and must never change.
func term(a Attribute, value string) uint64 {
	h := uint64(14695981039346656037) ^ uint64(a)
	h *= 1099511628211
	for i := range len(value) {
		h = (h ^ uint64(value[i])) * 1099511628211
	}
	h ^= h >> 33
	h *= 0xff51afd7ed558ccd
	h ^= h >> 33
	h *= 0xc4ceb9fe1a85ec53
	return h ^ h>>33
}

// recordJSON is the part of a record that reading takes out again.
type recordJSON struct {
	UserIdentity struct {
		Type        string `json:"type"`
		PrincipalID string `json:"principalId"`
		ARN         string `json:"arn"`
		AccessKeyID string `json:"accessKeyId"`
		UserName    string `json:"userName"`
		InvokedBy   string `json:"invokedBy"`
	} `json:"userIdentity"`
	EventSource string `json:"eventSource"`
	EventName   string `json:"eventName"`
	ErrorCode   string `json:"errorCode"`
	EventID     string `json:"eventID"`
	ReadOnly    bool   `json:"readOnly"`
	Resources   []struct {
		Account string `json:"accountId"`
		Type    string `json:"type"`
		ARN     string `json:"ARN"`
	} `json:"resources"`
	Management bool `json:"managementEvent"`
}

// parse reads a record back.
func parse(nanos int64, raw []byte) (*Record, error) {
	var j recordJSON
	if err := json.Unmarshal(raw, &j); err != nil {
		return nil, err
	}
	u := &j.UserIdentity
	id := Identity{Type: u.Type, PrincipalID: u.PrincipalID, ARN: u.ARN, UserName: u.UserName, InvokedBy: u.InvokedBy}
	r := &Record{
		Time: time.Unix(0, nanos).UTC(), EventID: j.EventID, EventName: j.EventName, EventSource: j.EventSource,
		UserName: id.userName(), AccessKeyID: u.AccessKeyID, ReadOnly: j.ReadOnly, Data: !j.Management, ErrorCode: j.ErrorCode, JSON: raw,
	}
	for _, x := range j.Resources {
		r.Resources = append(r.Resources, Resource{ARN: x.ARN, Account: x.Account, Type: x.Type})
	}
	return r, nil
}
