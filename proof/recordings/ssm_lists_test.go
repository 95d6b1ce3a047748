package recordings

import (
	"fmt"
	"strings"
	"testing"
)

func ssmVersions(t *testing.T, h *house) {
	s := h.scene(t)
	const entry = "DataType,Description,Labels[%s],LastModifiedDate,LastModifiedUser,Name,Policies[],Tier,Type,Value,Version"
	for i := range 3 {
		s.parameter("rec-history", fmt.Sprint("value-", i), in{"Description": fmt.Sprint("version ", i), "Overwrite": true})
	}
	// MOTO test_ssm_boto3.py, confirmed by the model's documentation: a label moves, and the newest version is meant where none is said
	a := s.ok("ssm:GetParameterHistory", in{"Name": "rec-history"}, "Parameters["+fmt.Sprintf(entry, "")+"]")
	s.wants(a, map[string]string{"Parameters.0.Value": "value-0", "Parameters.0.Version": "1", "Parameters.2.Description": "version 2", "Parameters.2.Tier": "Standard"})
	s.wants(s.ok("ssm:LabelParameterVersion", in{"Name": "rec-history", "ParameterVersion": 1, "Labels": list{"test-label"}}, "InvalidLabels[],ParameterVersion"), map[string]string{"ParameterVersion": "1"})
	s.wants(s.ok("ssm:LabelParameterVersion", in{"Name": "rec-history", "Labels": list{"test-label", "other"}}, "InvalidLabels[],ParameterVersion"), map[string]string{"ParameterVersion": "3"})
	a = s.must("ssm:GetParameterHistory", in{"Name": "rec-history"})
	s.wants(a, map[string]string{"Parameters.0.Labels": "[]", "Parameters.2.Labels.0": "other", "Parameters.2.Labels.1": "test-label"})
	s.wants(s.ok("ssm:GetParameter", in{"Name": "rec-history:test-label"}, strings.Replace(one, "Name", "Name,Selector", 1)),
		map[string]string{"Parameter.Name": "rec-history", "Parameter.Selector": ":test-label", "Parameter.Version": "3"})
	for _, label := range []string{"awsabc", "ssmabc", "9abc", "abc/123"} {
		s.wants(s.ok("ssm:LabelParameterVersion", in{"Name": "rec-history", "Labels": list{label}}, "InvalidLabels[*],ParameterVersion"), map[string]string{"InvalidLabels.0": label})
	}
	s.fails("ssm:LabelParameterVersion", in{"Name": "rec-history", "Labels": list{"x"}, "ParameterVersion": 5}, 400, "ParameterVersionNotFound",
		"Systems Manager could not find version 5 of rec-history. Verify the version and try again.")
	s.fails("ssm:LabelParameterVersion", in{"Name": "rec-none", "Labels": list{"x"}}, 400, "ParameterNotFound", "-")
	s.fails("ssm:GetParameterHistory", in{"Name": "rec-none"}, 400, "ParameterNotFound", "-")
	var labels list
	for i := range 9 {
		labels = append(labels, fmt.Sprint("l", i))
	}
	s.fails("ssm:LabelParameterVersion", in{"Name": "rec-history", "Labels": labels}, 400, "ParameterVersionLabelLimitExceeded",
		"An error occurred (ParameterVersionLabelLimitExceeded) when calling the LabelParameterVersion operation: A parameter version can have maximum 10 labels.Move one or more labels to another version and try again.")
	s.wants(s.ok("ssm:UnlabelParameterVersion", in{"Name": "rec-history", "ParameterVersion": 3, "Labels": list{"other", "absent"}}, "InvalidLabels[*],RemovedLabels[*]"),
		map[string]string{"RemovedLabels.0": "other", "InvalidLabels.0": "absent"})
	// pull 3984, and issue 3963 of moto's with AWS's documentation: a hundred versions, fifty a page
	s.fails("ssm:GetParameterHistory", in{"Name": "rec-history", "MaxResults": 51}, 400, "ValidationException",
		"1 validation error detected: Value '51' at 'maxResults' failed to satisfy constraint: Member must have value less than or equal to 50")
	for i := range 98 {
		s.parameter("rec-history", fmt.Sprint("more-", i), in{"Overwrite": true})
	}
	a = s.must("ssm:GetParameterHistory", in{"Name": "rec-history", "MaxResults": 50})
	s.wants(a, map[string]string{"Parameters.0.Version": "2", "Parameters.49.Version": "51"})
	a = s.must("ssm:GetParameterHistory", in{"Name": "rec-history", "MaxResults": 50, "NextToken": a.str("NextToken")})
	s.wants(a, map[string]string{"Parameters.49.Version": "101", "NextToken": ""})
	s.must("ssm:LabelParameterVersion", in{"Name": "rec-history", "ParameterVersion": 2, "Labels": list{"keep"}})
	s.fails("ssm:PutParameter", in{"Name": "rec-history", "Value": "x", "Overwrite": true}, 400, "ParameterMaxVersionLimitExceeded",
		"You attempted to create a new version of rec-history by calling the PutParameter API with the overwrite flag. Version 2, the oldest version, can't be deleted because it has a label associated with it. Move the label to another version of the parameter, and try again.")
}

