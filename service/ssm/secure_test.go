package ssm_test

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
)

var errNone = errors.New("nothing yet")

// secureString: the ciphertext is KMS's own, bound to the parameter.
func secureString(s *suite) {
	k, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{})
	s.must(err)
	id := *k.KeyMetadata.KeyId
	s.put("/x/std", "plain text", secure, key(id))
	p, err := s.tryGet("/x/std", false)
	s.must(err)
	blob, err := base64.StdEncoding.DecodeString(*p.Value)
	s.must(err)
	bound := map[string]string{"PARAMETER_ARN": s.arn("/x/std")}
	out, err := s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: blob, EncryptionContext: bound})
	s.must(err)
	s.equal("plaintext", string(out.Plaintext), "plain text")
	s.equal("key", *out.KeyId, *k.KeyMetadata.Arn)
	_, err = s.kms.Decrypt(s.ctx, &kms.DecryptInput{CiphertextBlob: blob})
	s.refused(err, "InvalidCiphertextException", "*")
	m := s.describe("/x/std")
	s.equal("key as named", *m.KeyId, id)

	// Advanced: an envelope.
	long := strings.Repeat("long secret ", 600)
	s.put("/x/adv", long, secure, advanced, key(id))
	s.equal("advanced", *s.get("/x/adv").Value, long)
	p, err = s.tryGet("/x/adv", false)
	s.must(err)
	blob, err = base64.StdEncoding.DecodeString(*p.Value)
	s.must(err)
	if strings.Contains(string(blob), "long secret") {
		s.Error("the envelope shows the plaintext")
	}

	// From one tier to the other the old version stays readable.
	s.put("/x/std", "in an envelope now", secure, advanced, overwrite, key(id))
	s.equal("new", *s.get("/x/std").Value, "in an envelope now")
	s.equal("old", *s.get("/x/std:1").Value, "plain text")
	// Without a key, the default one.
	s.put("/x/std", "default", secure, overwrite)
	s.equal("default", *s.describe("/x/std").KeyId, "alias/aws/ssm")
	d, err := s.kms.DescribeKey(s.ctx, &kms.DescribeKeyInput{KeyId: aws.String("alias/aws/ssm")})
	s.must(err)
	s.equal("managed", d.KeyMetadata.KeyManager, "AWS")
}

