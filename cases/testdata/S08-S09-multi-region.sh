# S08, as printed: it runs.
aws kms create-key \
	--multi-region \
	--description "Multi-region key for global app" >key.json
KEY_ID=$(python3 -c 'import json; print(json.load(open("key.json"))["KeyMetadata"]["KeyId"])')
[[ $KEY_ID =~ ^mrk-[0-9a-f]{32}$ ]]
same PRIMARY "$(aws kms describe-key --key-id "$KEY_ID" --query KeyMetadata.MultiRegionConfiguration.MultiRegionKeyType --output text)"

# S09, as printed: not an id of any key.
refused NotFoundException aws kms replicate-key \
	--key-id mrk-1234abcd \
	--replica-region eu-west-1

# Repaired.
aws kms replicate-key --key-id "$KEY_ID" --replica-region eu-west-1 >replica.json
python3 - "$KEY_ID" "$ACCOUNT" <<'PY'
import json, sys
k = json.load(open("replica.json"))["ReplicaKeyMetadata"]
assert k["KeyId"] == sys.argv[1], k
assert k["Arn"] == f"arn:aws:kms:eu-west-1:{sys.argv[2]}:key/{sys.argv[1]}", k
assert k["KeyState"] == "Creating" and k["Enabled"] is False, k
PY
for _ in $(seq 50); do
	state=$(aws --region eu-west-1 kms describe-key --key-id "$KEY_ID" --query KeyMetadata.KeyState --output text)
	[[ $state == Enabled ]] && break
	sleep 0.1
done
same Enabled "$state"
refused AlreadyExistsException aws kms replicate-key --key-id "$KEY_ID" --replica-region eu-west-1

echo "over the ocean" >plain
aws kms encrypt --key-id "$KEY_ID" --plaintext fileb://plain --query CiphertextBlob --output text | base64 -d >there
aws --region eu-west-1 kms decrypt --ciphertext-blob fileb://there --query Plaintext --output text | base64 -d >out
same plain out
aws --region eu-west-1 kms encrypt --key-id "$KEY_ID" --plaintext fileb://plain --query CiphertextBlob --output text | base64 -d >back
aws kms decrypt --ciphertext-blob fileb://back --query Plaintext --output text | base64 -d >out
same plain out

# What the replicas do not share: aliases, tags, policies.
aws kms create-alias --alias-name alias/global --target-key-id "$KEY_ID"
refused NotFoundException aws --region eu-west-1 kms describe-key --key-id alias/global
aws kms disable-key --key-id "$KEY_ID"
aws --region eu-west-1 kms decrypt --ciphertext-blob fileb://back >/dev/null
