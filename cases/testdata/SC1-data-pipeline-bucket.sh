# Scenario 1, the key and the bucket, as printed; then its trap table.
cat >SC1.py <<'PY'
import boto3
import json
import os
from functools import partial
client = partial(boto3.client, endpoint_url=os.environ['ENDPOINT'])
class SecureDataPipeline:
    def __init__(self):
        self.kms = client('kms')
        self.s3 = client('s3')
    def setup_encryption_key(self):
        response = self.kms.create_key(
            Description='Data pipeline encryption key',
            KeyUsage='ENCRYPT_DECRYPT',
            Origin='AWS_KMS'
        )
        key_id = response['KeyMetadata']['KeyId']
        self.kms.create_alias(
            AliasName='alias/data-pipeline-key',
            TargetKeyId=key_id
        )
        self.kms.enable_key_rotation(KeyId=key_id)
        return key_id
    def create_encrypted_bucket(self, bucket_name, key_id):
        self.s3.create_bucket(Bucket=bucket_name)
        self.s3.put_bucket_encryption(
            Bucket=bucket_name,
            ServerSideEncryptionConfiguration={
                'Rules': [{
                    'ApplyServerSideEncryptionByDefault': {
                        'SSEAlgorithm': 'aws:kms',
                        'KMSMasterKeyID': key_id
                    },
                    'BucketKeyEnabled': True
                }]
            }
        )
        bucket_policy = {
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "DenyUnencryptedObjectUploads",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket_name}/*",
                "Condition": {
                    "StringNotEquals": {
                        "s3:x-amz-server-side-encryption": "aws:kms"
                    }
                }
            }]
        }
        self.s3.put_bucket_policy(
            Bucket=bucket_name,
            Policy=json.dumps(bucket_policy)
        )
pipeline = SecureDataPipeline()
key_id = pipeline.setup_encryption_key()
pipeline.create_encrypted_bucket('my-secure-data-lake', key_id)

from botocore.exceptions import ClientError
s3, bucket = pipeline.s3, 'my-secure-data-lake'
arn = 'arn:aws:kms:us-east-1:' + os.environ['ACCOUNT'] + ':key/' + key_id
def denied(**how):
    try:
        s3.put_object(Bucket=bucket, Key='k', Body=b'x', **how)
    except ClientError as e:
        assert e.response['Error']['Code'] == 'AccessDenied' and e.response['ResponseMetadata']['HTTPStatusCode'] == 403, e
        return
    raise SystemExit(f'{how}: taken')
rule = s3.get_bucket_encryption(Bucket=bucket)['ServerSideEncryptionConfiguration']['Rules'][0]
assert rule['BucketKeyEnabled'] and rule['ApplyServerSideEncryptionByDefault'] == {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key_id}, rule
assert json.loads(s3.get_bucket_policy(Bucket=bucket)['Policy'])['Statement'][0]['Sid'] == 'DenyUnencryptedObjectUploads'
denied()
denied(ServerSideEncryption='AES256')
out = s3.put_object(Bucket=bucket, Key='k', Body=b'x', ServerSideEncryption='aws:kms', SSEKMSKeyId=key_id)
assert out['SSEKMSKeyId'] == arn and out['BucketKeyEnabled'] is True, out
out = s3.put_object(Bucket=bucket, Key='k', Body=b'x', ServerSideEncryption='aws:kms')
assert out['ServerSideEncryption'] == 'aws:kms' and out['SSEKMSKeyId'] != arn, out  # aws/s3, not the bucket's key
status = pipeline.kms.get_key_rotation_status(KeyId=key_id)
assert status['KeyRotationEnabled'] is True, status
PY
python3 SC1.py
# In us-east-1 the bucket may be made again; the alias may not.
refused AlreadyExistsException python3 SC1.py
