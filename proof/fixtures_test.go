package proof

import (
	"archive/zip"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"math/big"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redoubt-sec/redoubt/api/iamapi"
	"github.com/redoubt-sec/redoubt/api/kmsapi"
	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/api/s3api"
	"github.com/redoubt-sec/redoubt/api/s3controlapi"
	"github.com/redoubt-sec/redoubt/api/secretsmanagerapi"
	"github.com/redoubt-sec/redoubt/api/ssmapi"
)

const (
	someARN  = "arn:aws:iam::123456789012:user/admin"
	someKey  = "11111111-2222-3333-4444-555555555555"
	allowAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`
	trustAll = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"123456789012"}}]}`
)

// asked are values that an input must have to be valid although the model does
// not say so, by "service:Operation.Member" or "service:Member".
var asked = map[string]any{
	"kms:AliasName":                                            "alias/made-up",
	"kms:CreateGrant.GranteePrincipal":                         someARN,
	"kms:ListRetirableGrants.RetiringPrincipal":                someARN,
	"kms:RetireGrant.KeyId":                                    "arn:aws:kms:us-east-1:123456789012:key/" + someKey,
	"kms:RetireGrant.GrantId":                                  strings.Repeat("0a", 32),
	"kms:Decrypt.CiphertextBlob":                               []byte("made up"),
	"kms:ReEncrypt.CiphertextBlob":                             []byte("made up"),
	"kms:GenerateDataKey.KeySpec":                              "AES_256",
	"kms:GenerateDataKeyWithoutPlaintext.KeySpec":              "AES_256",
	"kms:KeyPairSpec":                                          "ECC_NIST_P256",
	"kms:GenerateRandom.NumberOfBytes":                         int64(16),
	"kms:ReplicaRegion":                                        "eu-west-1",
	"kms:PutKeyPolicy.Policy":                                  `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"123456789012"}}]}`,
	"kms:PendingWindowInDays":                                  int64(7),
	"iam:CreateOpenIDConnectProvider.Url":                      "https://login.example.com",
	"iam:PolicyDocument":                                       allowAll,
	"iam:AssumeRolePolicyDocument":                             trustAll,
	"iam:UpdateAssumeRolePolicy.PolicyDocument":                trustAll,
	"iam:PolicySourceArn":                                      someARN,
	"iam:Arn":                                                  someARN,
	"iam:EntityArn":                                            someARN,
	"iam:VersionId":                                            "v1",
	"iam:CreateOpenIDConnectProvider.ThumbprintList":           []any{strings.Repeat("0a", 20)},
	"iam:UpdateOpenIDConnectProviderThumbprint.ThumbprintList": []any{strings.Repeat("0b", 20)},
	"iam:PolicyInputList":                                      []any{allowAll},
	"iam:ActionNames":                                          []any{"s3:GetObject"},
	"iam:CreateLoginProfile.Password":                          "Corr3ct-horse",
	"iam:UpdateLoginProfile.Password":                          "Corr3ct-horse-2",
	"iam:AWSServiceName":                                       "cloudtrail.amazonaws.com",
	"iam:CreateServiceSpecificCredential.ServiceName":          "codecommit.amazonaws.com",
	"kms:UpdatePrimaryRegion.PrimaryRegion":                    "eu-west-1",
	"kms:WrappingAlgorithm":                                    "RSAES_OAEP_SHA_256",
	"kms:WrappingKeySpec":                                      "RSA_2048",
	"cloudtrail:Name":                                          "made-up",
	"cloudtrail:TrailName":                                     "made-up",
	"cloudtrail:S3BucketName":                                  "made-up-bucket",
	"cloudtrail:ResourceId":                                    "arn:aws:cloudtrail:us-east-1:123456789012:trail/made-up",
	"cloudtrail:ResourceIdList":                                []any{"arn:aws:cloudtrail:us-east-1:123456789012:trail/made-up"},
	"cloudhsmv2:HsmType":                                       "hsm1.medium",
	"cloudhsmv2:DeleteHsm.HsmId":                               "hsm-madeup22222",
	"ssm:Name":                                                 "/made/up",
	"ssm:Names":                                                []any{"/made/up"},
	"ssm:Path":                                                 "/made",
	"ssm:Type":                                                 "SecureString",
	"ssm:Tier":                                                 "Advanced",
	"ssm:KeyId":                                                "alias/aws/ssm",
	"ssm:DataType":                                             "text",
	"ssm:AllowedPattern":                                       ".*",
	"ssm:PutParameter.Policies":                                `[{"Type":"NoChangeNotification","Version":"1.0","Attributes":{"After":"1","Unit":"Days"}}]`,
	"ssm:Labels":                                               []any{"made-up"},
	"ssm:ParameterVersion":                                     int64(1),
	"ssm:ResourceType":                                         "Parameter",
	"ssm:ResourceId":                                           "/made/up",
	"ssm:SettingId":                                            "/ssm/parameter-store/default-parameter-tier",
	"ssm:SettingValue":                                         "Advanced",
	"ssm:ResourceArn":                                          "arn:aws:ssm:us-east-1:123456789012:parameter/made/up",
	"ssm:PutResourcePolicy.Policy":                             `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:GetParameter","Resource":"*","Principal":{"AWS":"123456789012"}}]}`,
	"sts:RoleArn":                                              "arn:aws:iam::123456789012:role/made-up",
	"sts:AssumeRoot.TaskPolicyArn":                             object{"arn": "arn:aws:iam::aws:policy/root-task/IAMAuditRootUserCredentials"},
	"sts:AssumeRoot.TargetPrincipal":                           "111122223333",
	"lambda:FunctionName":                                      "made-up",
	"lambda:LayerName":                                         "made-up",
	"lambda:Resource":                                          "arn:aws:lambda:us-east-1:123456789012:function:made-up",
	"lambda:GetLayerVersionByArn.Arn":                          "arn:aws:lambda:us-east-1:123456789012:layer:made-up:1",
	"lambda:Role":                                              "arn:aws:iam::123456789012:role/made-up",
	"lambda:Handler":                                           "index.handler",
	"lambda:CreateFunction.Runtime":                            "python3.12",
	"lambda:VersionNumber":                                     int64(1),
	"lambda:AddPermission.Principal":                           "123456789012",
	"s3:Bucket":                                                "made-up-bucket",
	"s3:CopySource":                                            "made-up-bucket/made-up",
	"s3:Policy":                                                `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:::made-up-bucket"}]}`,
	"s3control:AccountId":                                      "123456789012",
	"s3control:Name":                                           "made-up",
	"s3control:Bucket":                                         "made-up-bucket",
	"s3control:ResourceArn":                                    "arn:aws:s3:::made-up-bucket",
	"s3control:Policy":                                         `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:us-east-1:123456789012:accesspoint/made-up"}]}`,
	"redoubt:PrincipalArn":                                     someARN,
	"redoubt:Action":                                           "kms:Encrypt",
	"logs:logGroupName":                                        "/made/up",
	"logs:logStreamName":                                       "made-up",
	"logs:PutLogGroupDeletionProtection.logGroupIdentifier": "/made/up",
	"logs:resourceArn":                  "arn:aws:logs:us-east-1:123456789012:log-group:/made/up",
	"logs:retentionInDays":              int64(7),
	"logs:CreateLogGroup.logGroupClass": "STANDARD",
}

