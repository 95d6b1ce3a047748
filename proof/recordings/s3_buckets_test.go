package recordings

import (
	"strings"
)

const (
	malformed = "The XML you provided was not well-formed or did not validate against our published schema"
	noBucket  = "The specified bucket does not exist"
)

func (a aisle) malformed(r *answer) { a.Helper(); a.fails(r, 400, "MalformedXML", malformed) }

// s3Buckets: LS s3/test_s3 TestS3 (test_create_bucket_head_bucket,
// test_different_location_constraint, test_bucket_exists, ...).
func s3Buckets(a aisle) {
	b := a.name()
	a.is(a.send("PUT", "/"+b, ""), 200, "", "Location=/"+b+";X-Amz-Bucket-Arn=arn:aws:s3:::"+b)
	far, b2 := a.from("us-west-2"), a.name()
	at := func(region string) string {
		return `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><LocationConstraint>` + region + `</LocationConstraint></CreateBucketConfiguration>`
	}
	a.is(far.send("PUT", "/"+b2, at("us-west-2")), 200, "", "Location=http://"+b2+".s3.amazonaws.com/;X-Amz-Bucket-Arn=arn:aws:s3:::"+b2)
	a.head(a.send("HEAD", "/"+b, ""), 200, "Content-Type=application/xml;X-Amz-Access-Point-Alias=false;X-Amz-Bucket-Arn=arn:aws:s3:::"+b+";X-Amz-Bucket-Region=us-east-1")
	a.head(far.send("HEAD", "/"+b2, ""), 200, "Content-Type=application/xml;X-Amz-Access-Point-Alias=false;X-Amz-Bucket-Arn=arn:aws:s3:::"+b2+";X-Amz-Bucket-Region=us-west-2")
	a.head(a.send("HEAD", "/"+a.name(), ""), 404, "Content-Type=application/xml")

	// test_bucket_name_with_dots, test_region_header_exists: where the bucket is, listings say
	a.is(a.send("GET", "/"+b, ""), 200, "ListBucketResult{Name,Prefix[],Marker[],MaxKeys,IsTruncated}", "X-Amz-Bucket-Region=us-east-1")
	a.is(far.send("GET", "/"+b2+"?list-type=2&encoding-type=url", ""), 200, "ListBucketResult{Name,Prefix[],KeyCount,MaxKeys,EncodingType,IsTruncated}", "X-Amz-Bucket-Region=us-west-2")

	a.is(a.send("GET", "/"+b+"?location", ""), 200, "LocationConstraint[]", "")
	r := a.is(far.send("GET", "/"+b2+"?location", ""), 200, "LocationConstraint", "")
	if !strings.Contains(string(r.body), ">us-west-2<") {
		a.Errorf("%s", r.body)
	}
	gone := a.name()
	for _, target := range []string{"?location", "?notification", "?lifecycle", "?cors", "?acl", "?policy", "?versioning", "?encryption", "?tagging", "?object-lock", "?requestPayment", "?accelerate", "", "?list-type=2", "?versions", "?uploads", "/key", "/key?tagging", "/key?acl"} {
		a.fails(a.send("GET", "/"+gone+target, ""), 404, "NoSuchBucket", noBucket, "BucketName", gone)
	}
	a.fails(a.send("DELETE", "/"+gone, ""), 404, "NoSuchBucket", noBucket, "BucketName", gone)

	// Where a bucket may be made.
	a.is(a.send("PUT", "/"+a.name(), `<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/"/>`), 200, "", "Location;X-Amz-Bucket-Arn")
	for _, bad := range []string{"us-east-1", "foo", "aws-global"} {
		a.fails(a.send("PUT", "/"+a.name(), at(bad)), 400, "InvalidLocationConstraint", "The specified location-constraint is not valid", "LocationConstraint", bad)
	}
	illegal := func(r *answer, which string) {
		a.Helper()
		a.fails(r, 400, "IllegalLocationConstraintException", "The "+which+" location constraint is incompatible for the region specific endpoint this request was sent to.")
	}
	illegal(far.send("PUT", "/"+a.name(), ""), "unspecified")
	illegal(far.send("PUT", "/"+a.name(), `<CreateBucketConfiguration/>`), "unspecified")
	illegal(far.send("PUT", "/"+a.name(), at("us-west-1")), "us-west-1")
	illegal(far.send("PUT", "/"+a.name(), at("us-east-1")), "us-east-1")
	illegal(far.send("PUT", "/"+a.name(), at("bar")), "bar")
	illegal(far.send("PUT", "/"+a.name(), at("aws-global")), "aws-global")
	illegal(far.send("PUT", "/"+a.name(), at("EU")), "EU")
	// test_create_bucket_with_eu_location_constraint
	eu, b3 := a.from("eu-west-1"), a.name()
	eu.must("PUT", "/"+b3, at("EU"))
	if r := eu.send("GET", "/"+b3+"?location", ""); !strings.Contains(string(r.body), ">EU<") {
		a.Errorf("%s", r.body)
	}
	r = a.is(a.send("GET", "/?prefix="+b3, ""), 200, "ListAllMyBucketsResult{Buckets{Bucket{BucketArn,BucketRegion,CreationDate,Name}},Owner{ID},Prefix}", "")
	a.holds(r, "BucketRegion", "eu-west-1", "Name", b3)
	a.is(a.send("GET", "/", ""), 200, "ListAllMyBucketsResult{Buckets{Bucket{BucketArn,CreationDate,Name}},Owner{ID}}", "")

	// test_create_bucket_with_existing_name
	for _, c := range []aisle{far, a.from("us-west-1")} {
		a.fails(c.send("PUT", "/"+b2, at(c.caller.region)), 409, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.", "BucketName", b2)
	}
	// test_s3_uppercase_bucket_name
	a.fails(a.send("PUT", "/TestUppercase", ""), 400, "InvalidBucketName", "The specified bucket is not valid.", "BucketName", "TestUppercase")
	// test_s3_api TestS3BucketCRUD
	a.must("PUT", "/"+b+"/k", "x")
	a.fails(a.send("DELETE", "/"+b, ""), 409, "BucketNotEmpty", "The bucket you tried to delete is not empty", "BucketName", b)
	a.is(a.send("DELETE", "/"+b+"/k", ""), 204, "", "")
	a.is(a.send("DELETE", "/"+b, ""), 204, "", "")
	v := a.versioned()
	a.must("PUT", "/"+v+"/k", "x")
	a.must("DELETE", "/"+v+"/k", "")
	a.fails(a.send("DELETE", "/"+v, ""), 409, "BucketNotEmpty", "The bucket you tried to delete is not empty. You must delete all versions in the bucket.", "BucketName", v)
}

// s3Settings: LS s3/test_s3_api.
func s3Settings(a aisle) {
	b := a.bucket()
	put := func(sub, doc string) *answer { return a.send("PUT", "/"+b+"?"+sub, doc) }
	get := func(sub, shape string) *answer {
		a.Helper()
		return a.is(a.send("GET", "/"+b+"?"+sub, ""), 200, shape, "")
	}

	// TestS3BucketVersioning::test_bucket_versioning_crud
	get("versioning", "VersioningConfiguration[]")
	a.is(put("versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"), 200, "", "")
	a.holds(a.send("GET", "/"+b+"?versioning", ""), "Status", "Suspended")
	a.malformed(put("versioning", "<VersioningConfiguration><Status>enabled</Status></VersioningConfiguration>"))
	a.malformed(put("versioning", "<VersioningConfiguration><Status>Disabled</Status></VersioningConfiguration>"))
	a.fails(put("versioning", "<VersioningConfiguration/>"), 400, "IllegalVersioningConfigurationException", "The Versioning element must be specified")

	// TestS3BucketEncryption
	get("encryption", "ServerSideEncryptionConfiguration{Rule{ApplyServerSideEncryptionByDefault{SSEAlgorithm},BucketKeyEnabled,BlockedEncryptionTypes{EncryptionType}}}")
	a.holds(a.send("GET", "/"+b+"?encryption", ""), "SSEAlgorithm", "AES256", "BucketKeyEnabled", "false")
	for range 2 {
		a.is(a.send("DELETE", "/"+b+"?encryption", ""), 204, "", "")
	}
	rule := "<Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault></Rule>"
	a.malformed(put("encryption", "<ServerSideEncryptionConfiguration/>"))
	a.malformed(put("encryption", "<ServerSideEncryptionConfiguration>"+rule+rule+"</ServerSideEncryptionConfiguration>"))
	a.fails(put("encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm><KMSMasterKeyID>x</KMSMasterKeyID></ApplyServerSideEncryptionByDefault></Rule></ServerSideEncryptionConfiguration>"),
		400, "InvalidArgument", "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or aws:kms:dsse", "ArgumentName", "ApplyServerSideEncryptionByDefault")

	// TestS3BucketOwnershipControls
	owned := func(rules ...string) string {
		doc := "<OwnershipControls>"
		for _, r := range rules {
			doc += "<Rule><ObjectOwnership>" + r + "</ObjectOwnership></Rule>"
		}
		return doc + "</OwnershipControls>"
	}
	get("ownershipControls", "OwnershipControls{Rule{ObjectOwnership}}")
	a.malformed(put("ownershipControls", owned("ObjectWriter", "BucketOwnerEnforced")))
	a.malformed(put("ownershipControls", owned("RandomValue")))
	a.malformed(put("ownershipControls", "<OwnershipControls/>"))
	for range 2 {
		a.is(a.send("DELETE", "/"+b+"?ownershipControls", ""), 204, "", "")
	}
	a.fails(a.send("GET", "/"+b+"?ownershipControls", ""), 404, "OwnershipControlsNotFoundError", "The bucket ownership controls were not found", "BucketName", b)
	a.fails(a.send("PUT", "/"+a.name(), "", "X-Amz-Object-Ownership", "RandomValue"), 400, "InvalidArgument", "Invalid x-amz-object-ownership header: RandomValue", "ArgumentName", "x-amz-object-ownership")
	// TestS3PublicAccessBlock
	get("publicAccessBlock", "PublicAccessBlockConfiguration{BlockPublicAcls,BlockPublicPolicy,IgnorePublicAcls,RestrictPublicBuckets}")
	a.is(put("publicAccessBlock", "<PublicAccessBlockConfiguration><BlockPublicAcls>false</BlockPublicAcls></PublicAccessBlockConfiguration>"), 200, "", "")
	a.holds(a.send("GET", "/"+b+"?publicAccessBlock", ""), "BlockPublicPolicy", "false", "RestrictPublicBuckets", "false")
	for range 2 {
		a.is(a.send("DELETE", "/"+b+"?publicAccessBlock", ""), 204, "", "")
	}
	a.fails(a.send("GET", "/"+b+"?publicAccessBlock", ""), 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", "BucketName", b)

	// TestS3BucketAccelerateConfiguration
	get("accelerate", "AccelerateConfiguration[]")
	a.is(put("accelerate", "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>"), 200, "", "")
	get("accelerate", "AccelerateConfiguration{Status}")
	a.is(put("accelerate", "<AccelerateConfiguration><Status>Suspended</Status></AccelerateConfiguration>"), 200, "", "")
	a.holds(a.send("GET", "/"+b+"?accelerate", ""), "Status", "Suspended")
	a.malformed(put("accelerate", "<AccelerateConfiguration><Status>enabled</Status></AccelerateConfiguration>"))
	dotted := a.name() + ".dotted"
	a.must("PUT", "/"+dotted, "")
	a.fails(a.send("PUT", "/"+dotted+"?accelerate", "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>"), 400, "InvalidRequest", "S3 Transfer Acceleration is not supported for buckets with periods (.) in their names")

	// TestS3::test_s3_request_payer
	get("requestPayment", "RequestPaymentConfiguration{Payer}")
	a.is(put("requestPayment", "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>"), 200, "", "")
	a.malformed(put("requestPayment", "<RequestPaymentConfiguration><Payer>Random</Payer></RequestPaymentConfiguration>"))

	// LS s3/test_s3_cors
	a.fails(a.send("GET", "/"+b+"?cors", ""), 404, "NoSuchCORSConfiguration", "The CORS configuration does not exist", "BucketName", b)
	a.is(a.send("DELETE", "/"+b+"?cors", ""), 204, "", "")
	a.is(put("cors", "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"), 200, "", "")
	get("cors", "CORSConfiguration{CORSRule{AllowedMethod,AllowedOrigin}}")
	a.is(put("cors", "<CORSConfiguration><CORSRule><AllowedMethod>GET</AllowedMethod><AllowedOrigin></AllowedOrigin></CORSRule></CORSConfiguration>"), 200, "", "")
	get("cors", "CORSConfiguration{CORSRule{AllowedMethod,AllowedOrigin[]}}")
	a.fails(put("cors", "<CORSConfiguration><CORSRule><AllowedMethod>MYMETHOD</AllowedMethod><AllowedOrigin>*</AllowedOrigin></CORSRule></CORSConfiguration>"), 400, "InvalidRequest", "Found unsupported HTTP method in CORS config. Unsupported method is MYMETHOD")
	a.malformed(put("cors", "<CORSConfiguration/>"))

	// TestS3BucketObjectTagging
	a.fails(a.send("GET", "/"+b+"?tagging", ""), 404, "NoSuchTagSet", "The TagSet does not exist", "BucketName", b)
	a.is(put("tagging", tagging("k1", "v1", "k2", "v2")), 204, "", "")
	get("tagging", "Tagging{TagSet{Tag{Key,Value}}}")
	a.is(a.send("DELETE", "/"+b+"?tagging", ""), 204, "", "")

	// TestS3BucketLogging::test_put_bucket_logging, TestS3BucketReplication, TestS3 of
	// configurations that were never made
	get("logging", "BucketLoggingStatus[]")
	a.is(put("logging", "<BucketLoggingStatus/>"), 200, "", "")
	a.fails(a.send("GET", "/"+b+"?replication", ""), 404, "ReplicationConfigurationNotFoundError", "The replication configuration was not found", "BucketName", b)
	a.is(a.send("DELETE", "/"+b+"?replication", ""), 204, "", "")
	for sub, list := range map[string]string{
		"analytics": "ListBucketAnalyticsConfigurationResult", "inventory": "ListInventoryConfigurationsResult", "metrics": "ListMetricsConfigurationsResult",
		"intelligent-tiering": "ListBucketIntelligentTieringConfigurationsOutput",
	} {
		get(sub, list+"{IsTruncated}")
		for _, method := range []string{"GET", "DELETE"} {
			a.fails(a.send(method, "/"+b+"?"+sub+"&id=x", ""), 404, "NoSuchConfiguration", "The specified configuration does not exist.", "BucketName", b)
		}
	}

	// LS s3/test_s3_notifications_lambda, s3/test_s3_notifications_sqs
	get("notification", "NotificationConfiguration[]")
	notify := func(kind, arn, inner string) *answer {
		return put("notification", "<NotificationConfiguration><"+kind+"Configuration><Id>id123</Id><"+kind+">"+arn+"</"+kind+"><Event>s3:ObjectCreated:*</Event>"+inner+"</"+kind+"Configuration></NotificationConfiguration>")
	}
	for kind, arn := range map[string]string{"CloudFunction": "arn:aws:lambda:us-east-1:" + a.account + ":function:my-lambda", "Queue": "arn:aws:sqs:us-east-1:" + a.account + ":my-queue"} {
		a.fails(notify(kind, "invalid-queue", ""), 400, "InvalidArgument", "The ARN could not be parsed", "ArgumentName", kind, "ArgumentValue", "invalid-queue")
		rule := func(name string) string {
			return "<Filter><S3Key><FilterRule><Name>" + name + "</Name><Value>notif-</Value></FilterRule></S3Key></Filter>"
		}
		a.fails(notify(kind, arn, rule("INVALID")), 400, "InvalidArgument", "filter rule name must be either prefix or suffix", "ArgumentName", "FilterRule.Name", "ArgumentValue", "INVALID")
		if kind == "Queue" {
			a.is(notify(kind, arn, rule("prefix")), 200, "", "")
			a.holds(get("notification", "NotificationConfiguration{QueueConfiguration{Event,Filter{S3Key{FilterRule{Name,Value}}},Id,Queue}}"), "Name", "Prefix", "Id", "id123")
			continue
		}
		a.fails(notify(kind, arn, ""), 400, "InvalidArgument", "Unable to validate the following destination configurations", "ArgumentName1", arn+", null", "ArgumentValue1", "Not authorized to invoke function ["+arn+"]")
	}
	a.is(put("notification", "<NotificationConfiguration/>"), 200, "", "")

	// TestS3ObjectLock
	l := a.bucket()
	lock := func(inner string) *answer {
		return a.send("PUT", "/"+l+"?object-lock", "<ObjectLockConfiguration>"+inner+"</ObjectLockConfiguration>")
	}
	none := func() {
		a.Helper()
		a.fails(a.send("GET", "/"+l+"?object-lock", ""), 404, "ObjectLockConfigurationNotFoundError", "Object Lock configuration does not exist for this bucket", "BucketName", l)
	}
	none()
	const on = "<ObjectLockEnabled>Enabled</ObjectLockEnabled>"
	for _, status := range []string{"", "Suspended"} {
		if status != "" {
			a.versioning(l, status)
		}
		a.fails(lock(on), 409, "InvalidBucketState", "Versioning must be 'Enabled' on the bucket to apply a Object Lock configuration")
	}
	a.versioning(l, "Enabled")
	for _, bad := range []string{
		"<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>", "", on + "<Rule/>", on + "<Rule><DefaultRetention/></Rule>",
		on + "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode></DefaultRetention></Rule>", on + "<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days><Years>1</Years></DefaultRetention></Rule>",
	} {
		a.malformed(lock(bad))
	}
	a.is(lock(on), 200, "", "")
	a.is(a.send("GET", "/"+l+"?object-lock", ""), 200, "ObjectLockConfiguration{ObjectLockEnabled}", "")
	a.is(lock(on+"<Rule><DefaultRetention><Mode>GOVERNANCE</Mode><Days>1</Days></DefaultRetention></Rule>"), 200, "", "")
	a.is(a.send("GET", "/"+l+"?object-lock", ""), 200, "ObjectLockConfiguration{ObjectLockEnabled,Rule{DefaultRetention{Days,Mode}}}", "")
	a.fails(a.send("PUT", "/"+l+"?versioning", "<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>"), 409, "InvalidBucketState", "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed.")
}

func tagging(pairs ...string) string {
	doc := "<Tagging><TagSet>"
	for i := 0; i < len(pairs); i += 2 {
		doc += "<Tag><Key>" + pairs[i] + "</Key><Value>" + pairs[i+1] + "</Value></Tag>"
	}
	return doc + "</TagSet></Tagging>"
}

// s3Policies: LS s3/test_s3_api TestS3BucketPolicy, test_s3 test_*_bucket_policy*.
func s3Policies(a aisle) {
	b := a.bucket()
	a.must("DELETE", "/"+b+"?publicAccessBlock", "")
	policy := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"*"},"Action":"s3:GetObject","Resource":"arn:aws:s3:::` + b + `/*"}]}`
	none := func() {
		a.Helper()
		a.fails(a.send("GET", "/"+b+"?policy", ""), 404, "NoSuchBucketPolicy", "The bucket policy does not exist", "BucketName", b)
	}
	put := func(doc string, header ...string) *answer {
		return a.send("PUT", "/"+b+"?policy", doc, append(header, "Content-Md5", md5Of(doc))...)
	}
	none()
	a.is(put(policy), 204, "", "")
	r := a.send("GET", "/"+b+"?policy", "")
	a.is(r, 200, policy, "Content-Type=application/json")
	for range 2 {
		a.is(a.send("DELETE", "/"+b+"?policy", ""), 204, "", "")
	}
	none()
	a.fails(put(""), 400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
	a.fails(put("invalid json"), 400, "MalformedPolicy", "Policies must be valid JSON and the first byte must be '{'")
	a.fails(put("{}"), 400, "MalformedPolicy", "Missing required field Statement")
	const who = "X-Amz-Expected-Bucket-Owner"
	a.is(put(policy, who, a.account), 204, "", "")
	a.is(a.send("GET", "/"+b+"?policy", "", who, a.account), 200, policy, "Content-Type=application/json")
	for _, bad := range []string{"0000", "0000000000020", "abcd", "aa000000000$"} {
		const text = "The value of the expected bucket owner parameter must be an AWS Account ID... ["
		a.fails(a.send("GET", "/"+b+"?policy", "", who, bad), 400, "InvalidBucketOwnerAWSAccountID", text+bad+"]")
		a.fails(put(policy, who, bad), 400, "InvalidBucketOwnerAWSAccountID", text+bad+"]")
		a.fails(a.send("DELETE", "/"+b+"?policy", "", who, bad), 400, "InvalidBucketOwnerAWSAccountID", text+bad+"]")
	}
	a.fails(a.send("GET", "/"+b+"?policy", "", who, "000000000002"), 403, "AccessDenied", "Access Denied")
	a.fails(put(policy, who, "000000000002"), 403, "AccessDenied", "Access Denied")
	a.fails(a.send("DELETE", "/"+b+"?policy", "", who, "000000000002"), 403, "AccessDenied", "Access Denied")
	// test_get_object_with_anon_credentials
	a.must("PUT", "/"+b+"/k", "body data")
	a.is(a.nobody().send("GET", "/"+b+"/k", ""), 200, "body data", plain("53ebc26c3ff5decfe9ffc7bdbaa02459"))
}

// plain are the headers of an object that says nothing of itself.
func plain(etag string, more ...string) string {
	return `Accept-Ranges=bytes;Content-Type=binary/octet-stream;Etag="` + etag + `";Last-Modified;X-Amz-Server-Side-Encryption=AES256;` + strings.Join(more, ";")
}

// s3Lifecycle: LS s3/test_s3 TestS3BucketLifecycle.
func s3Lifecycle(a aisle) {
	b := a.bucket()
	put := func(rules string, header ...string) *answer {
		return a.send("PUT", "/"+b+"?lifecycle", "<LifecycleConfiguration>"+rules+"</LifecycleConfiguration>", header...)
	}
	none := func() {
		a.Helper()
		a.fails(a.send("GET", "/"+b+"?lifecycle", ""), 404, "NoSuchLifecycleConfiguration", "The lifecycle configuration does not exist", "BucketName", b)
	}
	none()
	a.is(a.send("DELETE", "/"+b+"?lifecycle", ""), 204, "", "")
	rule := func(id, filter, action string) string {
		return "<Rule><ID>" + id + "</ID><Filter>" + filter + "</Filter><Status>Enabled</Status>" + action + "</Rule>"
	}
	const days, size = "<Expiration><Days>7</Days></Expiration>", "X-Amz-Transition-Default-Minimum-Object-Size"
	a.is(put(rule("wholebucket", "<Prefix></Prefix>", days)), 200, "", size+"=all_storage_classes_128K")
	a.is(a.send("GET", "/"+b+"?lifecycle", ""), 200, "LifecycleConfiguration{Rule{Expiration{Days},Filter{Prefix[]},ID,Status}}", size+"=all_storage_classes_128K")
	a.is(put(rule("r", "<Prefix></Prefix>", days), size, "varies_by_storage_class"), 200, "", size+"=varies_by_storage_class")
	a.fails(put(rule("r", "<Prefix></Prefix>", days), size, "value"), 400, "InvalidRequest", "Invalid TransitionDefaultMinimumObjectSize found: value")

	// test_put_bucket_lifecycle_conf_exc
	a.malformed(put("<Rule><Expiration><Days>7</Days></Expiration></Rule>"))
	a.malformed(put("<Rule><ID>r</ID><Status>Enabled</Status>" + days + "</Rule>"))
	a.malformed(put(rule("r", "", "<NoncurrentVersionExpiration/>")))
	a.malformed(put(rule("r", "<And><Prefix>test</Prefix><Tag><Key>k</Key><Value>v</Value></Tag></And><Prefix></Prefix>", days)))
	a.malformed(put(rule("r", "<And><Prefix>test</Prefix></And><ObjectSizeGreaterThan>500</ObjectSizeGreaterThan>", days)))
	a.fails(put(rule("r", "", "<Expiration><Date>2030-01-01T01:00:00Z</Date></Expiration>")), 400, "InvalidArgument", "'Date' must be at midnight GMT", "ArgumentName", "Date", "ArgumentValue", "*")
	a.fails(put(rule("r", "<And><Tag><Key>k</Key><Value>v</Value></Tag><Tag><Key>k</Key><Value>w</Value></Tag></And>", days)), 400, "InvalidRequest", "Duplicate Tag Keys are not allowed.")
	a.malformed(put(rule("r", "", "<Expiration><Days>1</Days><ExpiredObjectDeleteMarker>true</ExpiredObjectDeleteMarker></Expiration>")))

	// test_bucket_lifecycle_multiple_rules, _object_size_rules, _tag_rules: the header
	const expires = "X-Amz-Expiration"
	a.must("PUT", "/"+b+"?lifecycle", "<LifecycleConfiguration>"+rule("one", "<Prefix>testobject</Prefix>", days)+rule("two", "<Prefix>test</Prefix>", "<Expiration><Days>60</Days></Expiration>")+
		rule("three", "<ObjectSizeGreaterThan>20</ObjectSizeGreaterThan>", "<Expiration><Days>9</Days></Expiration>")+rule("four", "<Tag><Key>k</Key><Value>v</Value></Tag>", days)+"</LifecycleConfiguration>")
	sum := "X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT;X-Amz-Server-Side-Encryption=AES256;Etag"
	ends := func(days int) string {
		return a.clock.Now().UTC().AddDate(0, 0, days+1).Format("Mon, 02 Jan 2006") + " 00:00:00 GMT"
	}
	says := func(r *answer, days int, id string) {
		a.Helper()
		a.facts.Add(1)
		if got, want := r.header.Get(expires), `expiry-date="`+ends(days)+`", rule-id="`+id+`"`; got != want {
			a.Errorf("%s, want %s", got, want)
		}
	}
	says(a.is(a.send("PUT", "/"+b+"/testobject", "test"), 200, "", sum+";"+expires), 7, "one")
	says(a.is(a.send("PUT", "/"+b+"/test", "test"), 200, "", sum+";"+expires), 60, "two")
	says(a.is(a.send("PUT", "/"+b+"/x", strings.Repeat("x", 21)), 200, "", sum+";"+expires), 9, "three")
	says(a.is(a.send("PUT", "/"+b+"/y", "y", "X-Amz-Tagging", "k=v"), 200, "", sum+";"+expires), 7, "four")
	a.is(a.send("PUT", "/"+b+"/z", "test"), 200, "", sum)
	says(a.head(a.send("HEAD", "/"+b+"/test", ""), 200, plain("098f6bcd4621d373cade4e832627b4f6", expires)), 60, "two")
	a.is(a.send("GET", "/"+b+"/test", ""), 200, "test", plain("098f6bcd4621d373cade4e832627b4f6", expires))
	a.is(a.send("DELETE", "/"+b+"?lifecycle", ""), 204, "", "")
	none()
	a.is(a.send("GET", "/"+b+"/test", ""), 200, "test", plain("098f6bcd4621d373cade4e832627b4f6"))
	// test_bucket_lifecycle_configuration_object_expiry_versioned
	a.versioning(b, "Enabled")
	a.is(put(rule("r", "", days+"<NoncurrentVersionExpiration><NoncurrentDays>1</NoncurrentDays></NoncurrentVersionExpiration>")), 200, "", size)
	v := a.must("PUT", "/"+b+"/v", "test").header.Get("X-Amz-Version-Id")
	a.head(a.send("HEAD", "/"+b+"/v", ""), 200, plain("098f6bcd4621d373cade4e832627b4f6", expires, "X-Amz-Version-Id"))
	a.head(a.send("HEAD", "/"+b+"/v?versionId="+v, ""), 200, plain("098f6bcd4621d373cade4e832627b4f6", "X-Amz-Version-Id"))
}
