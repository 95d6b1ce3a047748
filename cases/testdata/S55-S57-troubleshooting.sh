# S55, as printed: GetKeyPolicy takes no alias, not even one that exists.
refused NotFoundException aws kms get-key-policy \
	--key-id alias/my-key \
	--policy-name default
KEY_ID=$(aws kms create-key --query KeyMetadata.KeyId --output text)
aws kms create-alias --alias-name alias/my-key --target-key-id "$KEY_ID"
refused NotFoundException aws kms get-key-policy --key-id alias/my-key --policy-name default
(aws kms get-key-policy --key-id alias/my-key --policy-name default 2>&1 || true) | grep "Invalid keyId"
# Repaired.
ID=$(aws kms describe-key --key-id alias/my-key --query KeyMetadata.KeyId --output text)
aws kms get-key-policy --key-id "$ID" --policy-name default --query Policy --output text >policy
grep -q 'kms:\*' policy

# S56, as printed.
refused NoSuchEntity aws iam get-user-policy \
	--user-name my-user \
	--policy-name KMSAccess
aws iam create-user --user-name my-user >/dev/null
refused NoSuchEntity aws iam get-user-policy --user-name my-user --policy-name KMSAccess
aws iam put-user-policy --user-name my-user --policy-name KMSAccess --policy-document \
	'{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*"}]}'
same kms:Decrypt "$(aws iam get-user-policy --user-name my-user --policy-name KMSAccess --query 'PolicyDocument.Statement[0].Action' --output text)"

# S57, as printed: it runs once the alias exists, also for disabled keys and keys
# that will be deleted.
same Enabled "$(aws kms describe-key --key-id alias/my-key --query KeyMetadata.KeyState --output text)"
aws kms disable-key --key-id "$KEY_ID"
same Disabled "$(aws kms describe-key --key-id alias/my-key --query KeyMetadata.KeyState --output text)"
aws kms schedule-key-deletion --key-id "$KEY_ID" --pending-window-in-days 7 >/dev/null
same PendingDeletion "$(aws kms describe-key --key-id alias/my-key --query KeyMetadata.KeyState --output text)"
refused NotFoundException aws kms describe-key --key-id alias/other
(aws kms describe-key --key-id alias/other 2>&1 || true) | grep "Alias arn:aws:kms:us-east-1:$ACCOUNT:alias/other is not found."
