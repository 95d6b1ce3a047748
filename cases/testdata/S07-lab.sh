# S07, as printed: it runs.
KEY_ID=$(aws kms create-key --query 'KeyMetadata.KeyId' --output text)
echo "Secret message" > plaintext.txt
aws kms encrypt \
	--key-id $KEY_ID \
	--plaintext fileb://plaintext.txt \
	--output text \
	--query CiphertextBlob | base64 -d > encrypted.bin
aws kms decrypt \
	--ciphertext-blob fileb://encrypted.bin \
	--output text \
	--query Plaintext | base64 -d > decrypted.txt
same plaintext.txt decrypted.txt
aws kms enable-key-rotation --key-id $KEY_ID
aws kms get-key-rotation-status --key-id $KEY_ID >status.json
python3 - <<'PY'
import json, datetime
s = json.load(open("status.json"))
assert s["KeyRotationEnabled"] is True, s
if "RotationPeriodInDays" in s:  # clients before 2024 do not know it
    assert s["RotationPeriodInDays"] == 365 and s["NextRotationDate"], s
PY
aws kms disable-key --key-id $KEY_ID

# A disabled key does nothing.
refused DisabledException aws kms decrypt --ciphertext-blob fileb://encrypted.bin
refused DisabledException aws kms enable-key-rotation --key-id $KEY_ID
aws kms enable-key --key-id $KEY_ID
aws kms decrypt --ciphertext-blob fileb://encrypted.bin --output text --query Plaintext | base64 -d >again.txt
same plaintext.txt again.txt
