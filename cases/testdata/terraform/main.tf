terraform {
  required_providers {
    aws = { source = "hashicorp/aws", version = "5.100.0" }
  }
}

# The second round changes what the first made.
variable "again" {
  type    = bool
  default = false
}

provider "aws" {
  region = "ap-northeast-2"
}

data "aws_caller_identity" "me" {}

data "aws_iam_policy_document" "key" {
  statement {
    sid       = "Owner"
    actions   = ["kms:*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = ["arn:aws:iam::${data.aws_caller_identity.me.account_id}:root"]
    }
  }
  statement {
    sid       = "App"
    actions   = ["kms:Decrypt", "kms:GenerateDataKey*"]
    resources = ["*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.app.arn]
    }
    condition {
      test     = "StringEquals"
      variable = "kms:EncryptionContext:app"
      values   = ["orders"]
    }
  }
}

resource "aws_kms_key" "main" {
  description             = var.again ? "orders, again" : "orders"
  deletion_window_in_days = 7
  enable_key_rotation     = true
  rotation_period_in_days = var.again ? 365 : 180
  policy                  = data.aws_iam_policy_document.key.json
  tags                    = { team = "orders", env = var.again ? "prod" : "test" }
}

resource "aws_kms_key" "plain" {
  description = "defaults"
}

resource "aws_kms_key" "multi" {
  description  = "several Regions"
  multi_region = true
}

resource "aws_kms_alias" "main" {
  name          = "alias/orders"
  target_key_id = var.again ? aws_kms_key.multi.key_id : aws_kms_key.main.key_id
}

resource "aws_kms_grant" "app" {
  name              = "app"
  key_id            = aws_kms_key.plain.key_id
  grantee_principal = aws_iam_role.app.arn
  operations        = ["Encrypt", "Decrypt", "GenerateDataKey"]
  constraints {
    encryption_context_equals = { app = "orders" }
  }
}

resource "aws_kms_key_policy" "plain" {
  key_id = aws_kms_key.plain.key_id
  policy = data.aws_iam_policy_document.key.json
}

resource "aws_kms_ciphertext" "c" {
  key_id    = aws_kms_key.main.key_id
  plaintext = "hello"
  context   = { app = "orders" }
}

data "aws_kms_alias" "main" {
  name = aws_kms_alias.main.name
}

data "aws_kms_key" "main" {
  key_id = aws_kms_alias.main.name
}

data "aws_kms_public_key" "sign" {
  key_id = aws_kms_key.sign.key_id
}

resource "aws_kms_key" "sign" {
  key_usage                = "SIGN_VERIFY"
  customer_master_key_spec = "RSA_2048"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]
    principals {
      type        = "Service"
      identifiers = ["lambda.amazonaws.com", "ec2.amazonaws.com"]
    }
  }
}

resource "aws_iam_role" "app" {
  name                 = "app"
  path                 = "/service/"
  description          = "the app's role"
  max_session_duration = var.again ? 3600 : 7200
  assume_role_policy   = data.aws_iam_policy_document.trust.json
  tags                 = { team = "orders" }
}

data "aws_iam_policy_document" "app" {
  statement {
    actions   = ["kms:Decrypt"]
    resources = [aws_kms_key.main.arn]
  }
}

resource "aws_iam_policy" "app" {
  name        = "app"
  path        = "/service/"
  description = "what the app may"
  policy      = data.aws_iam_policy_document.app.json
  tags        = { team = "orders" }
}

resource "aws_iam_role_policy_attachment" "app" {
  role       = aws_iam_role.app.name
  policy_arn = aws_iam_policy.app.arn
}

resource "aws_iam_role_policy_attachment" "managed" {
  role       = aws_iam_role.app.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AWSLambdaBasicExecutionRole"
}

resource "aws_iam_role_policy" "inline" {
  name   = "inline"
  role   = aws_iam_role.app.id
  policy = data.aws_iam_policy_document.app.json
}

resource "aws_iam_instance_profile" "app" {
  name = "app"
  role = aws_iam_role.app.name
  tags = { team = "orders" }
}

resource "aws_iam_user" "ci" {
  name                 = "ci"
  path                 = "/robots/"
  force_destroy        = true
  permissions_boundary = aws_iam_policy.app.arn
  tags                 = { team = "orders" }
}

resource "aws_iam_access_key" "ci" {
  user = aws_iam_user.ci.name
}

resource "aws_iam_user_policy" "ci" {
  name   = "inline"
  user   = aws_iam_user.ci.name
  policy = data.aws_iam_policy_document.app.json
}

resource "aws_iam_user_policy_attachment" "ci" {
  user       = aws_iam_user.ci.name
  policy_arn = aws_iam_policy.app.arn
}

resource "aws_iam_group" "robots" {
  name = var.again ? "machines" : "robots"
}

resource "aws_iam_group_membership" "robots" {
  name  = "robots"
  group = aws_iam_group.robots.name
  users = [aws_iam_user.ci.name]
}

resource "aws_iam_group_policy" "robots" {
  name   = "inline"
  group  = aws_iam_group.robots.name
  policy = data.aws_iam_policy_document.app.json
}

resource "aws_iam_group_policy_attachment" "robots" {
  group      = aws_iam_group.robots.name
  policy_arn = aws_iam_policy.app.arn
}

resource "aws_iam_user_login_profile" "ci" {
  user            = aws_iam_user.ci.name
  password_length = 20
}

resource "aws_iam_account_alias" "me" {
  account_alias = "redoubt-terraform"
}

resource "aws_iam_account_password_policy" "strict" {
  minimum_password_length        = var.again ? 16 : 14
  require_lowercase_characters   = true
  require_numbers                = true
  require_uppercase_characters   = true
  require_symbols                = true
  allow_users_to_change_password = true
  max_password_age               = 90
  password_reuse_prevention      = 5
}

resource "aws_iam_openid_connect_provider" "git" {
  url             = "https://token.actions.githubusercontent.com"
  client_id_list  = var.again ? ["sts.amazonaws.com", "other"] : ["sts.amazonaws.com"]
  thumbprint_list = ["6938fd4d98bab03faadb97b34396831e3780aea1"]
}

resource "aws_iam_virtual_mfa_device" "ci" {
  virtual_mfa_device_name = "ci"
}

