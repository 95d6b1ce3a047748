# S52: with a Bucket Key 1,000 PUTs cause at most ten calls of KMS, counted from
# CloudTrail; their encryption context is the bucket's ARN. Without one it is a call
# and an object's ARN each.
cat >S52.py <<'PY'
import os, json, time, boto3
from concurrent.futures import ThreadPoolExecutor
client = lambda n: boto3.client(n, endpoint_url=os.environ['ENDPOINT'])
s3, kms, trail = client('s3'), client('kms'), client('cloudtrail')
key = kms.create_key()['KeyMetadata']['KeyId']
def calls(bucket):
    time.sleep(1.5) # events of reads come within a second
    found = []
    for page in trail.get_paginator('lookup_events').paginate(LookupAttributes=[{'AttributeKey': 'EventName', 'AttributeValue': 'GenerateDataKey'}]):
        for e in page['Events']:
            context = json.loads(e['CloudTrailEvent'])['requestParameters'].get('encryptionContext', {})
            if context.get('aws:s3:arn', '').startswith('arn:aws:s3:::' + bucket):
                found.append(context['aws:s3:arn'])
    return found
for bucket, with_key, puts in (('with-bucket-key', True, 1000), ('without-bucket-key', False, 20)):
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={'Rules': [{
        'ApplyServerSideEncryptionByDefault': {'SSEAlgorithm': 'aws:kms', 'KMSMasterKeyID': key}, 'BucketKeyEnabled': with_key}]})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda i: s3.put_object(Bucket=bucket, Key=f'k{i}', Body=b'x'), range(puts)))
    found = calls(bucket)
    if with_key:
        assert 1 <= len(found) <= 10 and set(found) == {'arn:aws:s3:::' + bucket}, found
    else:
        assert len(found) == puts and 'arn:aws:s3:::' + bucket + '/k7' in found, found
PY
python3 S52.py
