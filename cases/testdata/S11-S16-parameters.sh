# S11 to S16, as printed: they run.
aws ssm put-parameter \
	--name "/myapp/database/host" \
	--value "db.example.com" \
	--type String \
	--description "Database host endpoint" >host.json
aws ssm put-parameter \
	--name "/myapp/database/password" \
	--value "MySecurePassword123!" \
	--type SecureString \
	--key-id alias/aws/ssm \
	--description "Database password" >password.json
python3 - <<'PY'
import json
for name in ("host.json", "password.json"):
    assert json.load(open(name)) == {"Version": 1, "Tier": "Standard"}, name
PY
refused ParameterAlreadyExists aws ssm put-parameter --name "/myapp/database/host" --value other --type String

aws ssm get-parameter \
	--name "/myapp/database/password" \
	--with-decryption >get.json
aws ssm get-parameter --name "/myapp/database/password" >blind.json
python3 - "$ENDPOINT" "$ACCOUNT" <<'PY'
import base64, json, sys
import boto3
endpoint, account = sys.argv[1:]
p = json.load(open("get.json"))["Parameter"]
arn = f"arn:aws:ssm:us-east-1:{account}:parameter/myapp/database/password"
assert (p["Value"], p["Type"], p["Version"], p["ARN"], p["DataType"]) == ("MySecurePassword123!", "SecureString", 1, arn, "text"), p
assert "Selector" not in p and "SourceResult" not in p, p
# Without decryption it is KMS's ciphertext, never the plaintext.
blob = base64.b64decode(json.load(open("blind.json"))["Parameter"]["Value"])
assert b"MySecure" not in blob
# aws/ssm is an AWS managed key: nobody uses it past its service.
from botocore.exceptions import ClientError
try:
    boto3.client("kms", endpoint_url=endpoint).decrypt(CiphertextBlob=blob, EncryptionContext={"PARAMETER_ARN": arn})
    raise AssertionError("decrypted past SSM")
except ClientError as e:
    assert e.response["Error"]["Code"] == "AccessDeniedException", e
PY
same AWS "$(aws kms describe-key --key-id alias/aws/ssm --query KeyMetadata.KeyManager --output text)"

# Who may read the parameter but not use the key reads the ciphertext at most.
user reader
aws iam put-user-policy --user-name reader --policy-name p --policy-document \
	'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*"},{"Effect":"Deny","Action":"kms:Decrypt","Resource":"*"}]}'
as reader aws ssm get-parameter --name "/myapp/database/password" >/dev/null
refused AccessDeniedException as reader aws ssm get-parameter --name "/myapp/database/password" --with-decryption

aws ssm get-parameters-by-path \
	--path "/myapp/database" \
	--recursive \
	--with-decryption >path.json
python3 - <<'PY'
import json
p = json.load(open("path.json"))
assert {x["Name"]: x["Value"] for x in p["Parameters"]} == {"/myapp/database/host": "db.example.com", "/myapp/database/password": "MySecurePassword123!"}, p
assert "NextToken" not in p, p
PY
same 0 "$(aws ssm get-parameters-by-path --path /myapp --query 'length(Parameters)' --output text)"
same 2 "$(aws ssm get-parameters-by-path --path /myapp --recursive --query 'length(Parameters)' --output text)"

same 2 "$(aws ssm put-parameter \
	--name "/myapp/database/password" \
	--value "NewPassword456!" \
	--type SecureString \
	--overwrite --query Version --output text)"
same 'NewPassword456!' "$(aws ssm get-parameter --name /myapp/database/password --with-decryption --query Parameter.Value --output text)"
same 'MySecurePassword123!' "$(aws ssm get-parameter --name /myapp/database/password:1 --with-decryption --query Parameter.Value --output text)"
same 2 "$(aws ssm get-parameter-history --name /myapp/database/password --query 'length(Parameters)' --output text)"
refused ParameterVersionNotFound aws ssm get-parameter --name /myapp/database/password:3

aws ssm delete-parameter --name "/myapp/database/password"
refused ParameterNotFound aws ssm get-parameter --name "/myapp/database/password"
refused ParameterNotFound aws ssm delete-parameter --name "/myapp/database/password"
same 1 "$(aws ssm put-parameter --name "/myapp/database/password" --value again --type SecureString --query Version --output text)"

# The calls are in the audit log, KMS's through SSM, and no value is.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventSource,AttributeValue=kms.amazonaws.com \
		--query 'Events[].CloudTrailEvent' --output text >events
	grep -q '"eventName":"Encrypt"' events && break
	sleep 0.2
done
grep -q '"invokedBy":"ssm.amazonaws.com"' events
grep -q "\"PARAMETER_ARN\":\"arn:aws:ssm:us-east-1:$ACCOUNT:parameter/myapp/database/password\"" events
aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=PutParameter --query 'Events[].CloudTrailEvent' --output text >events
grep -q 'HIDDEN_DUE_TO_SECURITY_REASONS' events
! grep -q 'Password' <(sed 's/Database password//g' events)
