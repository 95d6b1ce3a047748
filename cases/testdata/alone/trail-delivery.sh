# A trail delivers files and signed digests into a bucket, and the CLI finds them whole.
aws s3api create-bucket --bucket trail-files >/dev/null
aws s3api put-bucket-policy --bucket trail-files --policy '{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::trail-files"},
  {"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::trail-files/AWSLogs/'"$ACCOUNT"'/*",
   "Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceArn":"arn:aws:cloudtrail:us-east-1:'"$ACCOUNT"':trail/main"}}}]}'
refused S3BucketDoesNotExistException aws cloudtrail create-trail --name other --s3-bucket-name no-such-bucket-here
TRAIL=$(aws cloudtrail create-trail --name main --s3-bucket-name trail-files --enable-log-file-validation --query TrailARN --output text)
BEGIN=$(date -u -d '-5 minutes' +%Y-%m-%dT%H:%M:%SZ)
aws cloudtrail start-logging --name main
aws kms create-key --description "seen by the trail" >/dev/null

advance 7m
until KEY=$(aws s3api list-objects-v2 --bucket trail-files --prefix AWSLogs/$ACCOUNT/CloudTrail/us-east-1/ --query 'Contents[0].Key' --output text) && [ "$KEY" != None ]; do sleep 0.2; done
aws s3 cp "s3://trail-files/$KEY" file.json.gz >/dev/null
gunzip -c file.json.gz | python3 -c 'import json, sys; names = [r["eventName"] for r in json.load(sys.stdin)["Records"]]; assert "CreateKey" in names and "StartLogging" in names, names'

advance 65m
until aws s3api list-objects-v2 --bucket trail-files --prefix AWSLogs/$ACCOUNT/CloudTrail-Digest/us-east-1/ --query 'Contents[0].Key' --output text | grep -q json.gz; do sleep 0.2; done
aws cloudtrail validate-logs --trail-arn "$TRAIL" --start-time "$BEGIN" --end-time "$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)" > report
cat report
grep -q "1/1 digest files valid" report
grep -q "log files valid" report

# Whoever changes a file is found out.
gunzip -c file.json.gz | sed 's/CreateKey/DeleteKey/' | gzip > changed.json.gz
aws s3 cp changed.json.gz "s3://trail-files/$KEY" >/dev/null
aws cloudtrail validate-logs --trail-arn "$TRAIL" --start-time "$BEGIN" --end-time "$(date -u -d '+2 hours' +%Y-%m-%dT%H:%M:%SZ)" > report || true
grep -q "INVALID" report
