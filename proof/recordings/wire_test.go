package recordings

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// wire is what AWS's front ends do, whatever is asked: botocore's protocol tests and
// the errors that clients of every service know.
func wire(t *testing.T, h *house) {
	s := h.scene(t)
	uuid := regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	id, _ := s.key(nil)

	// JSON: type, request id, numbers of seconds as dates
	a := s.must("kms:DescribeKey", in{"KeyId": id})
	h.facts.Add(3)
	if got := a.header.Get("Content-Type"); got != "application/x-amz-json-1.1" {
		t.Errorf("JSON is %q", got)
	}
	if !uuid.MatchString(a.header.Get("X-Amzn-Requestid")) {
		t.Errorf("request id %q", a.header.Get("X-Amzn-Requestid"))
	}
	if date, _ := a.at("KeyMetadata.CreationDate"); !regexp.MustCompile(`^1\.\d+E9$|^\d{10}(\.\d{1,3})?$`).MatchString(date.(json.Number).String()) {
		t.Errorf("date %v", date)
	}
	// An operation without an answer has an empty body and still its type.
	a = s.must("kms:DisableKey", in{"KeyId": id})
	h.facts.Add(1)
	if len(a.body) != 0 || a.header.Get("Content-Type") != "application/x-amz-json-1.1" {
		t.Errorf("%q %q", a.body, a.header.Get("Content-Type"))
	}
	s.must("kms:EnableKey", in{"KeyId": id})
	// XML: type, request id in head and body, dates by ISO 8601
	a = s.must("iam:GetUser", nil)
	h.facts.Add(4)
	if got := a.header.Get("Content-Type"); got != "text/xml" {
		t.Errorf("XML is %q", got)
	}
	in2 := regexp.MustCompile(`<ResponseMetadata>\s*<RequestId>([^<]+)</RequestId>`).FindSubmatch(a.body)
	if in2 == nil || string(in2[1]) != a.header.Get("X-Amzn-Requestid") || !uuid.Match(in2[1]) {
		t.Errorf("request ids %q %q", a.header.Get("X-Amzn-Requestid"), in2)
	}
	if !strings.HasPrefix(string(a.body), `<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`) {
		t.Errorf("%.100s", a.body)
	}
	if date := a.str("User.CreateDate"); !regexp.MustCompile(`^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`).MatchString(date) {
		t.Errorf("date %q", date)
	}

	send := func(c caller, service string, header http.Header, body string) *answer {
		t.Helper()
		h.facts.Add(1)
		return h.do(t, h.signed(t, c, service, "POST", "/", header, []byte(body)))
	}
	jsonHead := func(target string) http.Header {
		return http.Header{"Content-Type": {"application/x-amz-json-1.1"}, "X-Amz-Target": {target}}
	}
	form := http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
	// An operation that does not exist
	s.refused("unknown target", send(h.admin, "kms", jsonHead("TrentService.NoSuchThing"), "{}"), 400, "UnknownOperationException", "-")
	s.refused("unknown action", send(h.admin, "iam", form.Clone(), "Action=NoSuchThing&Version=2010-05-08"), 400, "InvalidAction", "Could not find operation NoSuchThing for version 2010-05-08")
	s.refused("unknown version", send(h.admin, "sts", form.Clone(), "Action=GetCallerIdentity&Version=2000-01-01"), 400, "InvalidAction", "Could not find operation GetCallerIdentity for version 2000-01-01")
	// Bodies that are none
	for _, body := range []string{"{", "[]", `{"KeyId":`, "nonsense"} {
		s.refused("malformed JSON", send(h.admin, "kms", jsonHead("TrentService.DescribeKey"), body), 400, "SerializationException", "?")
	}
	s.refused("wrong type", send(h.admin, "kms", jsonHead("TrentService.DescribeKey"), `{"KeyId":7}`), 400, "SerializationException", "?")
	// A member that must be there, a null, and one that nobody knows
	s.refused("missing", send(h.admin, "kms", jsonHead("TrentService.DescribeKey"), `{}`), 400, "ValidationException",
		"1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	s.refused("null", send(h.admin, "kms", jsonHead("TrentService.DescribeKey"), `{"KeyId":null}`), 400, "ValidationException",
		"1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null")
	if a := send(h.admin, "kms", jsonHead("TrentService.DescribeKey"), `{"KeyId":"`+id+`","Unknown":[1]}`); a.status != 200 {
		t.Errorf("unknown members are to be ignored: %s", a.body)
	}
	s.refused("missing", send(h.admin, "iam", form.Clone(), "Action=GetRole&Version=2010-05-08"), 400, "ValidationError", "?")
	s.refused("missing", send(h.admin, "sts", form.Clone(), "Action=AssumeRole&Version=2011-06-15&RoleSessionName=name"), 400, "ValidationError",
		"1 validation error detected: Value null at 'roleArn' failed to satisfy constraint: Member must not be null")

	// Credentials; facts 13
	s.refused("no signature", send(caller{}, "kms", jsonHead("TrentService.ListKeys"), "{}"), 400, "MissingAuthenticationTokenException", "?")
	s.refused("no signature", send(caller{}, "iam", form.Clone(), "Action=ListUsers&Version=2010-05-08"), 403, "MissingAuthenticationToken", "Request is missing Authentication Token")
	stranger := caller{id: "AKIAIOSFODNN7EXAMPLE", secret: "x", region: home}
	s.refused("unknown key", send(stranger, "kms", jsonHead("TrentService.ListKeys"), "{}"), 400, "UnrecognizedClientException", "The security token included in the request is invalid.")
	for service, action := range map[string]string{"iam": "ListUsers&Version=2010-05-08", "sts": "GetCallerIdentity&Version=2011-06-15"} {
		s.refused("unknown key", send(stranger, service, form.Clone(), "Action="+action), 403, "InvalidClientTokenId", "The security token included in the request is invalid.")
	}
	wrong := h.admin
	wrong.secret = "wrong"
	mismatch := "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details."
	s.refused("wrong secret", send(wrong, "kms", jsonHead("TrentService.ListKeys"), "{}"), 400, "InvalidSignatureException", mismatch)
	s.refused("wrong secret", send(wrong, "iam", form.Clone(), "Action=ListUsers&Version=2010-05-08"), 403, "SignatureDoesNotMatch", mismatch)
	token := h.admin
	token.token = "nonsense"
	s.refused("token of nobody", send(token, "kms", jsonHead("TrentService.ListKeys"), "{}"), 400, "UnrecognizedClientException", "?")
	s.refused("token of nobody", send(token, "iam", form.Clone(), "Action=ListUsers&Version=2010-05-08"), 403, "InvalidClientTokenId", "?")

	// A caller without rights: JSON 400, query 403
	s.must("iam:CreateUser", in{"UserName": "powerless"})
	k := s.must("iam:CreateAccessKey", in{"UserName": "powerless"})
	weak := s.as(caller{id: k.str("AccessKey.AccessKeyId"), secret: k.str("AccessKey.SecretAccessKey"), region: home})
	me := "User: arn:aws:iam::" + h.account + ":user/powerless is not authorized to perform: "
	because := " because no identity-based policy allows the "
	weak.fails("kms:ListKeys", nil, 400, "AccessDeniedException", me+"kms:ListKeys on resource: *"+because+"kms:ListKeys action")
	weak.fails("kms:DescribeKey", in{"KeyId": id}, 400, "AccessDeniedException", me+"kms:DescribeKey on resource: "+h.keyARN(home, id)+because+"kms:DescribeKey action")
	weak.fails("iam:ListRoles", nil, 403, "AccessDenied", me+"iam:ListRoles on resource: arn:aws:iam::"+h.account+":role/"+because+"iam:ListRoles action")
	weak.fails("iam:GetUser", in{"UserName": "powerless"}, 403, "AccessDenied", me+"iam:GetUser on resource: user powerless"+because+"iam:GetUser action")
	weak.ok("sts:GetCallerIdentity", nil, "Account,Arn,UserId")
	// A query request may come as GET as well.
	h.facts.Add(1)
	if a := h.do(t, h.signed(t, h.admin, "sts", "GET", "/?Action=GetCallerIdentity&Version=2011-06-15", http.Header{}, nil)); a.status != 200 {
		t.Errorf("GET: %s", a.body)
	}
}