func ssmLists(t *testing.T, h *house) {
	s := h.scene(t)
	// LS ssm/test_ssm.py test_get_parameters_by_path_and_filter_by_labels
	s.parameter("/rec-prefix/path", "value")
	s.must("ssm:LabelParameterVersion", in{"Name": "/rec-prefix/path", "ParameterVersion": 1, "Labels": list{"latest"}})
	s.wants(s.ok("ssm:GetParametersByPath", in{"Path": "/rec-prefix", "ParameterFilters": list{in{"Key": "Label", "Values": list{"latest"}}}},
		"Parameters[ARN,DataType,LastModifiedDate,Name,Type,Value,Version]"),
		map[string]string{"Parameters.0.Name": "/rec-prefix/path", "Parameters.0.Value": "value"})
	// aws/aws-sdk-js-v3 issue 5928: an empty list, and the words about a path
	s.ok("ssm:GetParametersByPath", in{"Path": "/rec-nowhere"}, "Parameters[]")
	const path = `The parameter doesn't meet the parameter name requirements. The parameter name must begin with a forward slash "/". It can't be prefixed with \"aws\" or \"ssm\" (case-insensitive). It must use only letters, numbers, or the following symbols: . (period), - (hyphen), _ (underscore). Special characters are not allowed. All sub-paths, if specified, must use the forward slash symbol "/". Valid example: /get/parameters2-/by1./path0_.`
	s.fails("ssm:GetParametersByPath", in{"Path": "no-slash"}, 400, "ValidationException", path)
	// MOTO test_ssm_boto3.py
	for _, key := range []string{"Name", "Path", "Tier"} {
		s.fails("ssm:GetParametersByPath", in{"Path": "/x", "ParameterFilters": list{in{"Key": key, "Values": list{"/error"}}}}, 400, "InvalidFilterKey",
			"The following filter key is not valid: "+key+". Valid filter keys include: [Type, KeyId].")
	}
	const metadata = "ARN,DataType,LastModifiedDate,LastModifiedUser,Name,Policies[],Tier,Type,Version"
	named := func(name string) in {
		return in{"ParameterFilters": list{in{"Key": "Name", "Option": "Equals", "Values": list{name}}}}
	}
	// TF ssm/parameter.go finds metadata so
	s.wants(s.ok("ssm:DescribeParameters", named("/rec-prefix/path"), "Parameters["+metadata+"]"),
		map[string]string{"Parameters.0.Name": "/rec-prefix/path", "Parameters.0.ARN": h.parameterARN("/rec-prefix/path"), "Parameters.0.Tier": "Standard"})
	s.ok("ssm:DescribeParameters", named("/rec-prefix/none"), "Parameters[]")
	s.parameter("/rec-prefix/secure", "v", in{"Type": "SecureString", "Description": "d", "AllowedPattern": ".*"})
	s.wants(s.ok("ssm:DescribeParameters", named("/rec-prefix/secure"), "Parameters[AllowedPattern,Description,KeyId,"+metadata+"]"),
		map[string]string{"Parameters.0.KeyId": "alias/aws/ssm"})
	filter := func(f in, code, message string) {
		t.Helper()
		s.fails("ssm:DescribeParameters", in{"ParameterFilters": list{f}}, 400, code, message)
	}
	filter(in{"Key": "Label"}, "InvalidFilterKey", "The following filter key is not valid: Label. Valid filter keys include: [Path, Name, Type, KeyId, Tier].")
	filter(in{"Key": "Name"}, "InvalidFilterValue", "The following filter values are missing : null for filter key Name")
	filter(in{"Key": "Path", "Values": list{"/aws", "/ssm"}}, "ValidationException",
		`Filters for common parameters can't be prefixed with "aws" or "ssm" (case-insensitive). When using global parameters, please specify within a global namespace.`)
	filter(in{"Key": "Path", "Option": "Equals", "Values": list{"test"}}, "InvalidFilterOption", "The following filter option is not valid: Equals. Valid options include: [Recursive, OneLevel].")
	filter(in{"Key": "Tier", "Values": list{"test"}}, "InvalidFilterOption", "The following filter value is not valid: test. Valid values include: [Standard, Advanced, Intelligent-Tiering].")
	filter(in{"Key": "Type", "Values": list{"test"}}, "InvalidFilterOption", "The following filter value is not valid: test. Valid values include: [String, StringList, SecureString].")
	filter(in{"Key": "Name", "Option": "option", "Values": list{"test"}}, "InvalidFilterOption", "The following filter option is not valid: option. Valid options include: [BeginsWith, Equals].")
	for _, bad := range []string{"/###", "//", "test"} {
		filter(in{"Key": "Path", "Values": list{bad}}, "ValidationException", path)
	}
	s.fails("ssm:DescribeParameters", in{"Filters": list{in{"Key": "Name", "Values": list{"a"}}}, "ParameterFilters": list{in{"Key": "Name", "Values": list{"a"}}}}, 400, "ValidationException",
		"You can use either Filters or ParameterFilters in a single request.")
	s.fails("ssm:DescribeParameters", in{"ParameterFilters": list{in{"Key": "Name", "Values": list{"a"}}, in{"Key": "Name", "Values": list{"b"}}}}, 400, "InvalidFilterKey",
		"The following filter is duplicated in the request: Name. A request can contain only one occurrence of a specific filter.")

	// getmoto/moto issue 4360, aws/aws-cli issue 4419: no text; MOTO test_add_remove_list_tags_for_resource
	tagged := func(id string, more in) in {
		input := in{"ResourceType": "Parameter", "ResourceId": id}
		for k, v := range more {
			input[k] = v
		}
		return input
	}
	s.fails("ssm:ListTagsForResource", tagged("rec-none", nil), 400, "InvalidResourceId", "-")
	s.fails("ssm:AddTagsToResource", tagged("rec-none", in{"Tags": list{in{"Key": "a", "Value": "b"}}}), 400, "InvalidResourceId", "-")
	s.ok("ssm:ListTagsForResource", tagged("/rec-prefix/path", nil), "TagList[]")
	s.ok("ssm:AddTagsToResource", tagged("/rec-prefix/path", in{"Tags": list{in{"Key": "a", "Value": "b"}}}), "")
	s.wants(s.ok("ssm:ListTagsForResource", tagged("/rec-prefix/path", nil), "TagList[Key,Value]"), map[string]string{"TagList.0.Key": "a", "TagList.0.Value": "b"})
	s.ok("ssm:RemoveTagsFromResource", tagged("/rec-prefix/path", in{"TagKeys": list{"a", "absent"}}), "")
	s.ok("ssm:ListTagsForResource", tagged("/rec-prefix/path", nil), "TagList[]")
}
