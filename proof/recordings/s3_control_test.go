package recordings

import (
	"encoding/xml"
	"strings"
)

// s3Control: LS s3control/test_s3control.
func s3Control(a aisle) {
	account := []string{"X-Amz-Account-Id", a.account, "Host", a.account + ".s3-control.us-east-1.amazonaws.com"}
	call := func(method, target, body string) *answer {
		a.Helper()
		return a.send(method, target, body, account...)
	}
	// test_crud_public_access_block
	const block = "/v20180820/configuration/publicAccessBlock"
	none := func() {
		a.Helper()
		a.fails(call("GET", block, ""), 404, "NoSuchPublicAccessBlockConfiguration", "The public access block configuration was not found", "AccountId", a.account)
	}
	none()
	conf := func(inner string) string {
		return `<PublicAccessBlockConfiguration xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/">` + inner + "</PublicAccessBlockConfiguration>"
	}
	a.is(call("PUT", block, conf("<BlockPublicAcls>false</BlockPublicAcls>")), 200, "", "")
	r := a.is(call("GET", block, ""), 200, "PublicAccessBlockConfiguration{BlockPublicAcls,BlockPublicPolicy,IgnorePublicAcls,RestrictPublicBuckets}", "")
	a.holds(r, "BlockPublicAcls", "false", "RestrictPublicBuckets", "false")
	// test_empty_public_access_block
	a.fails(call("PUT", block, conf("")), 400, "InvalidRequest", "Must specify at least one configuration.")
	for range 2 {
		a.is(call("DELETE", block, ""), 204, "", "")
	}
	none()
	// test_access_point_lifecycle
	const points = "/v20180820/accesspoint"
	point := func(bucket, more string) string {
		return `<CreateAccessPointRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Bucket>` + bucket + "</Bucket>" + more + "</CreateAccessPointRequest>"
	}
	b := a.bucket()
	a.is(call("GET", points, ""), 200, "ListAccessPointsResult{AccessPointList[]}", "")
	gone := func(r *answer, name string) {
		a.Helper()
		a.fails(r, 404, "NoSuchAccessPoint", "The specified accesspoint does not exist", "AccessPointName", name)
	}
	gone(call("GET", points+"/random-test-name", ""), "random-test-name")
	a.is(call("PUT", points+"/recorded-point", point(b, "")), 200, "CreateAccessPointResult{AccessPointArn,Alias}", "")
	const shown = "GetAccessPointResult{AccessPointArn,Alias,Bucket,BucketAccountId,CreationDate,Endpoints{entry{key,value}},Name,NetworkOrigin,PublicAccessBlockConfiguration{BlockPublicAcls,BlockPublicPolicy,IgnorePublicAcls,RestrictPublicBuckets}}"
	r = a.is(call("GET", points+"/recorded-point", ""), 200, shown, "")
	a.holds(r, "Name", "recorded-point", "Bucket", b, "NetworkOrigin", "Internet", "BucketAccountId", a.account, "BlockPublicAcls", "true", "RestrictPublicBuckets", "true")
	// test_access_point_already_exists, _bucket_not_exists, _name_validation
	a.is(call("PUT", points+"/recorded-other", point(b, "<PublicAccessBlockConfiguration><BlockPublicAcls>true</BlockPublicAcls></PublicAccessBlockConfiguration>")), 200, "CreateAccessPointResult{AccessPointArn,Alias}", "")
	a.holds(call("GET", points+"/recorded-other", ""), "BlockPublicAcls", "true", "RestrictPublicBuckets", "false")
	a.fails(call("PUT", points+"/recorded-point", point(b, "")), 409, "AccessPointAlreadyOwnedByYou", "Your previous request to create the named accesspoint succeeded and you already own it.")
	a.fails(call("PUT", points+"/recorded-third", point(a.name(), "")), 400, "InvalidRequest", "Amazon S3 AccessPoint can only be created for existing bucket")
	for _, bad := range []string{"xn-_test-alias", "sa"} {
		a.fails(call("PUT", points+"/"+bad, point(b, "")), 400, "InvalidURI", "Couldn't parse the specified URI.", "URI", "accesspoint/"+bad)
	}
	// test_access_point_pagination
	r = call("GET", points+"?maxResults=1", "")
	a.is(r, 200, "ListAccessPointsResult{AccessPointList{AccessPoint{AccessPointArn,Alias,Bucket,BucketAccountId,Name,NetworkOrigin}},NextToken}", "")
	a.is(call("GET", points+"?maxResults=1&nextToken="+escaped(r.text("NextToken")), ""), 200, "ListAccessPointsResult{AccessPointList{AccessPoint{AccessPointArn,Alias,Bucket,BucketAccountId,Name,NetworkOrigin}}}", "")
	for _, name := range []string{"recorded-point", "recorded-other"} {
		a.is(call("DELETE", points+"/"+name, ""), 204, "", "")
	}
	gone(call("DELETE", points+"/recorded-point", ""), "recorded-point")
	gone(call("GET", points+"/recorded-point", ""), "recorded-point")
	// LS s3control/test_s3control TestS3ControlTagging
	tagged := "/v20180820/tags/" + strings.ReplaceAll(escaped("arn:aws:s3:::"+b), "+", "%20")
	add := func(inner string) *answer {
		return call("POST", tagged, `<TagResourceRequest xmlns="http://awss3control.amazonaws.com/doc/2018-08-20/"><Tags>`+inner+"</Tags></TagResourceRequest>")
	}
	tag := func(k, v string) string {
		var key, text strings.Builder
		xml.EscapeText(&key, []byte(k))
		xml.EscapeText(&text, []byte(v))
		return "<Tag><Key>" + key.String() + "</Key><Value>" + text.String() + "</Value></Tag>"
	}
	a.is(add(tag("key1", "value1")+tag("key2", "value2")), 204, "", "")
	a.is(call("GET", tagged, ""), 200, "ListTagsForResourceResult{Tags{Tag{Key,Value}}}", "")
	a.malformed(add("<Tag><Key>k</Key></Tag>"))
	a.malformed(add("<Tag><Value>v</Value></Tag>"))
	a.is(call("DELETE", tagged+"?tagKeys=key1", ""), 204, "", "")
	if r := call("GET", tagged, ""); strings.Contains(string(r.body), "key1") || !strings.Contains(string(r.body), "key2") {
		a.Errorf("%s", r.body)
	}
}