// valid are samples for inputs that are valid and name nothing that exists.
func valid(service string) samples {
	return func(operation, member string) (any, bool) {
		if v, ok := asked[service+":"+operation+"."+member]; ok {
			return v, true
		}
		v, ok := asked[service+":"+member]
		return v, ok
	}
}

// fixtures makes what an operation acts upon, and answers it by the members'
// names. It makes everything anew: what the operation destroys is nobody else's.
func (h *house) fixtures(t testing.TB, service, operation string) samples {
	t.Helper()
	values := map[string]any{}
	switch service {
	case "kms":
		h.keys(t, operation, values)
	case "iam":
		h.people(t, operation, values)
	case "ssm":
		h.parameters(t, operation, values)
	case "s3":
		h.objects(t, operation, values)
	case "logs":
		h.groups(t, operation, values)
	case "secretsmanager":
		h.secrets(t, operation, values)
	case "s3control":
		h.points(t, operation, values)
	case "lambda":
		h.functions(t, operation, values)
	case "redoubt":
		values["KeyFile"] = filepath.Join(t.TempDir(), "new-seal.key")
	case "sts":
		name := fresh()
		values["RoleArn"] = h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": name, "AssumeRolePolicyDocument": trustAll}, h.admin).at("Role.Arn")
	}
	otherwise := valid(service)
	return func(operation, member string) (any, bool) {
		if v, ok := values[member]; ok {
			return v, true
		}
		return otherwise(operation, member)
	}
}

