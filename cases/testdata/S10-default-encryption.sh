# S10: default encryption with a key's alias and a Bucket Key. The alias is not looked
# at before it is used.
aws s3api create-bucket --bucket my-encrypted-bucket >/dev/null
cat >S10.py <<'PY'
import os, boto3
s3 = boto3.client('s3', endpoint_url=os.environ['ENDPOINT'])
s3.put_bucket_encryption(
    Bucket='my-encrypted-bucket',
    ServerSideEncryptionConfiguration={
        'Rules': [{
            'ApplyServerSideEncryptionByDefault': {
                'SSEAlgorithm': 'aws:kms',
                'KMSMasterKeyID': 'alias/my-s3-key'
            },
            'BucketKeyEnabled': True
        }]
    }
)
PY
python3 S10.py
echo data >x
refused KMS.NotFoundException aws s3api put-object --bucket my-encrypted-bucket --key x --body x
KEY_ID=$(aws kms create-key --query 'KeyMetadata.KeyId' --output text)
aws kms create-alias --alias-name alias/my-s3-key --target-key-id $KEY_ID
aws s3api put-object --bucket my-encrypted-bucket --key x --body x >put.json
python3 - <<PY
import json
p = json.load(open("put.json"))
assert p["ServerSideEncryption"] == "aws:kms" and p["BucketKeyEnabled"] is True, p
assert p["SSEKMSKeyId"] == "arn:aws:kms:us-east-1:$ACCOUNT:key/$KEY_ID", p
PY
same alias/my-s3-key "$(aws s3api get-bucket-encryption --bucket my-encrypted-bucket --query 'ServerSideEncryptionConfiguration.Rules[0].ApplyServerSideEncryptionByDefault.KMSMasterKeyID' --output text)"
# A disabled key opens nothing, also where a Bucket Key is remembered.
aws s3api get-object --bucket my-encrypted-bucket --key x y >/dev/null
same x y
aws kms disable-key --key-id $KEY_ID
refused KMS.DisabledException aws s3api get-object --bucket my-encrypted-bucket --key x y
refused KMS.DisabledException aws s3api put-object --bucket my-encrypted-bucket --key y --body x
aws kms enable-key --key-id $KEY_ID
aws s3api get-object --bucket my-encrypted-bucket --key x y >/dev/null
# Whoever may read the object but not use the key reads nothing.
aws iam create-user --user-name reader >/dev/null
aws iam put-user-policy --user-name reader --policy-name p --policy-document '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}'
read -r id secret <<<"$(aws iam create-access-key --user-name reader --query 'AccessKey.[AccessKeyId,SecretAccessKey]' --output text)"
AWS_ACCESS_KEY_ID=$id AWS_SECRET_ACCESS_KEY=$secret refused AccessDenied aws s3api get-object --bucket my-encrypted-bucket --key x y
