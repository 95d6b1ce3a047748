package lambda_test

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/lambda/types"

	"github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op"
)

func (s *suite) decode(b []byte, to any) {
	s.Helper()
	if err := json.Unmarshal(b, to); err != nil {
		s.Fatalf("%v: %s", err, b)
	}
}

// permissions: the resource policy, as AWS writes it.
func permissions(s *suite) {
	s.python("f", echo, func(in *lambda.CreateFunctionInput) { in.Publish = true })
	add := func(in *lambda.AddPermissionInput) (*lambda.AddPermissionOutput, error) {
		in.FunctionName = aws.String("f")
		if in.Action == nil {
			in.Action = aws.String("lambda:InvokeFunction")
		}
		return s.lambda.AddPermission(s.ctx, in)
	}
	out, err := add(&lambda.AddPermissionInput{StatementId: aws.String("s3"), Principal: aws.String("s3.amazonaws.com"), SourceArn: aws.String("arn:aws:s3:::b")})
	s.must(err)
	first := `{"Sid":"s3","Effect":"Allow","Principal":{"Service":"s3.amazonaws.com"},"Action":"lambda:InvokeFunction","Resource":"` + s.arn("function:f") + `","Condition":{"ArnLike":{"AWS:SourceArn":"arn:aws:s3:::b"}}}`
	s.same("statement", out.Statement, first)
	p, err := s.lambda.GetPolicy(s.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	s.must(err)
	s.same("policy", p.Policy, `{"Version":"2012-10-17","Id":"default","Statement":[`+first+`]}`)
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("s3"), Principal: aws.String("s3.amazonaws.com")})
	s.refused(err, "ResourceConflictException", "The statement id (s3) provided already exists. Please provide a new statement id, or remove the existing statement.")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("x"), Principal: aws.String("arn:aws:iam::" + s.account.ID + ":user/none")})
	s.refused(err, "InvalidParameterValueException", "The provided principal was invalid. Please check the principal and try again.")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("x"), Principal: aws.String("*"), Qualifier: aws.String("$LATEST")})
	s.refused(err, "InvalidParameterValueException", "We currently do not support adding policies for $LATEST.")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("x"), Principal: aws.String("*"), Qualifier: aws.String("9")})
	s.refused(err, "ResourceNotFoundException", "Function not found: "+s.arn("function:f:9"))
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("x"), Principal: aws.String("*"), RevisionId: aws.String("x")})
	s.refused(err, "PreconditionFailedException", "*")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("org"), Principal: aws.String("*"), PrincipalOrgID: aws.String("o-abcdefghij"), RevisionId: p.RevisionId, SourceAccount: aws.String(s.account.ID)})
	s.must(err)
	_, err = s.lambda.RemovePermission(s.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("none")})
	s.refused(err, "ResourceNotFoundException", "Statement none is not found in resource policy.")

	// A principal that is gone is shown by the id that it had, and whoever is made
	// under its name is not meant.
	u := s.user("ann", "")
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.refused(err, "AccessDeniedException", "*")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("ann"), Principal: aws.String("arn:aws:iam::" + s.account.ID + ":user/ann")})
	s.must(err)
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f:1")})
	s.refused(err, "AccessDeniedException", "*") // the version's policy is another one
	keys, err := s.iam.ListAccessKeys(s.ctx, &iam.ListAccessKeysInput{UserName: aws.String("ann")})
	s.must(err)
	_, err = s.iam.DeleteAccessKey(s.ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("ann"), AccessKeyId: keys.AccessKeyMetadata[0].AccessKeyId})
	s.must(err)
	_, err = s.iam.DeleteUser(s.ctx, &iam.DeleteUserInput{UserName: aws.String("ann")})
	s.must(err)
	u = s.user("ann", "")
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.refused(err, "AccessDeniedException", "*")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("ann2"), Principal: aws.String("arn:aws:iam::" + s.account.ID + ":user/ann")})
	s.must(err)
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.must(err)
	for _, sid := range []string{"s3", "org", "ann", "ann2"} {
		_, err = s.lambda.RemovePermission(s.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: &sid})
		s.must(err)
	}
	_, err = s.lambda.GetPolicy(s.ctx, &lambda.GetPolicyInput{FunctionName: aws.String("f")})
	s.refused(err, "ResourceNotFoundException", "The resource you requested does not exist.")
	_, err = u.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.refused(err, "AccessDeniedException", "*")

	// Another account needs the policy and rights of its own.
	other := s.server.NewAccount(s)
	client := lambda.NewFromConfig(other.Config(home))
	_, err = client.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String(s.arn("function:f"))})
	s.refused(err, "AccessDeniedException", "*")
	_, err = add(&lambda.AddPermissionInput{StatementId: aws.String("other"), Principal: &other.ID})
	s.must(err)
	_, err = client.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String(s.arn("function:f"))})
	s.must(err)
	_, err = client.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String(s.arn("function:f"))})
	s.refused(err, "AccessDeniedException", "*")
}

