package recordings

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// bucket makes a bucket that CloudTrail may deliver to, unless it is closed.
func (s scene) bucket(name string, closed bool) {
	s.Helper()
	put := func(path string, body string) {
		s.Helper()
		sum := sha256.Sum256([]byte(body))
		header := http.Header{"X-Amz-Content-Sha256": {hex.EncodeToString(sum[:])}, "X-Amz-Checksum-Sha256": {base64.StdEncoding.EncodeToString(sum[:])}}
		if a := s.h.do(s, s.h.signed(s, s.caller, "s3", http.MethodPut, path, header, []byte(body))); a.status >= 300 {
			s.Fatalf("%s: %d %s", path, a.status, a.body)
		}
	}
	put("/"+name, "")
	if !closed {
		put("/"+name+"?policy", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":["s3:GetBucketAcl","s3:PutObject"],"Resource":["arn:aws:s3:::`+name+`","arn:aws:s3:::`+name+`/*"]}]}`)
	}
}

func trailARN(account, region, name string) string {
	return "arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name
}

const (
	trailMade  = "IncludeGlobalServiceEvents,IsMultiRegionTrail,IsOrganizationTrail,LogFileValidationEnabled,Name,S3BucketName,TrailARN"
	trailShown = trailMade + ",HasCustomEventSelectors,HasInsightSelectors,HomeRegion"
	trailIdle  = "IsLogging,LatestDeliveryAttemptSucceeded[],LatestDeliveryAttemptTime[],LatestNotificationAttemptSucceeded[],LatestNotificationAttemptTime[]"
)

func trails(t *testing.T, h *house) {
	s := h.scene(t).as(h.other)
	account := s.must("sts:GetCallerIdentity", nil).str("Account")
	with := func(name string, more in) in {
		return in{"Name": name, "S3BucketName": "rec-trails"}.with(more)
	}
	create := func(input in, code, text string) {
		t.Helper()
		s.fails("cloudtrail:CreateTrail", input, 400, code, text)
	}
	// MOTO test_cloudtrail/test_cloudtrail.py test_create_trail_without_bucket, test_create_trail_invalid_name
	create(with("mytrail", in{"S3BucketName": "rec-no-bucket"}), "S3BucketDoesNotExistException", "S3 bucket rec-no-bucket does not exist!")
	const letters = "Trail name or ARN can only contain uppercase letters, lowercase letters, numbers, periods (.), hyphens (-), and underscores (_)."
	for name, text := range map[string]string{
		"a":                      "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 1 characters.",
		"aa":                     "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 2 characters.",
		strings.Repeat("a", 129): "Trail name too long. Maximum allowed length: 128 characters. Specified name length: 129 characters.",
		"trail!":                 "Trail name must ends with a letter or number.",
		"my#trail":               letters,
		"-trail":                 "Trail name must starts with a letter or number.",
	} {
		create(with(name, nil), "InvalidTrailNameException", text)
	}
	// PREFLIGHT pf-cloudtrail-trail-name-adjacent-separators, …-name-not-ip-format
	create(with("my--trail", nil), "InvalidTrailNameException", "Trail name or ARN cannot have adjacent periods (.), hyphens (-), or underscores (_).")
	create(with("192.168.5.4", nil), "InvalidTrailNameException", "Trail names must not be formatted as an IP address.")
	// test_create_trail_multi_but_not_global; cloudconformity/auto-remediate issue 3
	create(with("mytrail", in{"S3BucketName": "rec-no-bucket", "IsMultiRegionTrail": true, "IncludeGlobalServiceEvents": false}), "InvalidParameterCombinationException", "Multi-Region trail must include global service events.")
	// aws/aws-cdk issue 11602, hashicorp/terraform issue 29991
	s.bucket("rec-closed", true)
	create(with("mytrail", in{"S3BucketName": "rec-closed"}), "InsufficientS3BucketPolicyException", "Incorrect S3 bucket policy is detected for bucket: rec-closed")
	// test_create_trail_with_nonexisting_topic
	s.bucket("rec-trails", false)
	create(with("mytrail", in{"SnsTopicName": "nonexistingtopic"}), "InsufficientSnsTopicPolicyException", "SNS Topic does not exist or the topic policy is incorrect!")

	// test_create_trail_simple, test_create_trail_multi, test_get_trail, test_describe_trails
	one := s.ok("cloudtrail:CreateTrail", with("rec-one", nil), trailMade)
	s.wants(one, map[string]string{"Name": "rec-one", "S3BucketName": "rec-trails", "IncludeGlobalServiceEvents": "true", "IsMultiRegionTrail": "false",
		"LogFileValidationEnabled": "false", "IsOrganizationTrail": "false", "TrailARN": trailARN(account, home, "rec-one")})
	s.wants(s.from(away).ok("cloudtrail:CreateTrail", with("rec-wide", in{"IsMultiRegionTrail": true, "S3KeyPrefix": "pre", "EnableLogFileValidation": true}), trailMade+",S3KeyPrefix"), map[string]string{"IsMultiRegionTrail": "true"})
	s.wants(s.ok("cloudtrail:GetTrail", in{"Name": "rec-one"}, "Trail{"+trailShown+"}"), map[string]string{"Trail.HomeRegion": home, "Trail.HasCustomEventSelectors": "false", "Trail.HasInsightSelectors": "false"})
	s.ok("cloudtrail:DescribeTrails", nil, "trailList["+trailShown+"|"+trailShown+",S3KeyPrefix]")
	// test_describe_trails_with_shadowtrails_true and …_false
	for _, x := range []struct {
		region string
		with   in
		want   string
	}{
		{home, nil, "rec-one rec-wide"}, {home, in{"includeShadowTrails": true}, "rec-one rec-wide"}, {away, in{"includeShadowTrails": true}, "rec-wide"},
		{home, in{"includeShadowTrails": false}, "rec-one"}, {away, in{"includeShadowTrails": false}, "rec-wide"}, {"eu-west-1", in{"includeShadowTrails": false}, ""},
	} {
		s.h.facts.Add(1)
		a := s.from(x.region).must("cloudtrail:DescribeTrails", x.with)
		var names []string
		for _, v := range a.result.(map[string]any)["trailList"].([]any) {
			names = append(names, v.(map[string]any)["Name"].(string))
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != x.want {
			t.Errorf("%s %v: %s, want %s", x.region, x.with, got, x.want)
		}
	}
	// test_list_trails, test_list_trails_different_home_region_one_multiregion
	s.ok("cloudtrail:ListTrails", nil, "Trails[HomeRegion,Name,TrailARN]")

	// defenseunicorns/delivery-aws-iac issue 120, linz/geostore issue 1450; a name is taken in every Region of its trail
	create(with("rec-wide", nil), "TrailAlreadyExistsException", "?")

	// test_get_trail_with_one_char, test_get_trail_unknown, test_get_trail_status_unknown_trail
	s.fails("cloudtrail:GetTrail", in{"Name": "?"}, 400, "InvalidTrailNameException", "Trail name too short. Minimum allowed length: 3 characters. Specified name length: 1 characters.")
	s.fails("cloudtrail:GetTrail", in{"Name": "unknowntrail"}, 400, "TrailNotFoundException", "Unknown trail: unknowntrail for the user: "+account)
	s.fails("cloudtrail:GetTrailStatus", in{"Name": "unknowntrail"}, 400, "TrailNotFoundException", "Unknown trail: "+trailARN(account, home, "unknowntrail")+" for the user: "+account)
	// aws/aws-sdk-go-v2 issue 1957, ankane/s3tk issue 18: in another Region a trail is called by its ARN
	shadow := "Unknown trail: " + trailARN(account, home, "rec-wide") + " for the user: " + account
	s.fails("cloudtrail:GetEventSelectors", in{"TrailName": "rec-wide"}, 400, "TrailNotFoundException", shadow)
	s.fails("cloudtrail:GetTrailStatus", in{"Name": "rec-wide"}, 400, "TrailNotFoundException", shadow)
	s.must("cloudtrail:GetEventSelectors", in{"TrailName": trailARN(account, away, "rec-wide")})
	s.fails("cloudtrail:StopLogging", in{"Name": trailARN(account, away, "rec-wide")}, 400, "InvalidHomeRegionException", "?")

	// test_get_trail_status_inactive, …_arn_inactive, …_after_starting, …_after_starting_and_stopping
	name := in{"Name": "rec-one"}
	s.wants(s.ok("cloudtrail:GetTrailStatus", name, trailIdle+",TimeLoggingStarted[],TimeLoggingStopped[]"), map[string]string{"IsLogging": "false"})
	s.ok("cloudtrail:GetTrailStatus", in{"Name": trailARN(account, home, "rec-one")}, trailIdle+",TimeLoggingStarted[],TimeLoggingStopped[]")
	s.ok("cloudtrail:StartLogging", name, "")
	s.wants(s.ok("cloudtrail:GetTrailStatus", name, trailIdle+",StartLoggingTime,TimeLoggingStarted,TimeLoggingStopped[]"), map[string]string{"IsLogging": "true"})
	s.ok("cloudtrail:StopLogging", name, "")
	s.wants(s.ok("cloudtrail:GetTrailStatus", name, trailIdle+",StartLoggingTime,StopLoggingTime,TimeLoggingStarted,TimeLoggingStopped"), map[string]string{"IsLogging": "false"})

	// test_update_trail_basic, test_update_trail_full
	s.ok("cloudtrail:UpdateTrail", name, trailMade)
	s.wants(s.ok("cloudtrail:UpdateTrail", name.with(in{"S3KeyPrefix": "s3kp", "IncludeGlobalServiceEvents": false, "EnableLogFileValidation": true}), trailMade+",S3KeyPrefix"),
		map[string]string{"S3KeyPrefix": "s3kp", "IncludeGlobalServiceEvents": "false", "LogFileValidationEnabled": "true"})
	// test_delete_trail
	s.ok("cloudtrail:DeleteTrail", name, "")
	s.from(away).ok("cloudtrail:DeleteTrail", in{"Name": "rec-wide"}, "")
	s.fails("cloudtrail:DeleteTrail", name, 400, "TrailNotFoundException", "?")
	s.ok("cloudtrail:DescribeTrails", nil, "trailList[]")
}

func trailSelectors(t *testing.T, h *house) {
	s := h.scene(t)
	s.bucket("rec-selected", false)
	arn := s.must("cloudtrail:CreateTrail", in{"Name": "rec-selected", "S3BucketName": "rec-selected"}).str("TrailARN")
	name, id := in{"TrailName": "rec-selected"}, in{"ResourceId": arn}
	const basic, advanced = "EventSelectors[DataResources[],ExcludeManagementEventSources[],IncludeManagementEvents,ReadWriteType]", "AdvancedEventSelectors[FieldSelectors[Equals[*],Field],Name]"
	// TF cloudtrail/trail.go: without selectors a trail has the one that stands for all management events
	s.wants(s.ok("cloudtrail:GetEventSelectors", name, basic+",TrailARN"), map[string]string{"EventSelectors.0.ReadWriteType": "All", "EventSelectors.0.IncludeManagementEvents": "true"})
	// MOTO test_cloudtrail_eventselectors.py
	data := list{in{"ReadWriteType": "All", "IncludeManagementEvents": true, "DataResources": list{in{"Type": "AWS::S3::Object", "Values": list{"arn:aws:s3:::rec-selected/"}}}}}
	s.ok("cloudtrail:PutEventSelectors", name.with(in{"EventSelectors": data}), "EventSelectors[DataResources[Type,Values[*]],ExcludeManagementEventSources[],IncludeManagementEvents,ReadWriteType],TrailARN")
	field := list{in{"Name": "aes1", "FieldSelectors": list{in{"Field": "eventCategory", "Equals": list{"Management"}}}}}
	s.ok("cloudtrail:PutEventSelectors", in{"TrailName": arn, "AdvancedEventSelectors": field}, advanced+",TrailARN")
	s.ok("cloudtrail:GetEventSelectors", name, advanced+",TrailARN")
	s.wants(s.must("cloudtrail:GetTrail", in{"Name": arn}), map[string]string{"Trail.HasCustomEventSelectors": "true"})
	// aws-samples/aws-security-reference-architecture-examples issue 335, aws/aws-cdk issue 3450
	for _, v := range []string{"arn:aws:s3:::*", "arn:aws:s3:::rec-selected"} {
		s.fails("cloudtrail:PutEventSelectors", name.with(in{"EventSelectors": list{in{"DataResources": list{in{"Type": "AWS::S3::Object", "Values": list{v}}}}}}), 400, "InvalidEventSelectorsException", "Value "+v+" for DataResources.Values is invalid.")
	}
	s.fails("cloudtrail:PutEventSelectors", name.with(in{"EventSelectors": list{in{"DataResources": list{in{"Type": "AWS::Lambda::Function", "Values": list{"arn:aws:lambda:*"}}}}}}), 400, "InvalidEventSelectorsException", "Value arn:aws:lambda:* for DataResources.Values is invalid.")

	// PREFLIGHT rules/cloudtrail, by name
	refused := func(input in, text string) {
		t.Helper()
		s.fails("cloudtrail:PutEventSelectors", name.with(input), 400, "InvalidEventSelectorsException", text)
	}
	refused(in{"EventSelectors": list{in{"DataResources": list{in{"Type": "AWS::SQS::Queue", "Values": list{"arn:aws:sqs"}}}}}}, "Value AWS::SQS::Queue for DataResources.Type is invalid.")
	refused(in{"EventSelectors": data, "AdvancedEventSelectors": field}, "You can select events by using either EventSelectors or AdvancedEventSelectors, but not both.")
	equals := func(field string, values ...any) in { return in{"Field": field, "Equals": list(values)} }
	for text, fields := range map[string]list{
		"The following fields are required: [eventCategory].":                                                            {equals("readOnly", "true")},
		"The eventCategory field value is not valid.":                                                                    {equals("eventCategory", "ConfigurationItem")},
		"The following selectors are required when the eventCategory field value equals Data: [resources.type].":         {equals("eventCategory", "Data")},
		"The following selectors are required when the eventCategory field value equals NetworkActivity: [eventSource].": {equals("eventCategory", "NetworkActivity")},
		"The following field is not allowed when the eventCategory field value equals Management: noSuchField.":          {equals("eventCategory", "Management"), equals("noSuchField", "x")},
		"A duplicate event selector was found for at least one field. Only one selector is allowed per field.":           {equals("eventCategory", "Data"), equals("resources.type", "AWS::S3::Object"), equals("resources.type", "AWS::Lambda::Function")},
		"Only the following operators are valid with the eventCategory field: [Equals].":                                 {in{"Field": "eventCategory", "NotEquals": list{"Data"}}},
		"The errorCode field value is not valid.":                                                                        {equals("eventCategory", "NetworkActivity"), equals("eventSource", "ec2.amazonaws.com"), equals("errorCode", "AccessDenied")},
		"There are too many filters applied. The maximum allowed number of filters is 500.":                              {equals("eventCategory", "Management"), equals("eventName", slices.Repeat([]any{"x"}, 500)...)},
	} {
		refused(in{"AdvancedEventSelectors": list{in{"FieldSelectors": fields}}}, text)
	}

	// prowler-cloud/prowler issue 2322; MOTO test_put_insight_selectors, test_get_insight_selectors; TF for the two types
	s.fails("cloudtrail:GetInsightSelectors", name, 400, "InsightNotEnabledException", "?")
	s.ok("cloudtrail:PutInsightSelectors", name.with(in{"InsightSelectors": list{in{"InsightType": "ApiCallRateInsight"}, in{"InsightType": "ApiErrorRateInsight"}}}), "InsightSelectors[EventCategories[*],InsightType],TrailARN")
	s.ok("cloudtrail:GetInsightSelectors", name, "InsightSelectors[EventCategories[*],InsightType],TrailARN")
	s.wants(s.must("cloudtrail:GetTrail", in{"Name": arn}), map[string]string{"Trail.HasInsightSelectors": "true"})
	s.must("cloudtrail:PutInsightSelectors", name.with(in{"InsightSelectors": list{}}))
	s.fails("cloudtrail:GetInsightSelectors", name, 400, "InsightNotEnabledException", "?")

	// MOTO test_cloudtrail_tags.py; prowler-cloud/prowler issue 2025, aws/aws-sdk-java issue 1309
	ids := in{"ResourceIdList": list{arn}}
	s.ok("cloudtrail:ListTags", ids, "ResourceTagList[ResourceId,TagsList[]]")
	s.ok("cloudtrail:AddTags", id.with(in{"TagsList": list{in{"Key": "k1", "Value": "v1"}, in{"Key": "k2", "Value": "v2"}}}), "")
	s.ok("cloudtrail:ListTags", ids, "ResourceTagList[ResourceId,TagsList[Key,Value]]")
	s.ok("cloudtrail:RemoveTags", id.with(in{"TagsList": list{in{"Key": "k2", "Value": "v2"}}}), "")
	s.wants(s.must("cloudtrail:ListTags", ids), map[string]string{"ResourceTagList.0.TagsList.0.Key": "k1", "ResourceTagList.0.TagsList.1.Key": ""})
	s.as(h.other).fails("cloudtrail:ListTags", ids, 400, "CloudTrailARNInvalidException", "AccountID in ARN is wrong, you can only access resources with AccountID "+s.as(h.other).must("sts:GetCallerIdentity", nil).str("Account")+".")
	s.from(away).fails("cloudtrail:ListTags", ids, 400, "CloudTrailARNInvalidException", "Region in ARN is wrong, you can only access resources in region "+away+".")

	// aws/aws-cli issue 5098, cloudposse/terraform-aws-cloudtrail-cloudwatch-alarms issue 2, clouddrove/terraform-aws-cloudtrail
	// issue 30; PREFLIGHT pf-cloudtrail-trail-cwl-pair, …-cwl-loggroup-region
	s.must("logs:CreateLogGroup", in{"logGroupName": "rec-trail"})
	group := "arn:aws:logs:" + home + ":" + h.account + ":log-group:rec-trail"
	trust := func(service string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + service + `"},"Action":"sts:AssumeRole"}]}`
	}
	role := s.must("iam:CreateRole", in{"RoleName": "rec-trail", "AssumeRolePolicyDocument": trust("ec2.amazonaws.com")}).str("Role.Arn")
	log := func(group, role string) in {
		return in{"Name": "rec-selected", "CloudWatchLogsLogGroupArn": group, "CloudWatchLogsRoleArn": role}
	}
	refuse := func(group, role, code, text string) {
		t.Helper()
		s.fails("cloudtrail:UpdateTrail", log(group, role), 400, code, text)
	}
	refuse(group+":*", "", "InvalidCloudWatchLogsRoleArnException", "You must specify a log group and a role ARN.")
	refuse(strings.Replace(group, home, away, 1)+":*", role, "InvalidCloudWatchLogsLogGroupArnException", "You must specify a log group that is in the current region.")
	refuse(group, role, "InvalidCloudWatchLogsLogGroupArnException", "CloudTrail cannot validate the specified log group ARN.")
	refuse(group+":*", role, "InvalidCloudWatchLogsRoleArnException", "Access denied. Check the trust relationships for your role.")
	s.must("iam:UpdateAssumeRolePolicy", in{"RoleName": "rec-trail", "PolicyDocument": trust("cloudtrail.amazonaws.com")})
	refuse(group+":*", role, "InvalidCloudWatchLogsLogGroupArnException", "Access denied. Check the permissions for your role.")
	s.must("iam:PutRolePolicy", in{"RoleName": "rec-trail", "PolicyName": "p", "PolicyDocument": `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["logs:CreateLogStream","logs:PutLogEvents"],"Resource":"*"}]}`})
	s.ok("cloudtrail:UpdateTrail", log(group+":*", role), trailMade+",CloudWatchLogsLogGroupArn,CloudWatchLogsRoleArn")
	// Azure/Azure-Sentinel issue 12242, trussworks/terraform-aws-cloudtrail issue 186
	unknown := h.keyARN(home, unknownID)
	s.fails("cloudtrail:UpdateTrail", in{"Name": "rec-selected", "KmsKeyId": unknown}, 400, "InsufficientEncryptionPolicyException", "Insufficient permissions to access S3 bucket rec-selected or KMS key "+unknown+".")
	// PREFLIGHT pf-cloudtrail-trail-kms-key-region
	elsewhere := h.keyARN(away, unknownID)
	s.fails("cloudtrail:UpdateTrail", in{"Name": "rec-selected", "KmsKeyId": elsewhere}, 400, "KmsKeyNotFoundException", "KMS key ID "+elsewhere+" does not exist, or s3 bucket rec-selected and key are not in the same region.")
	_, key := s.key(nil)
	s.fails("cloudtrail:UpdateTrail", in{"Name": "rec-selected", "KmsKeyId": key}, 400, "InsufficientEncryptionPolicyException", "Insufficient permissions to access S3 bucket rec-selected or KMS key "+key+".")
}
