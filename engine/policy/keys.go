package policy

import (
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
)

// key is a condition key as a policy names it. Names are compared without case.
type key struct {
	name string // as written
	id   keyID
	tail string // what follows the slash of a tag key
}

// keyID says where a key's value comes from.
type keyID uint8

const (
	// otherKey's value is in Need.Conditions, or was fixed when the session was made.
	otherKey keyID = iota
	absentKey
	principalTag
	resourceTag

	calledVia
	calledViaFirst
	calledViaLast
	currentTime
	epochTime
	federatedProvider
	mfaAge
	mfaPresent
	principalAccount
	principalArn
	principalIsService
	principalOrgID
	principalOrgPaths
	principalServiceName
	principalServiceNames
	principalType
	referer
	requestedRegion
	resourceAccount
	resourceOrgID
	resourceOrgPaths
	secureTransport
	sourceAccount
	sourceArn
	sourceIdentity
	sourceIP
	sourceOrgID
	sourceOrgPaths
	tokenIssueTime
	userAgent
	userID
	userName
	viaService
	callerAccount
	kmsViaService
	tlsVersion
	signatureType
	signatureVersion
	signatureAge
	payloadHash
)

// global are the keys that the call itself answers; a service cannot set them
// through Need.Conditions (design rule: who called, from where and through which
// service is known to the front door alone). Source: IAM User Guide, "AWS global
// condition context keys". Keys of VPCs and of EC2 instances have no value here.
var global = map[string]keyID{
	"aws:calledvia":                 calledVia,
	"aws:calledviafirst":            calledViaFirst,
	"aws:calledvialast":             calledViaLast,
	"aws:currenttime":               currentTime,
	"aws:epochtime":                 epochTime,
	"aws:federatedprovider":         federatedProvider,
	"aws:multifactorauthage":        mfaAge,
	"aws:multifactorauthpresent":    mfaPresent,
	"aws:principalaccount":          principalAccount,
	"aws:principalarn":              principalArn,
	"aws:principalisawsservice":     principalIsService,
	"aws:principalorgid":            principalOrgID,
	"aws:principalorgpaths":         principalOrgPaths,
	"aws:principalservicename":      principalServiceName,
	"aws:principalservicenameslist": principalServiceNames,
	"aws:principaltype":             principalType,
	"aws:referer":                   referer,
	"aws:requestedregion":           requestedRegion,
	"aws:resourceaccount":           resourceAccount,
	"aws:resourceorgid":             resourceOrgID,
	"aws:resourceorgpaths":          resourceOrgPaths,
	"aws:securetransport":           secureTransport,
	"aws:sourceaccount":             sourceAccount,
	"aws:sourcearn":                 sourceArn,
	"aws:sourceidentity":            sourceIdentity,
	"aws:sourceip":                  sourceIP,
	"aws:sourceorgid":               sourceOrgID,
	"aws:sourceorgpaths":            sourceOrgPaths,
	"aws:tokenissuetime":            tokenIssueTime,
	"aws:useragent":                 userAgent,
	"aws:userid":                    userID,
	"aws:username":                  userName,
	"aws:viaawsservice":             viaService,
	"kms:calleraccount":             callerAccount,
	"kms:viaservice":                kmsViaService,
	"s3:authtype":                   signatureType,
	"s3:resourceaccount":            resourceAccount,
	"s3:signatureage":               signatureAge,
	"s3:signatureversion":           signatureVersion,
	"s3:tlsversion":                 tlsVersion,
	"s3:x-amz-content-sha256":       payloadHash,

	"aws:sourcevpc":    absentKey,
	"aws:sourcevpcarn": absentKey,
	"aws:sourcevpce":   absentKey,
	"aws:vpceaccount":  absentKey,
	"aws:vpceorgid":    absentKey,
	"aws:vpceorgpaths": absentKey,
	"aws:vpcsourceip":  absentKey,
}

func newKey(name string) *key {
	low := strings.ToLower(name)
	k := &key{name: name, id: global[low]}
	head, _, slash := strings.Cut(low, "/")
	if !slash {
		return k
	}
	switch tail := name[len(head)+1:]; {
	case head == "aws:principaltag":
		k.id, k.tail = principalTag, tail
	case strings.HasSuffix(head, ":resourcetag"):
		// Many services have a key of their own for the same tags
		// (iam:ResourceTag, secretsmanager:ResourceTag, ssm:resourceTag).
		k.id, k.tail = resourceTag, tail
	}
	return k
}