// services: other services invoke as their principal, as far as the policy says.
func services(s *suite) {
	s.python("f", echo)
	function := s.arn("function:f")
	source := "arn:aws:secretsmanager:" + home + ":" + s.account.ID + ":secret:a-AbCdEf"
	call := func(as op.As) error {
		_, err := op.Invoke(context.Background(), s.server.Invoker(), as, lambdaapi.OpInvoke, &lambdaapi.InvokeInput{FunctionName: &function, Payload: []byte(`{"Step":"createSecret"}`)})
		return err
	}
	as := op.Principal("secretsmanager", home, source, s.account.ID)
	denied := func(err error) {
		s.Helper()
		if err == nil || !errorsIs(err, "AccessDeniedException") {
			s.Errorf("%v", err)
		}
	}
	denied(call(as))
	add := func(in *lambda.AddPermissionInput) {
		in.FunctionName, in.StatementId, in.Action, in.Principal = aws.String("f"), aws.String("p"), aws.String("lambda:InvokeFunction"), aws.String("secretsmanager.amazonaws.com")
		_, err := s.lambda.AddPermission(s.ctx, in)
		s.must(err)
	}
	remove := func() {
		_, err := s.lambda.RemovePermission(s.ctx, &lambda.RemovePermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("p")})
		s.must(err)
	}
	add(&lambda.AddPermissionInput{})
	s.must(call(as))
	denied(call(op.Principal("s3", home, source, s.account.ID)))
	remove()
	add(&lambda.AddPermissionInput{SourceAccount: &s.account.ID, SourceArn: &source})
	s.must(call(as))
	denied(call(op.Principal("secretsmanager", home, source, "999999999999")))
	denied(call(op.Principal("secretsmanager", home, source+"x", s.account.ID)))
	remove()
	denied(call(as))
}

// rights: every operation takes the right of its name, and layers that are not
// one's own take one by their policy.
func rights(s *suite) {
	s.python("f", echo)
	read := s.user("reader", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:Get*","lambda:List*"],"Resource":"*"},{"Effect":"Deny","Action":"lambda:GetFunction","Resource":"`+s.arn("function:secret*")+`"}]}`)
	_, err := read.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("f")})
	s.must(err)
	_, err = read.GetFunction(s.ctx, &lambda.GetFunctionInput{FunctionName: aws.String("secret")})
	s.refused(err, "AccessDeniedException", "*")
	_, err = read.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f"), InvocationType: types.InvocationTypeDryRun})
	s.refused(err, "AccessDeniedException", "User: arn:aws:iam::"+s.account.ID+":user/reader is not authorized to perform: lambda:InvokeFunction on resource: "+s.arn("function:f")+" because no identity-based policy allows the lambda:InvokeFunction action")
	_, err = read.DeleteFunction(s.ctx, &lambda.DeleteFunctionInput{FunctionName: aws.String("none")})
	s.refused(err, "AccessDeniedException", "*") // no telling whether it exists
	tagged := s.user("tagged", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:*","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}]}`)
	_, err = tagged.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.refused(err, "AccessDeniedException", "*")
	_, err = s.lambda.TagResource(s.ctx, &lambda.TagResourceInput{Resource: aws.String(s.arn("function:f")), Tags: map[string]string{"team": "a"}})
	s.must(err)
	_, err = tagged.Invoke(s.ctx, &lambda.InvokeInput{FunctionName: aws.String("f")})
	s.must(err)
	giver := s.user("giver", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:AddPermission","Resource":"*","Condition":{"StringEquals":{"lambda:Principal":"s3.amazonaws.com"}}}]}`)
	in := &lambda.AddPermissionInput{FunctionName: aws.String("f"), StatementId: aws.String("a"), Action: aws.String("lambda:InvokeFunction"), Principal: aws.String("*")}
	_, err = giver.AddPermission(s.ctx, in)
	s.refused(err, "AccessDeniedException", "*")
	in.Principal = aws.String("s3.amazonaws.com")
	_, err = giver.AddPermission(s.ctx, in)
	s.must(err)
}