func trailEvents(t *testing.T, h *house) {
	s := h.scene(t)
	id, arn := s.key(nil)
	// facts 14.30: 50 at most, newest first, the event as a string; CloudTrail's reference for the fields
	const event = "AccessKeyId,CloudTrailEvent,EventId,EventName,EventSource,EventTime,ReadOnly,Resources[ResourceName,ResourceType],Username"
	look := in{"LookupAttributes": list{in{"AttributeKey": "ResourceName", "AttributeValue": arn}}}
	s.settled("the event is there", func() bool { return s.must("cloudtrail:LookupEvents", look).str("Events.0.EventName") != "" })
	a := s.ok("cloudtrail:LookupEvents", look, "Events["+event+"]")
	s.wants(a, map[string]string{"Events.0.EventName": "CreateKey", "Events.0.EventSource": "kms.amazonaws.com", "Events.0.ReadOnly": "false", "Events.0.Resources.0.ResourceType": "AWS::KMS::Key"})
	var e map[string]any
	if err := json.Unmarshal([]byte(a.str("Events.0.CloudTrailEvent")), &e); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"eventVersion", "userIdentity", "eventTime", "eventSource", "eventName", "awsRegion", "sourceIPAddress", "userAgent", "requestParameters", "responseElements", "requestID", "eventID", "readOnly", "resources", "eventType", "managementEvent", "recipientAccountId", "eventCategory"} {
		if _, ok := e[name]; !ok {
			t.Errorf("the event of %s has no %s", id, name)
		}
	}
	s.fails("cloudtrail:LookupEvents", in{"LookupAttributes": list{in{"AttributeKey": "EventName", "AttributeValue": "a"}, in{"AttributeKey": "EventName", "AttributeValue": "b"}}}, 400, "InvalidLookupAttributesException", "?")
	s.fails("cloudtrail:LookupEvents", in{"NextToken": "nonsense"}, 400, "InvalidNextTokenException", "?")
}