// values are the values of a key in a request; none of them on the heap for the
// keys with one value.
type values struct {
	n    int
	one  string   // if n is 1
	many []string // if n is more
}

func single(s string) values { return values{n: 1, one: s} }

// given is single for a value that is absent when empty.
func given(s string) values {
	if s == "" {
		return values{}
	}
	return single(s)
}

func several(s []string) values {
	switch len(s) {
	case 0:
		return values{}
	case 1:
		return single(s[0])
	}
	return values{n: len(s), many: s}
}

func truth(b bool) values {
	if b {
		return single("true")
	}
	return single("false")
}

// list answers the values as a slice.
func (v *values) list() []string {
	if v.n == 1 {
		return []string{v.one}
	}
	return slices.Clone(v.many)
}

// value resolves a key.
func (r *Request) value(k *key) values {
	if r.Simulated != nil {
		r.spend(lookupCost * len(r.Simulated))
		if v, ok := lookup(r.Simulated, k.name); ok {
			return v
		}
		if k.live() {
			return values{}
		}
	}
	p := &r.Call.Principal
	switch k.id {
	case otherKey:
		if v, ok := r.condition(k.name); ok {
			return v
		}
		if p.Session != nil {
			v, _ := lookupOne(p.Session.Context, k.name)
			return v
		}
		return values{}
	case principalTag:
		v, _ := lookupOne(p.Tags, k.tail)
		return v
	case resourceTag:
		if v, ok := lookupOne(r.Need.Tags, k.tail); ok {
			return v
		}
		v, _ := r.condition(k.name)
		return v
	case principalAccount, callerAccount:
		if p.Kind == redoubt.Service {
			return values{}
		}
		return given(p.Account)
	case principalArn:
		return given(principalARN(p))
	case principalIsService:
		if p.Kind == redoubt.Anonymous {
			return values{}
		}
		return truth(p.Kind == redoubt.Service)
	case principalServiceName, principalServiceNames:
		if p.Kind == redoubt.Service {
			return given(p.ARN)
		}
		return values{}
	case principalType:
		return given(principalTypes[p.Kind])
	case userID:
		if p.Kind == redoubt.Anonymous {
			return single("anonymous")
		}
		return given(p.ID)
	case userName:
		if p.Kind == redoubt.User {
			return given(p.Name)
		}
		return values{}
	case resourceAccount:
		return given(r.owner())
	case principalOrgID:
		return r.PrincipalOrg.id()
	case principalOrgPaths:
		return r.PrincipalOrg.paths()
	case resourceOrgID:
		return r.ResourceOrg.id()
	case resourceOrgPaths:
		return r.ResourceOrg.paths()
	case sourceOrgID:
		return r.SourceOrg.id()
	case sourceOrgPaths:
		return r.SourceOrg.paths()
	}
	return r.call(k.id)
}

// condition looks a key up among those of the need.
func (r *Request) condition(name string) (values, bool) {
	if more := r.Need.More; more != nil && !r.asked {
		r.asked = true
		r.more = maps.Clone(more())
		if r.more == nil {
			r.more = r.Need.Conditions
		} else {
			maps.Copy(r.more, r.Need.Conditions)
		}
	}
	if r.asked {
		r.spend(lookupCost * len(r.more))
		return lookup(r.more, name)
	}
	r.spend(lookupCost * len(r.Need.Conditions))
	return lookup(r.Need.Conditions, name)
}

// live tells whether only a live call has the key.
func (k *key) live() bool {
	switch k.id {
	case otherKey, principalTag, resourceTag, principalAccount, callerAccount, principalArn,
		principalIsService, principalServiceName, principalServiceNames, principalType,
		userID, userName, resourceAccount, principalOrgID, principalOrgPaths,
		resourceOrgID, resourceOrgPaths:
		return false
	}
	return true
}

