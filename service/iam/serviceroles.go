package iam

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	redoubt "github.com/redoubt-sec/redoubt"
	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/engine/identity"
	"github.com/redoubt-sec/redoubt/engine/policy"
	"github.com/redoubt-sec/redoubt/store"
)

// serviceRolePath is where the roles of services live.
const serviceRolePath = "/aws-service-role/"

// linked says how a service names its role, and whether it has several.
type linked struct {
	name   string
	suffix bool
}

// linkedServices are the services with service-linked roles, by host name.
// Source: their user guides, "Using service-linked roles".
var linkedServices = map[string]linked{
	"access-analyzer.amazonaws.com":                  {"AccessAnalyzer", false},
	"acm.amazonaws.com":                              {"CertificateManager", false},
	"apidestinations.events.amazonaws.com":           {"AmazonEventBridgeApiDestinations", false},
	"autoscaling.amazonaws.com":                      {"AutoScaling", true},
	"backup.amazonaws.com":                           {"Backup", false},
	"batch.amazonaws.com":                            {"Batch", false},
	"cks.kms.amazonaws.com":                          {"KeyManagementServiceCustomKeyStores", false},
	"cloudhsm.amazonaws.com":                         {"CloudHSM", false},
	"cloudtrail.amazonaws.com":                       {"CloudTrail", false},
	"cloudwatch-crossaccount.amazonaws.com":          {"CloudWatchCrossAccount", false},
	"config-multiaccountsetup.amazonaws.com":         {"ConfigMultiAccountSetup", false},
	"config.amazonaws.com":                           {"Config", false},
	"delivery.logs.amazonaws.com":                    {"LogDelivery", false},
	"dynamodb.application-autoscaling.amazonaws.com": {"ApplicationAutoScaling_DynamoDBTable", false},
	"ec2fleet.amazonaws.com":                         {"EC2Fleet", false},
	"ecs.amazonaws.com":                              {"ECS", false},
	"eks.amazonaws.com":                              {"AmazonEKS", false},
	"elasticache.amazonaws.com":                      {"ElastiCache", false},
	"elasticbeanstalk.amazonaws.com":                 {"ElasticBeanstalk", false},
	"elasticloadbalancing.amazonaws.com":             {"ElasticLoadBalancing", false},
	"es.amazonaws.com":                               {"AmazonElasticsearchService", false},
	"events.amazonaws.com":                           {"CloudWatchEvents", false},
	"fms.amazonaws.com":                              {"FMS", false},
	"guardduty.amazonaws.com":                        {"AmazonGuardDuty", false},
	"inspector2.amazonaws.com":                       {"AmazonInspector2", false},
	"lex.amazonaws.com":                              {"LexBots", true},
	"lexv2.amazonaws.com":                            {"LexV2Bots", true},
	"macie.amazonaws.com":                            {"AmazonMacie", false},
	"malware-protection.guardduty.amazonaws.com":     {"AmazonGuardDutyMalwareProtection", false},
	"mrk.kms.amazonaws.com":                          {"KeyManagementServiceMultiRegionKeys", false},
	"network-firewall.amazonaws.com":                 {"NetworkFirewall", false},
	"ops.apigateway.amazonaws.com":                   {"APIGateway", false},
	"opensearchservice.amazonaws.com":                {"AmazonOpenSearchService", false},
	"organizations.amazonaws.com":                    {"Organizations", false},
	"ram.amazonaws.com":                              {"ResourceAccessManager", false},
	"rds.amazonaws.com":                              {"RDS", false},
	"redshift.amazonaws.com":                         {"Redshift", false},
	"replicator.lambda.amazonaws.com":                {"LambdaReplicator", false},
	"route53resolver.amazonaws.com":                  {"Route53Resolver", false},
	"securityhub.amazonaws.com":                      {"SecurityHub", false},
	"shield.amazonaws.com":                           {"AWSShield", false},
	"spot.amazonaws.com":                             {"EC2Spot", false},
	"spotfleet.amazonaws.com":                        {"EC2SpotFleet", false},
	"ssm.amazonaws.com":                              {"AmazonSSM", false},
	"sso.amazonaws.com":                              {"SSO", false},
	"support.amazonaws.com":                          {"Support", false},
	"trustedadvisor.amazonaws.com":                   {"TrustedAdvisor", false},
	"waf-regional.amazonaws.com":                     {"WAFRegionalLogging", false},
	"waf.amazonaws.com":                              {"WAFLogging", false},
	"wafv2.amazonaws.com":                            {"WAFV2Logging", false},
}

// serviceRoleName answers the name of a service's role, empty for an unknown one.
func serviceRoleName(service string, suffix *string) string {
	l, ok := linkedServices[service]
	if !ok {
		return ""
	}
	name := "AWSServiceRoleFor" + l.name
	if suffix != nil {
		name += "_" + *suffix
	}
	return name
}

