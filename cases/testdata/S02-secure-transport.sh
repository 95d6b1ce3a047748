# S02: the policy as printed, over both listeners. It covers objects only: listing
# over http stays allowed.
aws s3api create-bucket --bucket my-bucket >/dev/null
cat >policy.json <<'JSON'
{
"Version": "2012-10-17",
"Statement": [
{
"Sid": "DenyUnencryptedConnections",
"Effect": "Deny",
"Principal": "*",
"Action": "s3:*",
"Resource": "arn:aws:s3:::my-bucket/*",
"Condition": {
"Bool": {
"aws:SecureTransport": "false"
}
}
}
]
}
JSON
aws s3api put-bucket-policy --bucket my-bucket --policy file://policy.json
echo secret >x
refused AccessDenied aws s3api put-object --bucket my-bucket --key x --body x
tls() { command aws --endpoint-url "$ENDPOINT_TLS" --ca-bundle "$CA" "$@"; }
tls s3api put-object --bucket my-bucket --key x --body x >/dev/null
tls s3 cp s3://my-bucket/x y >/dev/null
same x y
refused AccessDenied aws s3api get-object --bucket my-bucket --key x z
aws s3api list-objects-v2 --bucket my-bucket --query 'Contents[].Key' --output text >/dev/null
# Repaired: the bucket too.
sed -i 's|"arn:aws:s3:::my-bucket/\*"|["arn:aws:s3:::my-bucket", "arn:aws:s3:::my-bucket/*"]|' policy.json
tls s3api put-bucket-policy --bucket my-bucket --policy file://policy.json
refused AccessDenied aws s3api list-objects-v2 --bucket my-bucket
# A header does not make it secure.
python3 - <<'PY'
import os, urllib.request, urllib.error
r = urllib.request.Request(os.environ['ENDPOINT'] + '/my-bucket/x', headers={'X-Forwarded-Proto': 'https', 'Forwarded': 'proto=https'})
try:
    urllib.request.urlopen(r)
    raise SystemExit('a header made it secure')
except urllib.error.HTTPError as e:
    assert e.code == 403, e.code
PY
