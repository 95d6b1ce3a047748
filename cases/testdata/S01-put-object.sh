# S01 as printed: refused until there is such a bucket. Then SSE-S3, and SSE-KMS under
# the account's own key of S3.
cat >client.py <<'PY'
import os, boto3
s3 = boto3.client('s3', endpoint_url=os.environ['ENDPOINT'])
PY
cat >S01.py <<'PY'
from client import *
s3.put_object(
    Bucket='my-secure-bucket',
    Key='sensitive-data.txt',
    Body='Confidential Information',
    ServerSideEncryption='AES256' # or 'aws:kms'
)
PY
refused NoSuchBucket python3 S01.py
aws s3api create-bucket --bucket my-secure-bucket >/dev/null
python3 S01.py
same AES256 "$(aws s3api head-object --bucket my-secure-bucket --key sensitive-data.txt --query ServerSideEncryption --output text)"
aws s3 cp s3://my-secure-bucket/sensitive-data.txt got.txt >/dev/null
same got.txt "Confidential Information"
sed -i "s/'AES256' # or 'aws:kms'/'aws:kms'/" S01.py
python3 S01.py
python3 - <<'PY'
from client import *
import hashlib
h = s3.head_object(Bucket='my-secure-bucket', Key='sensitive-data.txt')
assert h['ServerSideEncryption'] == 'aws:kms' and h['SSEKMSKeyId'].startswith('arn:aws:kms:us-east-1:' + os.environ['ACCOUNT'] + ':key/'), h
assert h['ETag'].strip('"') != hashlib.md5(b'Confidential Information').hexdigest(), h
assert s3.get_object(Bucket='my-secure-bucket', Key='sensitive-data.txt')['Body'].read() == b'Confidential Information'
PY
# Neither copy lies on disk in the clear; what the search can find is planted.
echo "Confidential Information" >"$DATA/planted"
same 1 "$(grep -rlaF 'Confidential Information' "$DATA" | wc -l)"
rm "$DATA/planted"
