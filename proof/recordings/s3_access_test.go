package recordings

// s3AccessLists: LS s3/test_s3 test_s3_bucket_acl*, test_s3_object_acl*,
// TestS3BucketOwnershipControls; s3/test_s3_api TestS3BucketAccelerateConfiguration.
func s3AccessLists(a aisle) {
	b := a.bucket()
	const users, everyone, logs = "http://acs.amazonaws.com/groups/global/AuthenticatedUsers", "http://acs.amazonaws.com/groups/global/AllUsers", "http://acs.amazonaws.com/groups/s3/LogDelivery"
	const one = "AccessControlPolicy{AccessControlList{Grant{Grantee{ID},Permission}},Owner{ID}}"
	own := a.is(a.send("GET", "/"+b+"?acl", ""), 200, one, "").text("ID")
	a.must("PUT", "/"+b+"/k", "test")
	// TestS3BucketOwnershipControls, and lists while they are off
	off := func(r *answer) {
		a.Helper()
		a.fails(r, 400, "AccessControlListNotSupported", "The bucket does not allow ACLs")
	}
	off(a.send("PUT", "/"+b+"?acl", "", "X-Amz-Acl", "public-read"))
	off(a.send("PUT", "/"+b+"/k?acl", "", "X-Amz-Acl", "public-read"))
	off(a.send("PUT", "/"+b+"/k", "test", "X-Amz-Acl", "public-read"))
	owned := func(b, rule string) *answer {
		return a.send("PUT", "/"+b+"?ownershipControls", "<OwnershipControls><Rule><ObjectOwnership>"+rule+"</ObjectOwnership></Rule></OwnershipControls>")
	}
	a.is(owned(b, "ObjectWriter"), 200, "", "")
	a.holds(a.send("GET", "/"+b+"?ownershipControls", ""), "ObjectOwnership", "ObjectWriter")
	b2 := a.bucket("X-Amz-Object-Ownership", "BucketOwnerPreferred")
	a.holds(a.send("GET", "/"+b2+"?ownershipControls", ""), "ObjectOwnership", "BucketOwnerPreferred")
	a.must("DELETE", "/"+b+"?publicAccessBlock", "")
	// test_s3_bucket_acl, test_s3_object_acl
	for _, at := range []string{"/" + b + "?acl", "/" + b + "/k?acl"} {
		put := func(header ...string) *answer { return a.send("PUT", at, "", header...) }
		get := func(shape string) *answer { a.Helper(); return a.is(a.send("GET", at, ""), 200, shape, "") }
		a.is(put("X-Amz-Acl", "public-read"), 200, "", "")
		a.holds(get("AccessControlPolicy{AccessControlList{Grant{Grantee{ID},Permission|Grantee{URI},Permission}},Owner{ID}}"), "URI", everyone)
		a.is(put("X-Amz-Grant-Read", `uri="`+users+`"`), 200, "", "")
		a.holds(get("AccessControlPolicy{AccessControlList{Grant{Grantee{URI},Permission}},Owner{ID}}"), "URI", users, "Permission", "READ")
		a.is(a.send("PUT", at, `<AccessControlPolicy><Owner><ID>`+own+`</ID></Owner><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="CanonicalUser"><ID>`+own+`</ID></Grantee><Permission>FULL_CONTROL</Permission></Grant></AccessControlList></AccessControlPolicy>`), 200, "", "")
		get(one)
		// test_s3_bucket_acl_exceptions, test_s3_object_acl_exceptions
		a.fails(put("X-Amz-Acl", "fake-acl"), 400, "InvalidArgument", "-", "ArgumentName", "x-amz-acl", "ArgumentValue", "fake-acl")
		a.fails(put("X-Amz-Grant-Write", `uri="http://acs.amazonaws.com/groups/s3/FakeGroup"`), 400, "InvalidArgument", "Invalid group uri", "ArgumentName", "uri", "ArgumentValue", "http://acs.amazonaws.com/groups/s3/FakeGroup")
		a.fails(put("X-Amz-Grant-Write", `fakekey="1234"`), 400, "InvalidArgument", "Argument format not recognized", "ArgumentName", "x-amz-grant-write", "ArgumentValue", `fakekey="1234"`)
		a.fails(put("X-Amz-Grant-Write", "id=wrong-id"), 400, "InvalidArgument", "Invalid id", "ArgumentName", "id", "ArgumentValue", "wrong-id")
		doc := func(inner string) *answer {
			return a.send("PUT", at, "<AccessControlPolicy>"+inner+"</AccessControlPolicy>")
		}
		grant := func(kind, inner, permission string) string {
			return `<AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="` + kind + `">` + inner + `</Grantee><Permission>` + permission + `</Permission></Grant></AccessControlList>`
		}
		owner := "<Owner><ID>" + own + "</ID></Owner>"
		for _, bad := range []string{
			"", owner, grant("CanonicalUser", "<ID>"+own+"</ID>", "READ"), owner + grant("CanonicalUser", "<ID>"+own+"</ID>", "FAKE"),
		} {
			a.fails(doc(bad), 400, "MalformedACLError", malformed)
		}
		a.fails(doc(owner+grant("CanonicalUser", "<ID>wrong-id</ID>", "READ")), 400, "InvalidArgument", "Invalid id", "ArgumentName", "CanonicalUser/ID", "ArgumentValue", "wrong-id")
		a.fails(doc("<Owner><ID>wrong-id</ID></Owner>"+grant("CanonicalUser", "<ID>"+own+"</ID>", "READ")), 400, "InvalidArgument", "Invalid id", "ArgumentName", "CanonicalUser/ID", "ArgumentValue", "wrong-id")
		a.fails(doc(owner+grant("Group", "<URI>http://acs.amazonaws.com/groups/s3/FakeGroup</URI>", "READ")), 400, "InvalidArgument", "Invalid group uri", "ArgumentName", "Group/URI", "ArgumentValue", "http://acs.amazonaws.com/groups/s3/FakeGroup")
		a.fails(put(), 400, "MissingSecurityHeader", "Your request was missing a required header", "MissingHeaderName", "x-amz-acl")
		a.fails(put("X-Amz-Acl", "public-read", "X-Amz-Grant-Read", `uri="`+logs+`"`), 400, "InvalidRequest", "Specifying both Canned ACLs and Header Grants is not allowed")
		a.fails(a.send("PUT", at, "<AccessControlPolicy>"+owner+grant("CanonicalUser", "<ID>"+own+"</ID>", "READ")+"</AccessControlPolicy>", "X-Amz-Grant-Read", `uri="`+logs+`"`), 400, "UnexpectedContent", "This request does not support content")
	}
	// test_bucket_acl_canned, test_create_bucket_with_existing_name
	a.fails(a.send("PUT", "/"+a.name(), "", "X-Amz-Acl", "public-read", "X-Amz-Object-Ownership", "BucketOwnerEnforced"), 400, "InvalidBucketAclWithObjectOwnership", "Bucket cannot have ACLs set with ObjectOwnership's BucketOwnerEnforced setting")
	// A public list lets everyone read: test_s3_put_object_acl_on_... by anonymous
	a.is(a.nobody().send("GET", "/"+b+"/k", ""), 403, "Error{Code,HostId,Message,RequestId}", "")
	a.is(a.send("PUT", "/"+b+"/public", "test", "X-Amz-Acl", "public-read"), 200, "", stored)
	a.is(a.nobody().send("GET", "/"+b+"/public", ""), 200, "test", plain(testETag))
	a.must("PUT", "/"+b+"?publicAccessBlock", "<PublicAccessBlockConfiguration><IgnorePublicAcls>true</IgnorePublicAcls></PublicAccessBlockConfiguration>")
	a.is(a.nobody().send("GET", "/"+b+"/public", ""), 403, "Error{Code,HostId,Message,RequestId}", "")
	// test_put_object_acl_on_delete_marker
	v := a.versioned()
	a.must("PUT", "/"+v+"/k", "test")
	m := a.must("DELETE", "/"+v+"/k", "").header.Get("X-Amz-Version-Id")
	for _, which := range []string{"", "&versionId=" + m} {
		a.fails(a.send("PUT", "/"+v+"/k?acl"+which, "", "X-Amz-Acl", "public-read"), 405, "MethodNotAllowed", "The specified method is not allowed against this resource.", "Method", "PUT", "ResourceType", "DeleteMarker")
	}
}
