package recordings

import (
	"crypto/md5"
	"encoding/base64"
	"strings"
)

// s3Encryption: LS s3/test_s3 test_s3_sse_*, test_bucket_encryption_sse_kms*,
// TestS3::test_s3_sse_validate_kms_key*.
func s3Encryption(a aisle) {
	b := a.bucket()
	keys := a.scene(a.TB)
	key := keys.must("kms:CreateKey", in{})
	id, arn := key.str("KeyMetadata.KeyId"), key.str("KeyMetadata.Arn")
	const kms, keyID = "X-Amz-Server-Side-Encryption", "X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id"
	put := func(more ...string) *answer {
		return a.send("PUT", "/"+b+"/k", "test", append(more, kms, "aws:kms")...)
	}
	said := kms + "=aws:kms;" + keyID + "=" + arn
	a.is(put(keyID, id), 200, "", "Etag;X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT;"+said)
	want := strings.Replace(plain(`*`), kms+"=AES256", said, 1)
	want = strings.Replace(want, `Etag="*"`, "Etag", 1)
	a.is(a.send("GET", "/"+b+"/k", ""), 200, "test", want)
	a.head(a.send("HEAD", "/"+b+"/k", ""), 200, want)
	a.is(put(keyID, arn, "X-Amz-Server-Side-Encryption-Bucket-Key-Enabled", "true"), 200, "", "Etag;X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT;X-Amz-Server-Side-Encryption-Bucket-Key-Enabled=true;"+said)
	// test_s3_sse_validate_kms_key
	a.fails(put(keyID, "fake-key-id"), 400, "KMS.NotFoundException", "Invalid keyId 'fake-key-id'")
	missing := strings.Replace(arn, id, "134f2428-cec1-4b25-a1ae-9048164dba47", 1)
	a.fails(put(keyID, missing), 400, "KMS.NotFoundException", "Key '"+missing+"' does not exist")
	a.fails(put(keyID, "134f2428-cec1-4b25-a1ae-9048164dba47"), 400, "KMS.NotFoundException", "Key '"+missing+"' does not exist")
	a.fails(a.send("POST", "/"+b+"/k?uploads", "", kms, "aws:kms", keyID, "fake-key-id"), 400, "KMS.NotFoundException", "Invalid keyId 'fake-key-id'")
	a.fails(a.send("PUT", "/"+b+"/copy", "", "X-Amz-Copy-Source", b+"/k", kms, "aws:kms", keyID, "fake-key-id"), 400, "KMS.NotFoundException", "Invalid keyId 'fake-key-id'")
	far := strings.Replace(arn, home, "us-west-2", 1)
	a.fails(put(keyID, far), 400, "KMS.NotFoundException", "Invalid arn us-west-2")
	// test_s3_sse_validate_kms_key_state
	keys.must("kms:DisableKey", in{"KeyId": id})
	a.fails(put(keyID, arn), 400, "KMS.DisabledException", arn+" is disabled.")
	a.fails(a.send("GET", "/"+b+"/k", ""), 400, "KMS.DisabledException", arn+" is disabled.")
	keys.must("kms:ScheduleKeyDeletion", in{"KeyId": id, "PendingWindowInDays": 7})
	a.fails(put(keyID, arn), 400, "KMS.KMSInvalidStateException", arn+" is pending deletion.")
	a.fails(a.send("GET", "/"+b+"/k", ""), 400, "KMS.KMSInvalidStateException", arn+" is pending deletion.")
}

