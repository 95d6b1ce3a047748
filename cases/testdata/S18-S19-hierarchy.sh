# S18: the hierarchy keeps environments apart.
python3 - "$ENDPOINT" <<'PY'
import sys
import boto3
ssm = boto3.client("ssm", endpoint_url=sys.argv[1])
for env in ("dev", "staging", "prod"):
    for name in ("database/host", "database/port", "database/password", "api/key", "api/endpoint"):
        ssm.put_parameter(Name=f"/myapp/{env}/{name}", Value=env, Type="String")
PY
user dev
aws iam put-user-policy --user-name dev --policy-name p --policy-document \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ssm:Get*\",\"Resource\":[\"arn:aws:ssm:us-east-1:$ACCOUNT:parameter/myapp/dev\",\"arn:aws:ssm:us-east-1:$ACCOUNT:parameter/myapp/dev/*\"]}]}"
same 5 "$(as dev aws ssm get-parameters-by-path --path /myapp/dev --recursive --query 'length(Parameters)' --output text)"
refused AccessDeniedException as dev aws ssm get-parameters-by-path --path /myapp/prod --recursive
refused AccessDeniedException as dev aws ssm get-parameter --name /myapp/prod/database/password
refused AccessDeniedException as dev aws ssm get-parameters-by-path --path /myapp --recursive

# Who may read a path reads all below it, denied or not.
aws iam put-user-policy --user-name dev --policy-name p --policy-document \
	"{\"Version\":\"2012-10-17\",\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"ssm:*\",\"Resource\":\"*\"},{\"Effect\":\"Deny\",\"Action\":\"ssm:*\",\"Resource\":\"arn:aws:ssm:us-east-1:$ACCOUNT:parameter/myapp/prod*\"}]}"
refused AccessDeniedException as dev aws ssm get-parameter --name /myapp/prod/api/key
same 15 "$(as dev aws ssm get-parameters-by-path --path /myapp --recursive --query 'Parameters[].Name' --output text | wc -w)"

deep=$(printf '/l%.0s' {1..15})
aws ssm put-parameter --name "$deep" --value x --type String >/dev/null
refused HierarchyLevelLimitExceededException aws ssm put-parameter --name "$deep/x" --value x --type String

# S19: the printed sizes are swapped. The standard tier takes 4 KB, the advanced one 8 KB.
python3 -c 'print("x" * 4097, end="")' >4097
refused ValidationException aws ssm put-parameter --name t --type String --value file://4097
same Advanced "$(aws ssm put-parameter --name i --type String --value file://4097 --tier Intelligent-Tiering --query Tier --output text)"
python3 - "$ENDPOINT" <<'PY'
import sys
import boto3
from botocore.exceptions import ClientError
ssm = boto3.client("ssm", endpoint_url=sys.argv[1])

def put(name, size, tier, **more):
    try:
        return ssm.put_parameter(Name=name, Value="x" * size, Type="String", Tier=tier, **more)["Tier"]
    except ClientError as e:
        return e.response["Error"]["Code"]

for name, size, tier, want in (
    ("s", 4096, "Standard", "Standard"), ("t", 4097, "Standard", "ValidationException"), ("a", 8192, "Advanced", "Advanced"),
    ("b", 8193, "Advanced", "ValidationException"), ("j", 4096, "Intelligent-Tiering", "Standard"),
):
    assert put(name, size, tier) == want, (name, size, tier)
assert put("a", 1, "Standard", Overwrite=True) == "ValidationException"  # no way back
PY