// keys makes a KMS key of the kind that the operation takes.
func (h *house) keys(t testing.TB, operation string, values map[string]any) {
	in := object{}
	switch operation {
	case "Sign", "Verify", "GetPublicKey":
		in = object{"KeySpec": "ECC_NIST_P256", "KeyUsage": "SIGN_VERIFY"}
		values["SigningAlgorithm"] = "ECDSA_SHA_256"
	case "DeriveSharedSecret":
		in = object{"KeySpec": "ECC_NIST_P256", "KeyUsage": "KEY_AGREEMENT"}
	case "GenerateMac", "VerifyMac":
		in = object{"KeySpec": "HMAC_256", "KeyUsage": "GENERATE_VERIFY_MAC"}
		values["MacAlgorithm"] = "HMAC_SHA_256"
	case "GetParametersForImport", "ImportKeyMaterial", "DeleteImportedKeyMaterial":
		in = object{"Origin": "EXTERNAL"}
	case "ReplicateKey", "UpdatePrimaryRegion":
		in = object{"MultiRegion": true}
	}
	arn := h.must(t, &kmsapi.Model, "CreateKey", in, h.admin).at("KeyMetadata.Arn")
	for _, m := range []string{"KeyId", "TargetKeyId", "SourceKeyId", "DestinationKeyId"} {
		values[m] = arn
	}
	if len(in) > 0 {
		return
	}
	blob := h.must(t, &kmsapi.Model, "Encrypt", object{"KeyId": arn, "Plaintext": []byte("x")}, h.admin).at("CiphertextBlob")
	values["CiphertextBlob"], _ = base64.StdEncoding.DecodeString(blob)
	if operation != "CreateAlias" {
		values["AliasName"] = "alias/" + fresh()
		h.must(t, &kmsapi.Model, "CreateAlias", object{"AliasName": values["AliasName"], "TargetKeyId": arn}, h.admin)
	}
	if operation == "RevokeGrant" || operation == "RetireGrant" {
		values["GrantId"] = h.must(t, &kmsapi.Model, "CreateGrant", object{"KeyId": arn, "GranteePrincipal": someARN, "Operations": []any{"Decrypt"}}, h.admin).at("GrantId")
	}
}

// parameters makes a parameter with a label, and what shares it.
func (h *house) parameters(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	ssm := func(op string, in object) tree { return h.must(t, &ssmapi.Model, op, in, h.admin) }
	name := "/proof/" + fresh()
	if operation == "PutParameter" {
		values["Name"] = name
		return
	}
	ssm("PutParameter", object{"Name": name, "Value": "x", "Type": "String", "Tier": "Advanced"})
	arn := "arn:aws:ssm:us-east-1:123456789012:parameter" + name
	values["Name"], values["Names"], values["ResourceId"], values["ResourceArn"] = name, []any{name}, name, arn
	switch operation {
	case "DeleteResourcePolicy":
		p := ssm("PutResourcePolicy", object{"ResourceArn": arn, "Policy": asked["ssm:PutResourcePolicy.Policy"]})
		values["PolicyId"], values["PolicyHash"] = p.at("PolicyId"), p.at("PolicyHash")
	case "UnlabelParameterVersion":
		ssm("LabelParameterVersion", object{"Name": name, "Labels": []any{"made-up"}})
	}
}

// groups makes a log group with a stream in it.
func (h *house) groups(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	group := "/proof/" + fresh()
	values["logGroupName"], values["logStreamName"], values["resourceArn"] = group, "s", "arn:aws:logs:us-east-1:123456789012:log-group:"+group
	if operation == "PutLogGroupDeletionProtection" {
		values["logGroupIdentifier"] = group
	}
	if operation == "CreateLogGroup" {
		return
	}
	h.must(t, &logsapi.Model, "CreateLogGroup", object{"logGroupName": group}, h.admin)
	if operation != "CreateLogStream" {
		h.must(t, &logsapi.Model, "CreateLogStream", object{"logGroupName": group, "logStreamName": "s"}, h.admin)
	}
	values["logEvents"] = []any{object{"timestamp": time.Now().UnixMilli(), "message": "x"}}
}

