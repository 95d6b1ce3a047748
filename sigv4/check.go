package sigv4

import (
	"slices"
	"strings"
	"time"
)

// Expect is what the front door knows of a request apart from its signature.
type Expect struct {
	// Service is the signing name of the service that the request was routed to.
	Service string
	// Region is the region that it was routed to. Empty where only the scope
	// names one, as on an endpoint that serves every region: then any will do.
	Region string
	// S3: S3's rules hold for paths, payloads, presigned URLs and refusals.
	S3 bool
	// UnsignedPayload: the operation's model lets the body go unsigned.
	UnsignedPayload bool
	// Now is wall time.
	Now time.Time
	// Window is how far the signature's time may be off; see Window.
	Window time.Duration
}

// Window is the clock skew that a service tolerates, by its signing name.
// Measured on AWS for the services named; the smaller one is taken for others.
func Window(service string) time.Duration {
	switch service {
	case "sts", "iam", "dynamodb", "sqs", "s3":
		return 15 * time.Minute
	}
	return 5 * time.Minute
}

// Check compares what the signature claims with where the request went and when.
// It needs no secret, so that a stale or misdirected request costs no look-up.
func (s *Signature) Check(e Expect) error {
	s.expect = e
	if s.form != "" {
		// A form's policy says until when it is good, and has no headers to sign.
		s.payload, s.hash = Unsigned, payloads[Unsigned]
		if f := s.checkScope(); f != nil {
			f.query, f.accessKeyID, f.at, f.now = true, s.AccessKeyID, s.Time, e.Now
			return f
		}
		return nil
	}
	f := s.checkTime()
	if f == nil {
		f = s.checkHeaders()
	}
	if f == nil {
		f = s.checkScope()
	}
	if f == nil {
		f = s.checkPayload()
	}
	if f == nil {
		return nil
	}
	f.query = s.Presigned
	f.accessKeyID = s.AccessKeyID
	f.at, f.now = s.Time, e.Now
	return f
}

func (s *Signature) checkTime() *Failure {
	e := s.expect
	late := e.Window // how long after it was signed a request is good
	if s.Presigned && e.S3 {
		if !s.HasExpires {
			return &Failure{Kind: Incomplete, missing: []string{"X-Amz-Expires"}}
		}
		if s.Time.After(e.Now.Add(e.Window)) {
			return &Failure{Kind: NotYetValid, window: s.Expires}
		}
		if e.Now.After(s.Time.Add(s.Expires)) {
			return &Failure{Kind: Expired, window: s.Expires}
		}
		return nil
	}
	if s.Presigned {
		late = max(late, s.Expires)
	}
	if e.Now.Add(-late).After(s.Time) {
		return &Failure{Kind: TooOld, window: late}
	}
	if s.Time.After(e.Now.Add(e.Window)) {
		return &Failure{Kind: TooNew, window: e.Window}
	}
	return nil
}

func (s *Signature) checkHeaders() *Failure {
	if !s.signs("host") {
		return &Failure{Kind: HostUnsigned}
	}
	var all map[string]bool // where there are many, whose number multiplies with that of headers
	if strings.Count(s.SignedHeaders, ";") > 64 {
		all = map[string]bool{}
		for name := range strings.SplitSeq(s.SignedHeaders, ";") {
			all[strings.ToLower(name)] = true
		}
	}
	var missing []string
	for name := range s.req.Header {
		if strings.HasPrefix(name, "X-Amz-") && !(all == nil && s.signs(name) || all[strings.ToLower(name)]) {
			missing = append(missing, strings.ToLower(name))
		}
	}
	if missing == nil {
		return nil
	}
	slices.Sort(missing)
	return &Failure{Kind: HeadersUnsigned, missing: missing}
}

func (s *Signature) checkScope() *Failure {
	want := Scope{Date: s.amzDate[:8], Region: s.expect.Region, Service: s.expect.Service, Terminator: terminator}
	if want.Region == "" && s.Scope.Region != "" {
		want.Region = s.Scope.Region
	}
	if s.Scope == want {
		return nil
	}
	return &Failure{Kind: WrongScope, scope: s.Scope, routed: want, got: s.amzDate}
}

func (s *Signature) checkPayload() *Failure {
	sent := s.hash // from the query, if there
	if sent == "" {
		sent = first(s.req.Header, "X-Amz-Content-Sha256")
	}
	if !s.expect.S3 {
		// The body is hashed whatever the client says of it. A header that says
		// otherwise is signed, hence a mismatch.
		s.payload, s.hash = Hashed, ""
		if s.expect.UnsignedPayload && sent == payloads[Unsigned] {
			s.payload, s.hash = Unsigned, sent
		}
		return nil
	}
	if sent == "" {
		if !s.Presigned {
			return &Failure{Kind: HashMissing}
		}
		sent = payloads[Unsigned]
	}
	p, ok := parsePayload(sent)
	if !ok {
		return &Failure{Kind: HashInvalid, got: clip(sent)}
	}
	s.payload, s.hash = p, sent
	if p.Streaming() && first(s.req.Header, "X-Amz-Decoded-Content-Length") == "" {
		return &Failure{Kind: LengthMissing}
	}
	return nil
}
