package ssm

import (
	"github.com/redoubt-sec/redoubt/api/ssmapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations are the rows of Parameter Store: descriptor, method, the rights it
// takes, and what the audit log may hold. Of a value it says that there was one.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &ssmapi.Model, Operations: []op.Operation{
		op.Row(ssmapi.OpPutParameter, s.PutParameter, s.putNeeds).
			Records("Name", "Description", "Value", "Type", "KeyId", "Overwrite", "AllowedPattern", "Tags", "Tier", "Policies", "DataType").Answers("Version", "Tier"),
		op.Row(ssmapi.OpGetParameter, s.GetParameter, s.getNeeds).Records("Name", "WithDecryption"),
		op.Row(ssmapi.OpGetParameters, s.GetParameters, s.getAllNeeds).Records("Names", "WithDecryption"),
		op.Row(ssmapi.OpGetParametersByPath, s.GetParametersByPath, s.pathNeeds).Records("Path", "Recursive", "ParameterFilters", "WithDecryption", "MaxResults"),
		op.Row(ssmapi.OpGetParameterHistory, s.GetParameterHistory, s.historyNeeds).Records("Name", "WithDecryption", "MaxResults"),
		op.Row(ssmapi.OpDescribeParameters, s.DescribeParameters, describeNeeds).Records("Filters", "ParameterFilters", "MaxResults", "Shared"),
		op.Row(ssmapi.OpDeleteParameter, s.DeleteParameter, s.deleteNeeds).Records("Name"),
		op.Row(ssmapi.OpDeleteParameters, s.DeleteParameters, s.deleteAllNeeds).Records("Names").Answers("DeletedParameters", "InvalidParameters"),
		op.Row(ssmapi.OpLabelParameterVersion, s.LabelParameterVersion, s.labelNeeds).Records("Name", "ParameterVersion", "Labels").Answers("InvalidLabels", "ParameterVersion"),
		op.Row(ssmapi.OpUnlabelParameterVersion, s.UnlabelParameterVersion, s.unlabelNeeds).Records("Name", "ParameterVersion", "Labels").Answers("RemovedLabels", "InvalidLabels"),

		// Tags, settings, sharing: of parameters and their store only.
		op.Row(ssmapi.OpAddTagsToResource, s.AddTagsToResource, s.addTagsNeeds).Records("ResourceType", "ResourceId", "Tags"),
		op.Row(ssmapi.OpRemoveTagsFromResource, s.RemoveTagsFromResource, s.removeTagsNeeds).Records("ResourceType", "ResourceId", "TagKeys"),
		op.Row(ssmapi.OpListTagsForResource, s.ListTagsForResource, s.listTagsNeeds).Records("ResourceType", "ResourceId"),
		op.Row(ssmapi.OpGetServiceSetting, s.GetServiceSetting, getSettingNeeds).Records("SettingId"),
		op.Row(ssmapi.OpUpdateServiceSetting, s.UpdateServiceSetting, updateSettingNeeds).Records("SettingId", "SettingValue"),
		op.Row(ssmapi.OpResetServiceSetting, s.ResetServiceSetting, resetSettingNeeds).Records("SettingId").Answers("ServiceSetting"),
		op.Row(ssmapi.OpPutResourcePolicy, s.PutResourcePolicy, s.putPolicyNeeds).Records("ResourceArn", "Policy", "PolicyId").Answers("PolicyId"),
		op.Row(ssmapi.OpGetResourcePolicies, s.GetResourcePolicies, s.getPoliciesNeeds).Records("ResourceArn", "MaxResults"),
		op.Row(ssmapi.OpDeleteResourcePolicy, s.DeleteResourcePolicy, s.deletePolicyNeeds).Records("ResourceArn", "PolicyId"),
	}}
}