// call resolves the keys of the call: how it came, when, and with what session.
func (r *Request) call(id keyID) values {
	c := r.Call
	s := c.Principal.Session
	// A call that a service forwards comes from that service, in process.
	relayed := c.Via.Service != "" || c.Principal.Kind == redoubt.Service
	switch id {
	case calledVia:
		return several(c.Via.CalledVia)
	case calledViaFirst:
		if n := len(c.Via.CalledVia); n > 0 {
			return single(c.Via.CalledVia[0])
		}
	case calledViaLast:
		if n := len(c.Via.CalledVia); n > 0 {
			return single(c.Via.CalledVia[n-1])
		}
	case viaService:
		return truth(c.Via.Service != "" || len(c.Via.CalledVia) > 0)
	case kmsViaService:
		return given(c.Via.Service)
	case sourceArn:
		return given(c.Via.SourceARN)
	case sourceAccount:
		return given(c.Via.SourceAccount)
	case sourceIP:
		if !relayed {
			return given(c.Source.IP)
		}
	case secureTransport:
		return truth(c.Source.TLS || relayed)
	case tlsVersion:
		if !relayed {
			return given(strings.TrimPrefix(c.Source.TLSVersion, "TLSv"))
		}
	case signatureType:
		return given(c.Signature.Type)
	case signatureVersion:
		return given(c.Signature.Version)
	case signatureAge:
		if c.Signature.Version != "" {
			return single(strconv.FormatInt(c.Signature.Age.Milliseconds(), 10))
		}
	case payloadHash:
		return given(c.Signature.Payload)
	case userAgent:
		return given(c.Source.UserAgent)
	case referer:
		return given(c.Source.Referer)
	case requestedRegion:
		return given(c.Region)
	case currentTime:
		return single(c.Time.UTC().Format("2006-01-02T15:04:05Z"))
	case epochTime:
		return single(strconv.FormatInt(c.Time.Unix(), 10))
	case federatedProvider:
		if s != nil {
			return given(s.Provider)
		}
	case sourceIdentity:
		if s != nil {
			return given(s.SourceIdentity)
		}
	case tokenIssueTime:
		if s != nil && !s.Issued.IsZero() {
			return single(s.Issued.UTC().Format("2006-01-02T15:04:05Z"))
		}
	case mfaPresent:
		// Absent, not false, for long-lived keys: that is why policies that ask
		// for MFA use BoolIfExists.
		if !r.Need.MFA.IsZero() {
			return truth(true)
		}
		if s != nil && !outside(&c.Principal) {
			return truth(s.MFA)
		}
	case mfaAge:
		if at := r.Need.MFA; !at.IsZero() {
			return single(strconv.FormatInt(max(0, int64(c.Time.Sub(at)/time.Second)), 10))
		}
		if s != nil && s.MFA && !s.MFATime.IsZero() {
			return single(strconv.FormatInt(max(0, int64(c.Time.Sub(s.MFATime)/time.Second)), 10))
		}
	}
	return values{}
}

// principalTypes are the values of aws:PrincipalType. Source: IAM User Guide,
// "IAM policy elements: Variables and tags", principal key values.
var principalTypes = [...]string{
	redoubt.Anonymous: "Anonymous",
	redoubt.Root:      "Account",
	redoubt.User:      "User",
	redoubt.Role:      "AssumedRole",
	redoubt.Federated: "FederatedUser",
	redoubt.Service:   "",
}

// principalARN is aws:PrincipalArn: for a role's session the role's ARN.
func principalARN(p *redoubt.Principal) string {
	switch {
	case outside(p):
		return ""
	case p.Kind == redoubt.Role && p.Issuer != "":
		return p.Issuer
	}
	return p.ARN
}

// owner answers the account that owns the resource.
func (r *Request) owner() string {
	if r.Need.Account != "" {
		return r.Need.Account
	}
	if r.Call.Account != "" {
		return r.Call.Account
	}
	return r.Call.Principal.Account
}

func (o *Org) id() values {
	if o == nil {
		return values{}
	}
	return given(o.ID)
}

func (o *Org) paths() values {
	if o == nil {
		return values{}
	}
	return given(o.Path)
}

// lookup finds a name without case. Several names that differ in case only are
// several values: AWS leaves open which of them counts, so all do.
func lookup(m map[string][]string, name string) (values, bool) {
	var first []string
	n := 0
	for k, v := range m {
		if sameName(k, name) {
			first = v
			n++
		}
	}
	if n <= 1 {
		return several(first), n == 1
	}
	var names, all []string
	for k := range m {
		if sameName(k, name) {
			names = append(names, k)
		}
	}
	slices.Sort(names)
	for _, k := range names {
		all = append(all, m[k]...)
	}
	return several(all), true
}

func sameName(a, b string) bool { return len(a) == len(b) && strings.EqualFold(a, b) }

// lookupOne is lookup for maps with one value a name.
func lookupOne(m map[string]string, name string) (values, bool) {
	first, n := "", 0
	for k, v := range m {
		if sameName(k, name) {
			first = v
			n++
		}
	}
	if n <= 1 {
		if n == 0 {
			return values{}, false
		}
		return single(first), true
	}
	var all []string
	for k, v := range m {
		if sameName(k, name) {
			all = append(all, v)
		}
	}
	slices.Sort(all)
	return several(all), true
}