// keys: what is wrong with the key is Parameter Store's InvalidKeyId; who may not
// use it is told so.
func keys(s *suite) {
	_, err := s.tryPut("/k/a", "x", secure, key("alias/none"))
	s.refused(err, "InvalidKeyId", "Alias arn:aws:kms:us-east-1:"+s.account.ID+":alias/none is not found. (Service: AWSKMS; Status Code: 400; Error Code: NotFoundException; Request ID: ")
	_, err = s.tryPut("/k/a", "x", secure, key("nonsense"))
	s.refused(err, "InvalidKeyId", "Invalid keyId 'nonsense'")
	_, err = s.tryGet("/k/a", true)
	s.refused(err, "ParameterNotFound", "*")
	k, err := s.kms.CreateKey(s.ctx, &kms.CreateKeyInput{})
	s.must(err)
	s.put("/k/a", "x", secure, key(*k.KeyMetadata.Arn))
	reader := s.user("reader", allow("*", "ssm:*"))
	_, err = reader.tryGet("/k/a", true)
	s.refused(err, "AccessDeniedException", "The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.")
	_, err = reader.tryGet("/k/a", false)
	s.must(err)
	_, err = reader.tryPut("/k/b", "x", secure, key(*k.KeyMetadata.Arn))
	s.refused(err, "AccessDeniedException", "*")
	_, err = reader.tryGet("/k/b", false)
	s.refused(err, "ParameterNotFound", "*")
	through := s.user("through", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*"},
		{"Effect":"Allow","Action":"kms:Decrypt","Resource":"*","Condition":{"StringEquals":{"kms:ViaService":"ssm.us-east-1.amazonaws.com","kms:EncryptionContext:PARAMETER_ARN":"`+s.arn("/k/a")+`"}}}]}`)
	s.equal("through SSM", *through.get("/k/a").Value, "x")
	_, err = through.ssm.GetParametersByPath(s.ctx, &ssm.GetParametersByPathInput{Path: aws.String("/k"), WithDecryption: aws.Bool(true)})
	s.must(err)

	_, err = s.kms.DisableKey(s.ctx, &kms.DisableKeyInput{KeyId: k.KeyMetadata.KeyId})
	s.must(err)
	_, err = s.tryGet("/k/a", true)
	s.refused(err, "InvalidKeyId", *k.KeyMetadata.Arn+" is disabled.")
	_, err = s.tryPut("/k/a", "y", secure, overwrite, key(*k.KeyMetadata.Arn))
	s.refused(err, "InvalidKeyId", "*")
	_, err = s.kms.EnableKey(s.ctx, &kms.EnableKeyInput{KeyId: k.KeyMetadata.KeyId})
	s.must(err)
	s.equal("nothing was lost", *s.get("/k/a").Value, "x")
	_, err = s.kms.ScheduleKeyDeletion(s.ctx, &kms.ScheduleKeyDeletionInput{KeyId: k.KeyMetadata.KeyId})
	s.must(err)
	_, err = s.tryGet("/k/a", true)
	s.refused(err, "InvalidKeyId", *k.KeyMetadata.Arn+" is pending deletion.")
}

func batches(s *suite) {
	for _, n := range []string{"c", "/b/x", "a"} {
		s.put(n, "v-"+n, secure)
	}
	s.put("a", "new", secure, overwrite)
	out, err := s.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{"c", "nope", "a:1", "/b/x", "a", "c", "a:9", "/aws/service/x"}, WithDecryption: aws.Bool(true)})
	s.must(err)
	text := ""
	for _, p := range out.Parameters {
		text += *p.Name + "=" + *p.Value + " "
	}
	s.equal("found", text, "/b/x=v-/b/x a=v-a a=new c=v-c ")
	s.equal("invalid", strings.Join(out.InvalidParameters, " "), "nope a:9 /aws/service/x")
	_, err = s.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{"in ner"}})
	s.refused(err, "ValidationException", "*")
	del, err := s.ssm.DeleteParameters(s.ctx, &ssm.DeleteParametersInput{Names: []string{"a", "nope", "c"}})
	s.must(err)
	s.equal("deleted", strings.Join(del.DeletedParameters, " ")+"|"+strings.Join(del.InvalidParameters, " "), "a c|nope")
	s.equal("left", s.below("/", true), "/b/x")
}

func rights(s *suite) {
	s.put("/app/dev/a", "1")
	s.put("/app/prod/a", "1", func(in *ssm.PutParameterInput) { in.Tags = tag("env", "prod") })
	dev := s.user("dev", allow(s.arn("/app/dev/*"), "ssm:GetParameter", "ssm:GetParameters", "ssm:PutParameter", "ssm:DeleteParameters"))
	_, err := dev.tryGet("/app/dev/a", false)
	s.must(err)
	_, err = dev.tryGet("/app/prod/a", false)
	s.refused(err, "AccessDeniedException", "User: arn:aws:iam::"+s.account.ID+":user/dev is not authorized to perform: ssm:GetParameter on resource: "+s.arn("/app/prod/a")+" because no identity-based policy allows the ssm:GetParameter action")
	_, err = dev.tryGet("/app/prod/none", false)
	s.refused(err, "AccessDeniedException", "*") // no oracle
	_, err = dev.ssm.GetParameters(s.ctx, &ssm.GetParametersInput{Names: []string{"/app/dev/a", "/app/prod/a"}})
	s.refused(err, "AccessDeniedException", "*")
	_, err = dev.ssm.DeleteParameters(s.ctx, &ssm.DeleteParametersInput{Names: []string{"/app/dev/a", "/app/prod/a"}})
	s.refused(err, "AccessDeniedException", "*")
	s.get("/app/dev/a")
	_, err = dev.tryPut("/app/dev/t", "1", func(in *ssm.PutParameterInput) { in.Tags = tag("a", "b") })
	s.refused(err, "AccessDeniedException", "*")
	_, err = dev.ssm.DescribeParameters(s.ctx, &ssm.DescribeParametersInput{})
	s.refused(err, "AccessDeniedException", "User: arn:aws:iam::"+s.account.ID+":user/dev is not authorized to perform: ssm:DescribeParameters on resource: arn:aws:ssm:us-east-1:"+s.account.ID+":*")

	byTag := s.user("tagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:*","Resource":"*","Condition":{"StringEquals":{"ssm:resourceTag/env":"prod"}}}]}`)
	_, err = byTag.tryGet("/app/prod/a", false)
	s.must(err)
	_, err = byTag.tryGet("/app/dev/a", false)
	s.refused(err, "AccessDeniedException", "*")
	careful := s.user("careful", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ssm:PutParameter","Resource":"*","Condition":{"StringEquals":{"ssm:Overwrite":"false"}}}]}`)
	_, err = careful.tryPut("/app/new", "1")
	s.must(err)
	_, err = careful.tryPut("/app/new", "1", overwrite)
	s.refused(err, "AccessDeniedException", "*")
}
