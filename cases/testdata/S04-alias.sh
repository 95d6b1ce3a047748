# S04, as printed: the key of the article does not exist here.
refused NotFoundException aws kms create-alias \
	--alias-name alias/my-app-key \
	--target-key-id 1234abcd-12ab-34cd-56ef-1234567890ab

# Repaired.
KEY_ID=$(aws kms create-key --query KeyMetadata.KeyId --output text)
aws kms create-alias --alias-name alias/my-app-key --target-key-id "$KEY_ID"
same "$KEY_ID" "$(aws kms describe-key --key-id alias/my-app-key --query KeyMetadata.KeyId --output text)"
echo hello >plain
aws kms encrypt --key-id alias/my-app-key --plaintext fileb://plain >/dev/null
aws kms generate-data-key --key-id alias/my-app-key --key-spec AES_256 >/dev/null
refused AlreadyExistsException aws kms create-alias --alias-name alias/my-app-key --target-key-id "$KEY_ID"
refused NotAuthorizedException aws kms create-alias --alias-name alias/aws/x --target-key-id "$KEY_ID" ||
	refused InvalidAliasNameException aws kms create-alias --alias-name alias/aws/x --target-key-id "$KEY_ID"
