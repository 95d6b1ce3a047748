# S05 with boto3, after S04.
KEY_ID=$(aws kms create-key --query KeyMetadata.KeyId --output text)
aws kms create-alias --alias-name alias/my-app-key --target-key-id "$KEY_ID"
OTHER=$(aws kms create-key --query KeyMetadata.KeyId --output text)

python3 - "$ENDPOINT" "$KEY_ID" "$OTHER" <<'PY'
import base64, sys
import boto3
from botocore.exceptions import ClientError

endpoint, key_id, other = sys.argv[1:]
kms = boto3.client('kms', endpoint_url=endpoint)

# As printed.
plaintext = "Sensitive data"
response = kms.encrypt(
    KeyId='alias/my-app-key',
    Plaintext=plaintext.encode()
)
ciphertext = base64.b64encode(response['CiphertextBlob'])
decrypt_response = kms.decrypt(
    CiphertextBlob=base64.b64decode(ciphertext)
)
decrypted = decrypt_response['Plaintext'].decode()

assert decrypted == plaintext
arn = f":key/{key_id}"
assert response['KeyId'].endswith(arn) and response['KeyId'].startswith('arn:aws:kms:'), response['KeyId']
assert decrypt_response['KeyId'] == response['KeyId']
blob = response['CiphertextBlob']
assert plaintext.encode() not in blob and base64.b64encode(plaintext.encode()) not in blob
assert kms.encrypt(KeyId='alias/my-app-key', Plaintext=plaintext.encode())['CiphertextBlob'] != blob

def refused(code, f, **args):
    try:
        f(**args)
    except ClientError as e:
        assert e.response['Error']['Code'] == code, e.response
        assert e.response['ResponseMetadata']['HTTPStatusCode'] == 400, e.response
        return e.response
    raise AssertionError(f"not refused with {code}")

refused('InvalidCiphertextException', kms.decrypt, CiphertextBlob=blob, EncryptionContext={'a': 'b'})
refused('InvalidCiphertextException', kms.decrypt, CiphertextBlob=blob[:-1] + bytes([blob[-1] ^ 1]))
refused('IncorrectKeyException', kms.decrypt, CiphertextBlob=blob, KeyId=other)

bound = kms.encrypt(KeyId=key_id, Plaintext=b'x', EncryptionContext={'app': 'billing', 'tier': '1'})['CiphertextBlob']
assert kms.decrypt(CiphertextBlob=bound, EncryptionContext={'tier': '1', 'app': 'billing'})['Plaintext'] == b'x'
refused('InvalidCiphertextException', kms.decrypt, CiphertextBlob=bound)
refused('InvalidCiphertextException', kms.decrypt, CiphertextBlob=bound, EncryptionContext={'tier': '1', 'App': 'billing'})
PY
