package kms

import (
	"context"
	"fmt"
	"slices"
	"strings"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/engine/material"
	"github.com/redoubt-sec/redoubt/store"
)

// AWS managed keys: one per service, account and region, named by the reserved
// alias alias/aws/<service>, made when first needed, usable only through the
// service, rotated every year, and out of the account's hands otherwise. All of
// that follows from their key policy, so nothing else in this package knows
// them.

// managedService is a service that has a key of its own.
type managedService struct {
	name  string // as in the alias
	title string // as AWS words it in descriptions and policies
	what  string // "my S3 objects"
}

// endpoint is the service's name in kms:ViaService.
func (m managedService) endpoint() string {
	if m.name == "ebs" {
		return "ec2"
	}
	return m.name
}

// managedServices are the services with predefined aliases, in order of name.
var managedServices = []managedService{
	{"acm", "ACM", "my ACM private keys"},
	{"backup", "Backup", "my Backup data"},
	{"codecommit", "CodeCommit", "my CodeCommit repositories"},
	{"dynamodb", "DynamoDB", "my DynamoDB data"},
	{"ebs", "EBS", "my EBS volumes"},
	{"elasticfilesystem", "EFS", "my EFS filesystems"},
	{"es", "Elasticsearch", "my Elasticsearch data"},
	{"fsx", "FSx", "my FSx data"},
	{"glue", "Glue", "my Glue data"},
	{"kinesis", "Kinesis", "my Kinesis data"},
	{"kinesisvideo", "Kinesis Video", "my Kinesis Video data"},
	{"lambda", "Lambda", "my Lambda functions"},
	{"rds", "RDS", "my RDS database volumes"},
	{"redshift", "Redshift", "my Redshift clusters"},
	{"s3", "S3", "my S3 objects"},
	{"secretsmanager", "AWS Secrets Manager", "my Secrets Manager data"},
	{"sns", "SNS", "my SNS data"},
	{"sqs", "SQS", "my SQS messages"},
	{"ssm", "SSM", "my SSM parameters"},
	{"xray", "X-Ray", "my X-Ray data"},
}

// predefined are the names of their aliases, in order.
var predefined = func() []string {
	names := make([]string, len(managedServices))
	for i, m := range managedServices {
		names[i] = reservedPrefix + m.name
	}
	return names
}()

// manage answers the key behind a predefined alias that has none yet, making it
// when the service itself calls for its caller, or when somebody describes the
// alias; otherwise, and for other names, nil. It runs while a call's needs are
// stated: if the call is refused, nothing of it is committed.
func (s *Service) manage(ctx context.Context, c *redoubt.Call, account, alias string) (*Key, error) {
	i, ok := slices.BinarySearch(predefined, alias)
	if !ok || account != c.Account {
		return nil, nil
	}
	m := managedServices[i]
	viaService, _, _ := strings.Cut(c.Via.Service, ".")
	if c.Operation != "DescribeKey" && viaService != m.endpoint() {
		return nil, nil
	}
	now := s.clock.Now()
	k := &Key{
		ID:          newKeyID(false),
		Account:     account,
		Region:      c.Region,
		Created:     now,
		Description: "Default key that protects " + m.what + " when no other key is defined",
		Spec:        material.Symmetric,
		Usage:       material.EncryptDecrypt,
		Origin:      kmsapi.OriginTypeAwsKms,
		Manager:     kmsapi.KeyManagerTypeAws,
		Service:     m.name,
		State:       Enabled,
		Policy:      managedPolicy(c.Partition, c.Region, account, m),
		Aliases:     []string{alias},
		Rotation:    Rotation{Automatic: true, Days: presetRotation, Next: now.AddDate(0, 0, presetRotation)},
	}
	k.ARN = keyARN(c.Partition, k.Region, k.Account, k.ID)
	if err := s.generate(k); err != nil {
		return nil, err
	}
	tx := store.From(ctx)
	if err := put(tx, k); err != nil {
		return nil, err
	}
	if err := s.plan(tx, k, rotation, k.Rotation.Next); err != nil {
		return nil, err
	}
	return k, aliases.In(account, c.Region).Put(tx, alias, &Alias{Key: k.ID, Created: now, Updated: now})
}

// managedPolicy is the key policy of an AWS managed key: everyone in the account
// may use it through the service, and look at it; no one may do more.
func managedPolicy(partition, region, account string, m managedService) string {
	return fmt.Sprintf(`{
  "Version" : "2012-10-17",
  "Id" : "auto-%[4]s-1",
  "Statement" : [ {
    "Sid" : "Allow access through %[5]s for all principals in the account that are authorized to use %[5]s",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "*"
    },
    "Action" : [ "kms:Encrypt", "kms:Decrypt", "kms:ReEncrypt*", "kms:GenerateDataKey*", "kms:CreateGrant", "kms:DescribeKey" ],
    "Resource" : "*",
    "Condition" : {
      "StringEquals" : {
        "kms:CallerAccount" : "%[3]s",
        "kms:ViaService" : "%[6]s.%[2]s.amazonaws.com"
      }
    }
  }, {
    "Sid" : "Allow direct access to key metadata to the account",
    "Effect" : "Allow",
    "Principal" : {
      "AWS" : "arn:%[1]s:iam::%[3]s:root"
    },
    "Action" : [ "kms:Describe*", "kms:Get*", "kms:List*", "kms:RevokeGrant" ],
    "Resource" : "*"
  } ]
}`, partition, region, account, m.name, m.title, m.endpoint())
}
