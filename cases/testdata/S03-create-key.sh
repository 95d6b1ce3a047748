# S03, as printed: it runs.
aws kms create-key \
	--description "My application encryption key" \
	--key-usage ENCRYPT_DECRYPT \
	--origin AWS_KMS >key.json

python3 - "$ACCOUNT" <<'PY'
import json, sys
k = json.load(open("key.json"))["KeyMetadata"]
assert k["KeyState"] == "Enabled" and k["Enabled"] is True, k
assert k["KeySpec"] == k["CustomerMasterKeySpec"] == "SYMMETRIC_DEFAULT", k
assert k["EncryptionAlgorithms"] == ["SYMMETRIC_DEFAULT"], k
assert k["MultiRegion"] is False and k["KeyManager"] == "CUSTOMER", k
assert k["AWSAccountId"] == sys.argv[1], k
assert k["Arn"] == f"arn:aws:kms:us-east-1:{sys.argv[1]}:key/{k['KeyId']}", k
assert k["Description"] == "My application encryption key", k
for absent in ("DeletionDate", "ValidTo", "SigningAlgorithms", "MacAlgorithms", "MultiRegionConfiguration"):
    assert absent not in k, k
PY

KEY_ID=$(aws kms list-keys --query 'Keys[0].KeyId' --output text)
aws kms get-key-policy --key-id "$KEY_ID" --policy-name default --query Policy --output text >policy.json
python3 - "$ACCOUNT" <<'PY'
import json, sys
p = json.load(open("policy.json"))
s, = p["Statement"]
assert s["Principal"] == {"AWS": f"arn:aws:iam::{sys.argv[1]}:root"}, s
assert s["Action"] == "kms:*" and s["Resource"] == "*" and s["Effect"] == "Allow", s
PY

# The call is in the audit log.
for _ in 1 2 3 4 5 6 7 8 9 10; do
	aws cloudtrail lookup-events --lookup-attributes AttributeKey=EventName,AttributeValue=CreateKey \
		--query 'Events[0].CloudTrailEvent' --output text >event.json
	grep -q CreateKey event.json && break
	sleep 0.2
done
python3 - "$KEY_ID" <<'PY'
import json, sys
e = json.load(open("event.json"))
assert e["eventSource"] == "kms.amazonaws.com" and e["readOnly"] is False, e
assert e["responseElements"]["keyMetadata"]["keyId"] == sys.argv[1], e
PY