// s3CustomerKeys: LS s3/test_s3 TestS3SSECEncryption.
func s3CustomerKeys(a aisle) {
	a = a.secure()
	b := a.bucket()
	a.must("PUT", "/"+b+"?encryption", "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault><SSEAlgorithm>AES256</SSEAlgorithm></ApplyServerSideEncryptionByDefault><BlockedEncryptionTypes><EncryptionType>NONE</EncryptionType></BlockedEncryptionTypes></Rule></ServerSideEncryptionConfiguration>")
	const alg, key, sum = "X-Amz-Server-Side-Encryption-Customer-Algorithm", "X-Amz-Server-Side-Encryption-Customer-Key", "X-Amz-Server-Side-Encryption-Customer-Key-Md5"
	with := func(secret string) []string {
		digest := md5.Sum([]byte(secret))
		return []string{alg, "AES256", key, base64.StdEncoding.EncodeToString([]byte(secret)), sum, base64.StdEncoding.EncodeToString(digest[:])}
	}
	secret, other := with(strings.Repeat("s", 32)), with(strings.Repeat("o", 32))
	said := alg + "=AES256;" + sum + "=" + secret[5]
	// test_put_object_lifecycle_with_sse_c
	a.is(a.send("PUT", "/"+b+"/k", "test", secret...), 200, "", "Etag;X-Amz-Checksum-Crc64nvme;X-Amz-Checksum-Type=FULL_OBJECT;"+said)
	got := "Accept-Ranges=bytes;Content-Type=binary/octet-stream;Etag;Last-Modified;" + said
	a.is(a.send("GET", "/"+b+"/k", "", secret...), 200, "test", got)
	a.head(a.send("HEAD", "/"+b+"/k", "", secret...), 200, got)
	a.fails(a.send("GET", "/"+b+"/k", ""), 400, "InvalidRequest", "The object was stored using a form of Server Side Encryption. The correct parameters must be provided to retrieve the object.")
	a.head(a.send("HEAD", "/"+b+"/k", ""), 400, "Content-Type=application/xml")
	a.head(a.send("HEAD", "/"+b+"/k", "", other...), 403, "Content-Type=application/xml")
	a.is(a.send("DELETE", "/"+b+"/k", ""), 204, "", "")
	// test_put_object_validation_sse_c
	const bad = "x-amz-server-side-encryption"
	a.fails(a.send("PUT", "/"+b+"/k", "test", alg, "AES256", sum, secret[5]), 400, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must provide an appropriate secret key.", "ArgumentName", bad)
	a.fails(a.send("PUT", "/"+b+"/k", "test", alg, "AES256", key, secret[3]), 400, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must provide the client calculated MD5 of the secret key.", "ArgumentName", bad)
	a.fails(a.send("PUT", "/"+b+"/k", "test", key, secret[3], sum, secret[5]), 400, "InvalidArgument", "Requests specifying Server Side Encryption with Customer provided keys must provide a valid encryption algorithm.", "ArgumentName", bad)
	a.fails(a.send("PUT", "/"+b+"/k", "test", with("short")...), 400, "InvalidArgument", "The secret key was invalid for the specified algorithm.", "ArgumentName", bad)
	a.fails(a.send("PUT", "/"+b+"/k", "test", append(secret, "X-Amz-Server-Side-Encryption", "AES256")...), 400, "InvalidArgument", "Server Side Encryption with Customer provided key is incompatible with the encryption method specified",
		"ArgumentName", bad, "ArgumentValue", "AES256")
	// test_object_retrieval_sse_c, of objects without such a key
	a.must("PUT", "/"+b+"/plain", "test")
	a.fails(a.send("GET", "/"+b+"/plain", "", secret...), 400, "InvalidRequest", "The encryption parameters are not applicable to this object.")
	// test_multipart_upload_sse_c
	id := a.is(a.send("POST", "/"+b+"/k?uploads", "", secret...), 200, "InitiateMultipartUploadResult{Bucket,Key,UploadId}", said).text("UploadId")
	to := "/" + b + "/k?partNumber=1&uploadId=" + id
	a.fails(a.send("PUT", to, "part"), 400, "InvalidRequest", "The multipart upload initiate requested encryption. Subsequent part requests must include the appropriate encryption parameters.")
	a.fails(a.send("PUT", to, "part", other...), 400, "InvalidRequest", "The provided encryption parameters did not match the ones used originally.")
	etag := a.is(a.send("PUT", to, "part", secret...), 200, "", "Etag;"+said).header.Get("Etag")
	a.is(a.send("POST", "/"+b+"/k?uploadId="+id, completed(part(1, etag)), secret...), 200, "CompleteMultipartUploadResult{Bucket,ETag,Key,Location}", "")
}