// secrets makes a secret with two versions.
func (h *house) secrets(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	sm := func(op string, in object) tree {
		return h.must(t, &secretsmanagerapi.Model, op, in, h.admin)
	}
	name, token := "proof/"+fresh(), func() string { return "00000000-0000-4000-8000-" + fmt.Sprintf("%012s", fresh()) }
	values["ClientRequestToken"] = token()
	values["ResourcePolicy"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"secretsmanager:GetSecretValue","Resource":"*","Principal":{"AWS":"arn:aws:iam::123456789012:root"}}]}`
	values["Name"] = name
	if operation == "CreateSecret" || operation == "ListSecrets" || operation == "GetRandomPassword" {
		return
	}
	first := token()
	arn := sm("CreateSecret", object{"Name": name, "SecretString": "x", "ClientRequestToken": first}).at("ARN")
	values["SecretId"] = arn
	switch operation {
	case "BatchGetSecretValue":
		values["SecretIdList"] = []any{arn}
	case "UpdateSecretVersionStage":
		values["VersionStage"], values["MoveToVersionId"] = "MADEUP", first
	case "RestoreSecret":
		sm("DeleteSecret", object{"SecretId": arn})
	case "ReplicateSecretToRegions":
		values["AddReplicaRegions"] = []any{object{"Region": "eu-west-1"}}
	case "RemoveRegionsFromReplication":
		sm("ReplicateSecretToRegions", object{"SecretId": arn, "AddReplicaRegions": []any{object{"Region": "eu-west-1"}}})
		values["RemoveReplicaRegions"] = []any{"eu-west-1"}
	}
}

// points makes a bucket with an access point.
func (h *house) points(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	bucket, name := "b-"+strings.ToLower(fresh()), "p-"+strings.ToLower(fresh())
	h.must(t, &s3api.Model, "CreateBucket", object{"Bucket": bucket}, h.admin)
	values["Bucket"], values["Name"], values["ResourceArn"] = bucket, name, "arn:aws:s3:::"+bucket
	values["Policy"] = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"s3:ListBucket","Resource":"arn:aws:s3:us-east-1:123456789012:accesspoint/` + name + `"}]}`
	if operation == "CreateAccessPoint" {
		return
	}
	in := object{"AccountId": "123456789012", "Name": name}
	with := func(member string, v any) object {
		o := maps.Clone(in)
		o[member] = v
		return o
	}
	h.must(t, &s3controlapi.Model, "CreateAccessPoint", with("Bucket", bucket), h.admin)
	if strings.Contains(operation, "PointPolicy") && operation != "PutAccessPointPolicy" {
		h.must(t, &s3controlapi.Model, "PutAccessPointPolicy", with("Policy", values["Policy"]), h.admin)
	}
}

// functions makes a function with a version and an alias.
func (h *house) functions(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	lambda := func(op string, in object) tree { return h.must(t, &lambdaapi.Model, op, in, h.admin) }
	name := "f-" + fresh()
	role := h.must(t, &iamapi.Model, "CreateRole", object{"RoleName": name, "AssumeRolePolicyDocument": `{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}}`}, h.admin).at("Role.Arn")
	var b bytes.Buffer
	w := zip.NewWriter(&b)
	if f, err := w.Create("bootstrap"); err != nil {
		t.Fatal(err)
	} else if _, err := f.Write([]byte("#!/bin/sh\n")); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	code := object{"ZipFile": b.Bytes()}
	values["FunctionName"], values["Role"], values["Resource"] = name, role, "arn:aws:lambda:us-east-1:123456789012:function:"+name
	values["Runtime"], values["Handler"], values["Code"], values["Content"], values["ZipFile"] = "provided.al2023", "h", code, code, b.Bytes()
	if operation == "CreateFunction" || operation == "PublishLayerVersion" {
		return
	}
	lambda("CreateFunction", object{"FunctionName": name, "Role": role, "Runtime": "provided.al2023", "Handler": "h", "Code": code})
}