// newServiceRole is the role that a request is about to make.
func newServiceRole(_ *store.Tx, c *redoubt.Call, in any) (subject, error) {
	service := str(text(in, "AWSServiceName"))
	name := serviceRoleName(service, text(in, "CustomSuffix"))
	if name == "" {
		name = "*"
	}
	return subject{arn: identity.ARN(c.Account, "role", serviceRolePath+service+"/", name)}, nil
}

// CreateServiceLinkedRole implements iam:CreateServiceLinkedRole. What the role
// may do is the service's affair: services here act as themselves, so that it
// carries no policy.
func (s *Service) CreateServiceLinkedRole(ctx context.Context, c *redoubt.Call, in *iamapi.CreateServiceLinkedRoleInput) (*iamapi.CreateServiceLinkedRoleOutput, error) {
	tx := store.From(ctx)
	l, ok := linkedServices[*in.AWSServiceName]
	if !ok {
		return nil, iamapi.ErrInvalidInputException.New("Service name %s does not support service-linked roles.", *in.AWSServiceName)
	}
	if in.CustomSuffix != nil && !l.suffix {
		return nil, iamapi.ErrInvalidInputException.New("Custom suffix is not allowed for %s", *in.AWSServiceName)
	}
	name := serviceRoleName(*in.AWSServiceName, in.CustomSuffix)
	service, err := json.Marshal(*in.AWSServiceName)
	if err != nil {
		return nil, err
	}
	d, err := s.parse(fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":%s},"Action":"sts:AssumeRole"}]}`, service), policy.Trust)
	if err != nil {
		return nil, err
	}
	trust, err := s.ids.Bind(tx, d)
	if err != nil {
		return nil, fail(err)
	}
	r, err := s.ids.CreateRole(tx, c.Account, identity.Role{
		Name: name, Path: serviceRolePath + *in.AWSServiceName + "/", Description: str(in.Description),
		MaxSession: defaultSession, Trust: trust, Service: *in.AWSServiceName,
	})
	var ex *identity.Exists
	if asExists(err, &ex) {
		return nil, iamapi.ErrInvalidInputException.New("Service role name %s has been taken in this account, please try a different suffix.", name)
	}
	if err != nil {
		return nil, fail(err)
	}
	a, err := s.roleAnswer(tx, c.Account, r)
	return &iamapi.CreateServiceLinkedRoleOutput{Role: &a}, err
}

// deletions are tasks of DeleteServiceLinkedRole by their ids. Deleting is done
// when it is asked for, since no service here refuses; the task says so.
var deletions = store.AccountTable[deletion]("iam.deletion")

type deletion struct {
	Role string
	Time time.Time
}

// DeleteServiceLinkedRole implements iam:DeleteServiceLinkedRole.
func (s *Service) DeleteServiceLinkedRole(ctx context.Context, c *redoubt.Call, in *iamapi.DeleteServiceLinkedRoleInput) (*iamapi.DeleteServiceLinkedRoleOutput, error) {
	tx := store.From(ctx)
	r, err := s.ids.Role(tx, c.Account, *in.RoleName)
	if err != nil {
		return nil, fail(err)
	}
	if r.Service == "" {
		return nil, iamapi.ErrNoSuchEntityException.New("The role with name %s is not a service-linked role.", *in.RoleName)
	}
	if err := s.ids.DeleteServiceLinkedRole(tx, c.Account, r.Name); err != nil {
		return nil, fail(err)
	}
	id := fmt.Sprintf("task%s%s/%s/%s", serviceRolePath, r.Service, r.Name, newUUID())
	if err := deletions.In(c.Account).Put(tx, store.ID(id), &deletion{r.Name, s.clock.Now()}); err != nil {
		return nil, err
	}
	return &iamapi.DeleteServiceLinkedRoleOutput{DeletionTaskId: &id}, nil
}

// taskRole is the role that a deletion task is about.
func (s *Service) taskRole(tx *store.Tx, c *redoubt.Call, in any) (subject, error) {
	rest, _ := strings.CutPrefix(str(text(in, "DeletionTaskId")), "task/")
	at := strings.LastIndexByte(rest, '/')
	if at < 0 {
		return subject{arn: identity.ARN(c.Account, "role", "/", "*")}, nil
	}
	return subject{arn: identity.ARN(c.Account, "role", "/", rest[:at])}, nil
}

// GetServiceLinkedRoleDeletionStatus implements the operation of that name.
func (s *Service) GetServiceLinkedRoleDeletionStatus(ctx context.Context, c *redoubt.Call, in *iamapi.GetServiceLinkedRoleDeletionStatusInput) (*iamapi.GetServiceLinkedRoleDeletionStatusOutput, error) {
	has, err := deletions.In(c.Account).Has(store.From(ctx), store.ID(*in.DeletionTaskId))
	if err != nil {
		return nil, err
	}
	if !has {
		return nil, iamapi.ErrNoSuchEntityException.New("The deletion task with id %s cannot be found.", *in.DeletionTaskId)
	}
	return &iamapi.GetServiceLinkedRoleDeletionStatusOutput{Status: new("SUCCEEDED")}, nil
}

// newUUID makes a random UUID (RFC 9562, version 4).
func newUUID() string {
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}
