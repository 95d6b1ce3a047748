# Data: buckets and what is in them, secrets, parameters, logs, trails, functions.
# S3 Control (access points, the account's block) is not here: its clients write the
# account before the server's name, which takes a resolver.

resource "aws_s3_bucket" "data" {
  bucket        = "redoubt-terraform-data"
  force_destroy = true
  tags          = { team = "orders", env = var.again ? "prod" : "test" }
}

resource "aws_s3_bucket_versioning" "data" {
  bucket = aws_s3_bucket.data.id
  versioning_configuration {
    status = var.again ? "Suspended" : "Enabled"
  }
}

resource "aws_s3_bucket_server_side_encryption_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    bucket_key_enabled = true
    apply_server_side_encryption_by_default {
      sse_algorithm     = "aws:kms"
      kms_master_key_id = aws_kms_key.plain.arn
    }
  }
}

resource "aws_s3_bucket_public_access_block" "data" {
  bucket                  = aws_s3_bucket.data.id
  block_public_acls       = true
  block_public_policy     = !var.again
  ignore_public_acls      = true
  restrict_public_buckets = true
}

resource "aws_s3_bucket_ownership_controls" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    object_ownership = "BucketOwnerEnforced"
  }
}

data "aws_iam_policy_document" "tls" {
  statement {
    sid       = "TLSOnly"
    effect    = "Deny"
    actions   = ["s3:PutObject"]
    resources = [aws_s3_bucket.data.arn, "${aws_s3_bucket.data.arn}/tls/*"]
    principals {
      type        = "*"
      identifiers = ["*"]
    }
    condition {
      test     = "Bool"
      variable = "aws:SecureTransport"
      values   = ["false"]
    }
  }
  statement {
    sid       = "App"
    actions   = ["s3:GetObject"]
    resources = ["${aws_s3_bucket.data.arn}/*"]
    principals {
      type        = "AWS"
      identifiers = [aws_iam_role.app.arn]
    }
  }
}

resource "aws_s3_bucket_policy" "data" {
  bucket     = aws_s3_bucket.data.id
  policy     = data.aws_iam_policy_document.tls.json
  depends_on = [aws_s3_bucket_public_access_block.data]
}

resource "aws_s3_bucket_lifecycle_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  rule {
    id     = "old"
    status = "Enabled"
    filter {
      prefix = "logs/"
    }
    expiration {
      days = var.again ? 60 : 30
    }
    noncurrent_version_expiration {
      noncurrent_days = 7
    }
  }
  rule {
    id     = "uploads"
    status = "Enabled"
    filter {}
    abort_incomplete_multipart_upload {
      days_after_initiation = 3
    }
  }
}

resource "aws_s3_bucket_cors_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  cors_rule {
    allowed_methods = ["GET"]
    allowed_origins = ["https://example.com"]
    max_age_seconds = 60
  }
}

resource "aws_s3_bucket_website_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  index_document {
    suffix = "index.html"
  }
  error_document {
    key = var.again ? "sorry.html" : "error.html"
  }
  routing_rule {
    condition {
      key_prefix_equals = "docs/"
    }
    redirect {
      replace_key_prefix_with = "documents/"
    }
  }
}

resource "aws_s3_bucket_request_payment_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  payer  = "Requester"
}

resource "aws_s3_bucket_accelerate_configuration" "data" {
  bucket = aws_s3_bucket.data.id
  status = var.again ? "Suspended" : "Enabled"
}

resource "aws_s3_bucket_notification" "data" {
  bucket = aws_s3_bucket.data.id
  lambda_function {
    lambda_function_arn = aws_lambda_function.f.arn
    events              = ["s3:ObjectCreated:*"]
    filter_prefix       = "in/"
  }
  depends_on = [aws_lambda_permission.bucket]
}

resource "aws_s3_object" "plain" {
  bucket       = aws_s3_bucket.data.id
  key          = "folder/plain.txt"
  content      = var.again ? "other" : "text"
  content_type = "text/plain"
  tags         = { a = "b" }
  metadata     = { note = "x" }
  depends_on   = [aws_s3_bucket_versioning.data, aws_s3_bucket_server_side_encryption_configuration.data]
}

resource "aws_s3_object" "kms" {
  bucket                 = aws_s3_bucket.data.id
  key                    = "kms.txt"
  content                = "secret"
  server_side_encryption = "aws:kms"
  kms_key_id             = aws_kms_key.main.arn
  depends_on             = [aws_s3_bucket_versioning.data]
}

data "aws_s3_object" "plain" {
  bucket = aws_s3_object.plain.bucket
  key    = aws_s3_object.plain.key
}

resource "aws_s3_bucket" "locked" {
  bucket              = "redoubt-terraform-locked"
  object_lock_enabled = true
}