// people makes IAM's entities. What the operation itself makes is left out.
func (h *house) people(t testing.TB, operation string, values map[string]any) {
	t.Helper()
	iam := func(op string, in object) tree { return h.must(t, &iamapi.Model, op, in, h.admin) }
	name := fresh()
	made := map[string]any{"UserName": name, "GroupName": name, "RoleName": name, "InstanceProfileName": name, "PolicyName": name}
	iam("CreateUser", object{"UserName": name})
	iam("CreateGroup", object{"GroupName": name})
	iam("CreateRole", object{"RoleName": name, "AssumeRolePolicyDocument": trustAll})
	iam("CreateInstanceProfile", object{"InstanceProfileName": name})
	made["PolicyArn"] = iam("CreatePolicy", object{"PolicyName": name, "PolicyDocument": allowAll}).at("Policy.Arn")
	made["PermissionsBoundary"] = made["PolicyArn"]
	switch operation {
	case "DeleteUser", "DeleteRole", "DeleteGroup", "DeleteInstanceProfile":
		maps.Copy(values, made)
		return // what holds on to it would keep it
	case "DetachUserPolicy":
		iam("AttachUserPolicy", object{"UserName": name, "PolicyArn": made["PolicyArn"]})
	case "DetachRolePolicy":
		iam("AttachRolePolicy", object{"RoleName": name, "PolicyArn": made["PolicyArn"]})
	case "DetachGroupPolicy":
		iam("AttachGroupPolicy", object{"GroupName": name, "PolicyArn": made["PolicyArn"]})
	case "RemoveRoleFromInstanceProfile":
		iam("AddRoleToInstanceProfile", object{"InstanceProfileName": name, "RoleName": name})
	}
	iam("PutUserPolicy", object{"UserName": name, "PolicyName": name, "PolicyDocument": allowAll})
	iam("PutGroupPolicy", object{"GroupName": name, "PolicyName": name, "PolicyDocument": allowAll})
	iam("PutRolePolicy", object{"RoleName": name, "PolicyName": name, "PolicyDocument": allowAll})
	made["SerialNumber"] = iam("CreateVirtualMFADevice", object{"VirtualMFADeviceName": name}).at("VirtualMFADevice.SerialNumber")
	made["AccessKeyId"] = iam("CreateAccessKey", object{"UserName": name}).at("AccessKey.AccessKeyId")
	if operation == "UpdateLoginProfile" || operation == "GetLoginProfile" || operation == "DeleteLoginProfile" { // passwords are slow on purpose
		iam("CreateLoginProfile", object{"UserName": name, "Password": "Corr3ct-horse"})
	}
	if strings.Contains(operation, "Certificate") || strings.Contains(operation, "SAML") {
		cert, key := selfSigned(t)
		made["CertificateBody"], made["PrivateKey"] = cert, key
		if operation != "UploadServerCertificate" {
			made["ServerCertificateName"] = name
			iam("UploadServerCertificate", object{"ServerCertificateName": name, "CertificateBody": cert, "PrivateKey": key})
		}
	}
	if strings.Contains(operation, "OpenIDConnect") {
		url := "https://" + name + ".example.com"
		if operation == "CreateOpenIDConnectProvider" {
			made["Url"] = url
		} else {
			made["OpenIDConnectProviderArn"] = iam("CreateOpenIDConnectProvider", object{"Url": url, "ClientIDList": []any{"app"}, "ThumbprintList": []any{strings.Repeat("0a", 20)}}).at("OpenIDConnectProviderArn")
		}
	}
	if own := strings.TrimPrefix(operation, "Create"); own != operation && own != "AccessKey" && own != "LoginProfile" && own != "ServiceSpecificCredential" {
		for _, m := range []string{own + "Name", "PolicyName"} {
			delete(made, m)
		}
	}
	maps.Copy(values, made)
}

var counter atomic.Int64

// fresh is a name that nothing has yet.
func fresh() string { return fmt.Sprintf("thing%d", counter.Add(1)) }

// selfSignedOnce makes a certificate and its key, in PEM.
var selfSignedOnce = sync.OnceValues(func() (string, string) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	tmpl := &x509.Certificate{SerialNumber: big.NewInt(7), Subject: pkix.Name{CommonName: "www.example.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(5, 0, 0)}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, key.Public(), key)
	if err != nil {
		panic(err)
	}
	pk, _ := x509.MarshalPKCS8PrivateKey(key)
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: pk}))
})

func selfSigned(testing.TB) (cert, key string) { return selfSignedOnce() }
