# S06: the article's key policy, with this account in the place of 123456789012.
KEY_ID=$(aws kms create-key --query KeyMetadata.KeyId --output text)
cat >policy.json <<JSON
{
"Version": "2012-10-17",
"Statement": [
{
"Sid": "Enable IAM User Permissions",
"Effect": "Allow",
"Principal": {
"AWS": "arn:aws:iam::$ACCOUNT:root"
},
"Action": "kms:*",
"Resource": "*"
},
{
"Sid": "Allow use of the key for S3",
"Effect": "Allow",
"Principal": {
"Service": "s3.amazonaws.com"
},
"Action": [
"kms:Decrypt",
"kms:GenerateDataKey"
],
"Resource": "*"
}
]
}
JSON
aws kms put-key-policy --key-id "$KEY_ID" --policy-name default --policy file://policy.json

echo data >plain
user my-user

# No IAM policy: refused, and told why.
refused AccessDeniedException as my-user aws kms encrypt --key-id "$KEY_ID" --plaintext fileb://plain
(as my-user aws kms encrypt --key-id "$KEY_ID" --plaintext fileb://plain 2>&1 || true) |
	grep "User: arn:aws:iam::$ACCOUNT:user/my-user is not authorized to perform: kms:Encrypt on resource: arn:aws:kms:us-east-1:$ACCOUNT:key/$KEY_ID because no identity-based policy allows the kms:Encrypt action"

# The root statement delegates to IAM, so an IAM policy is enough.
aws iam put-user-policy --user-name my-user --policy-name KMSAccess --policy-document \
	'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"}]}'
as my-user aws kms encrypt --key-id "$KEY_ID" --plaintext fileb://plain --query CiphertextBlob --output text | base64 -d >blob
as my-user aws kms decrypt --ciphertext-blob fileb://blob >/dev/null

# A policy that locks the caller out is refused,
cat >narrow.json <<JSON
{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::$ACCOUNT:user/my-user"},"Action":"kms:DescribeKey","Resource":"*"}]}
JSON
refused MalformedPolicyDocumentException aws kms put-key-policy --key-id "$KEY_ID" --policy-name default --policy file://narrow.json
# unless it is asked for. Without the root statement IAM policies count for nothing.
aws kms put-key-policy --key-id "$KEY_ID" --policy-name default --policy file://narrow.json --bypass-policy-lockout-safety-check
refused AccessDeniedException as my-user aws kms decrypt --ciphertext-blob fileb://blob
refused AccessDeniedException aws kms decrypt --ciphertext-blob fileb://blob
as my-user aws kms describe-key --key-id "$KEY_ID" >/dev/null