resource "aws_s3_bucket_object_lock_configuration" "locked" {
  bucket = aws_s3_bucket.locked.id
  rule {
    default_retention {
      mode = "GOVERNANCE"
      days = var.again ? 2 : 1
    }
  }
}

resource "aws_secretsmanager_secret" "db" {
  name                    = "orders/db"
  description             = var.again ? "again" : "first"
  kms_key_id              = aws_kms_key.main.arn
  recovery_window_in_days = 0
  tags                    = { team = "orders" }
}

resource "aws_secretsmanager_secret_version" "db" {
  secret_id     = aws_secretsmanager_secret.db.id
  secret_string = jsonencode({ user = "app", password = var.again ? "two" : "one" })
}

resource "aws_secretsmanager_secret_policy" "db" {
  secret_arn = aws_secretsmanager_secret.db.arn
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Sid = "App", Effect = "Allow", Principal = { AWS = aws_iam_role.app.arn }, Action = "secretsmanager:GetSecretValue", Resource = "*" }]
  })
}

data "aws_secretsmanager_secret_version" "db" {
  secret_id  = aws_secretsmanager_secret.db.id
  depends_on = [aws_secretsmanager_secret_version.db]
}

resource "aws_ssm_parameter" "plain" {
  name  = "/orders/url"
  type  = "String"
  value = var.again ? "https://b" : "https://a"
  tags  = { team = "orders" }
}

resource "aws_ssm_parameter" "secure" {
  name   = "/orders/password"
  type   = "SecureString"
  value  = "hush"
  key_id = aws_kms_key.main.key_id
  tier   = "Advanced"
}

resource "aws_ssm_parameter" "list" {
  name            = "/orders/list"
  type            = "StringList"
  value           = "a,b"
  allowed_pattern = "^[a-z,]+$"
  description     = "letters"
}

data "aws_ssm_parameters_by_path" "orders" {
  path       = "/orders"
  recursive  = true
  depends_on = [aws_ssm_parameter.plain, aws_ssm_parameter.secure, aws_ssm_parameter.list]
}

resource "aws_cloudwatch_log_group" "app" {
  name              = "/orders/app"
  retention_in_days = var.again ? 30 : 7
  tags              = { team = "orders" }
}

resource "aws_cloudwatch_log_stream" "app" {
  name           = "main"
  log_group_name = aws_cloudwatch_log_group.app.name
}

resource "aws_s3_bucket" "trail" {
  bucket        = "redoubt-terraform-trail"
  force_destroy = true
}

data "aws_iam_policy_document" "trail" {
  statement {
    actions   = ["s3:GetBucketAcl"]
    resources = [aws_s3_bucket.trail.arn]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
  }
  statement {
    actions   = ["s3:PutObject"]
    resources = ["${aws_s3_bucket.trail.arn}/audit/AWSLogs/${data.aws_caller_identity.me.account_id}/*"]
    principals {
      type        = "Service"
      identifiers = ["cloudtrail.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "s3:x-amz-acl"
      values   = ["bucket-owner-full-control"]
    }
  }
}

resource "aws_s3_bucket_policy" "trail" {
  bucket = aws_s3_bucket.trail.id
  policy = data.aws_iam_policy_document.trail.json
}

resource "aws_cloudtrail" "audit" {
  name                       = "audit"
  s3_bucket_name             = aws_s3_bucket.trail.id
  s3_key_prefix              = "audit"
  is_multi_region_trail      = true
  enable_log_file_validation = true
  enable_logging             = !var.again
  tags                       = { team = "orders" }
  event_selector {
    read_write_type           = "All"
    include_management_events = true
    data_resource {
      type   = "AWS::S3::Object"
      values = ["${aws_s3_bucket.data.arn}/"]
    }
  }
  depends_on = [aws_s3_bucket_policy.trail]
}

resource "aws_iam_role" "function" {
  name               = "function"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_lambda_function" "f" {
  function_name = "orders"
  role          = aws_iam_role.function.arn
  filename      = "${path.module}/function.zip"
  handler       = "index.handler"
  runtime       = "python3.12"
  timeout       = var.again ? 10 : 5
  publish       = true
  kms_key_arn   = aws_kms_key.main.arn
  environment {
    variables = { STAGE = var.again ? "prod" : "test" }
  }
  tags = { team = "orders" }
}

resource "aws_lambda_alias" "live" {
  name             = "live"
  function_name    = aws_lambda_function.f.function_name
  function_version = aws_lambda_function.f.version
}

resource "aws_lambda_permission" "bucket" {
  statement_id  = "bucket"
  action        = "lambda:InvokeFunction"
  function_name = aws_lambda_function.f.function_name
  principal     = "s3.amazonaws.com"
  source_arn    = aws_s3_bucket.data.arn
}

resource "aws_lambda_function_url" "f" {
  function_name      = aws_lambda_function.f.function_name
  authorization_type = "AWS_IAM"
}
