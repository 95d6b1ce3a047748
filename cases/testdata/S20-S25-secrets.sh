# S20 to S23, as printed. The endpoint is the only addition.
aws secretsmanager create-secret \
	--name prod/myapp/database \
	--description "Production database credentials" \
	--secret-string '{
"username": "admin",
"password": "MySecurePassword123!",
"host": "db.example.com",
"port": "3306"
}' >created.json
aws secretsmanager get-secret-value \
	--secret-id prod/myapp/database >first.json
aws secretsmanager update-secret \
	--secret-id prod/myapp/database \
	--secret-string '{
"username": "admin",
"password": "NewPassword456!",
"host": "db.example.com",
"port": "3306"
}' >updated.json
refused AccessDeniedException aws secretsmanager rotate-secret \
	--secret-id prod/myapp/database \
	--rotation-lambda-arn arn:aws:lambda:region:account:function:SecretsManagerRotation \
	--rotation-rules AutomaticallyAfterDays=30
aws secretsmanager describe-secret --secret-id prod/myapp/database >described.json
aws secretsmanager get-secret-value --secret-id prod/myapp/database --version-stage AWSPREVIOUS --query SecretString --output text >previous.txt
aws secretsmanager get-secret-value --secret-id prod/myapp/database --query SecretString --output text >current.txt
python3 - <<'PY'
import json, re
created, first, updated, described = (json.load(open(f)) for f in ("created.json", "first.json", "updated.json", "described.json"))
assert re.fullmatch(r"arn:aws:secretsmanager:us-east-1:\d{12}:secret:prod/myapp/database-[A-Za-z0-9]{6}", created["ARN"]), created
assert first["VersionStages"] == ["AWSCURRENT"] and first["VersionId"] == created["VersionId"], first
assert json.loads(first["SecretString"])["password"] == "MySecurePassword123!"
assert described["VersionIdsToStages"] == {created["VersionId"]: ["AWSPREVIOUS"], updated["VersionId"]: ["AWSCURRENT"]}, described
assert described["LastAccessedDate"], described
# What was refused enabled nothing.
assert "RotationEnabled" not in described and "RotationLambdaARN" not in described, described
assert json.load(open("previous.txt"))["password"] == "MySecurePassword123!"
assert json.load(open("current.txt"))["password"] == "NewPassword456!"
PY

# The audit log names the secret and holds no value; the key that encrypted it was
# used for this secret and this version.
for i in $(seq 50); do
	aws cloudtrail lookup-events --max-results 50 --query 'Events[].CloudTrailEvent' --output json >events.json
	grep -q GenerateDataKey events.json && grep -q GetSecretValue events.json && break
	sleep 0.1
done
if grep -q 'Password123\|Password456' events.json; then
	echo "a value is in the audit log"
	false
fi
python3 - <<'PY'
import json
created = json.load(open("created.json"))
events = [json.loads(e) for e in json.load(open("events.json"))]
contexts = [e["requestParameters"]["encryptionContext"] for e in events if e["eventName"] == "GenerateDataKey"]
assert {"SecretARN": created["ARN"], "SecretVersionId": created["VersionId"]} in contexts, contexts
PY

# S22, the rest: the window of deletion, and back.
aws secretsmanager delete-secret --secret-id prod/myapp/database --recovery-window-in-days 7 >/dev/null
refused InvalidRequestException aws secretsmanager get-secret-value --secret-id prod/myapp/database
refused InvalidParameterException aws secretsmanager delete-secret --secret-id prod/myapp/database --recovery-window-in-days 6
aws secretsmanager restore-secret --secret-id prod/myapp/database >/dev/null

# S25, as printed up to the line where pymysql was never imported.
python3 - "$ENDPOINT" <<'PY'
import sys
import boto3
import json
from botocore.exceptions import ClientError

plain = boto3.client
boto3.client = lambda name, **args: plain(name, endpoint_url=sys.argv[1], **args)

def get_secret(secret_name):
    """Secrets Manager에서 비밀 조회"""
    client = boto3.client('secretsmanager', region_name='us-east-1')
    try:
        response = client.get_secret_value(SecretId=secret_name)
    except ClientError as e:
        if e.response['Error']['Code'] == 'ResourceNotFoundException':
            print(f"Secret {secret_name} not found")
        raise e
    else:
        if 'SecretString' in response:
            return json.loads(response['SecretString'])
        else:
            import base64
            return base64.b64decode(response['SecretBinary'])

db_credentials = get_secret('prod/myapp/database')
assert db_credentials['password'] == 'NewPassword456!'
try:
    connection = pymysql.connect(host=db_credentials['host'])
except NameError:
    pass
else:
    raise AssertionError("pymysql was imported nowhere")
try:
    get_secret('prod/myapp/none')
except ClientError:
    pass
else:
    raise AssertionError("a secret from nowhere")

# Repaired: binary values come decoded already.
client = boto3.client('secretsmanager', region_name='us-east-1')
client.create_secret(Name='binary', SecretBinary=b'\x00\x01\xff')
assert client.get_secret_value(SecretId='binary')['SecretBinary'] == b'\x00\x01\xff'

# S53: more than 64 KiB is refused.
client.create_secret(Name='large', SecretString='x' * 65536)
try:
    client.put_secret_value(SecretId='large', SecretString='x' * 65537)
except ClientError as e:
    assert e.response['Error']['Code'] == 'ValidationException', e.response
else:
    raise AssertionError("65,537 bytes were taken")

# S59, as far as it needs no function: what was never set up is not there.
response = client.describe_secret(SecretId='prod/myapp/database')
assert 'RotationEnabled' not in response
try:
    client.describe_secret(SecretId='my-secret')
except ClientError as e:
    assert e.response['Error']['Code'] == 'ResourceNotFoundException', e.response
PY
