package lambda

import (
	api "github.com/redoubt-sec/redoubt/api/lambdaapi"
	"github.com/redoubt-sec/redoubt/op"
)

const (
	// zipBody is how large AWS lets a request with a package be.
	zipBody = 70167211
	// eventBody is more than an event may have, so that what is too large is refused
	// in Lambda's words.
	eventBody = 8 << 20
)

// oversized is what a request with too large a package is told.
func oversized(operation string) error {
	return tooLarge("Request must be smaller than %d bytes for the %s operation", zipBody, operation)
}

// Operations is the contents page: descriptor, method, the rights it takes, and
// what the audit log may hold. Code, environment variables and payloads are never
// among it.
func (s *Service) Operations() op.Service {
	settings := []string{"FunctionName", "Runtime", "Role", "Handler", "Description", "Timeout", "MemorySize", "DeadLetterConfig",
		"KMSKeyArn", "TracingConfig", "Layers", "EphemeralStorage", "SnapStart", "LoggingConfig"}
	shown := []string{"FunctionName", "FunctionArn", "Runtime", "Role", "Handler", "CodeSize", "Description", "Timeout", "MemorySize",
		"LastModified", "CodeSha256", "Version", "DeadLetterConfig", "KMSKeyArn", "TracingConfig", "RevisionId", "Layers", "State",
		"StateReason", "StateReasonCode", "LastUpdateStatus", "PackageType", "Architectures", "EphemeralStorage", "SnapStart", "LoggingConfig"}
	return op.Service{Model: &api.Model, Site: s.site(), Operations: []op.Operation{
		// Functions.
		op.Row(api.OpCreateFunction, s.CreateFunction, s.createNeeds).
			Records(settings...).Records("Code.S3Bucket", "Code.S3Key", "Code.S3ObjectVersion", "CodeSigningConfigArn", "Publish", "PackageType", "Architectures", "Tags").
			Answers(shown...).Outside().Body(zipBody).Otherwise(oversized("CreateFunction")),
		op.Row(api.OpUpdateFunctionCode, s.UpdateFunctionCode, onFunction(s, func(in *api.UpdateFunctionCodeInput) (_, _ *string) { return in.FunctionName, nil })).
			Records("FunctionName", "S3Bucket", "S3Key", "S3ObjectVersion", "Publish", "DryRun", "RevisionId", "Architectures").
			Answers(shown...).Outside().Body(zipBody).Otherwise(oversized("UpdateFunctionCode")),
		op.Row(api.OpUpdateFunctionConfiguration, s.UpdateFunctionConfiguration, s.configureNeeds).Records(settings...).Records("RevisionId").Answers(shown...),
		op.Row(api.OpGetFunction, s.GetFunction, onVersion(s, func(in *api.GetFunctionInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).Records("FunctionName", "Qualifier"),
		op.Row(api.OpGetFunctionConfiguration, s.GetFunctionConfiguration, onVersion(s, func(in *api.GetFunctionConfigurationInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).Records("FunctionName", "Qualifier"),
		op.Row(api.OpListFunctions, s.ListFunctions, onAll[api.ListFunctionsInput]).Records("MasterRegion", "FunctionVersion", "MaxItems"),
		op.Row(api.OpDeleteFunction, s.DeleteFunction, onVersion(s, func(in *api.DeleteFunctionInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).Records("FunctionName", "Qualifier"),

		// Versions and aliases.
		op.Row(api.OpPublishVersion, s.PublishVersion, onFunction(s, func(in *api.PublishVersionInput) (_, _ *string) { return in.FunctionName, nil })).
			Records("FunctionName", "CodeSha256", "Description", "RevisionId").Answers(shown...),
		op.Row(api.OpListVersionsByFunction, s.ListVersionsByFunction, onFunction(s, func(in *api.ListVersionsByFunctionInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "MaxItems"),
		op.Row(api.OpCreateAlias, s.CreateAlias, onFunction(s, func(in *api.CreateAliasInput) (_, _ *string) { return in.FunctionName, nil })).
			Records("FunctionName", "Name", "FunctionVersion", "Description", "RoutingConfig").Answers("AliasArn", "Name", "FunctionVersion", "Description", "RoutingConfig", "RevisionId"),
		op.Row(api.OpUpdateAlias, s.UpdateAlias, onFunction(s, func(in *api.UpdateAliasInput) (_, _ *string) { return in.FunctionName, nil })).
			Records("FunctionName", "Name", "FunctionVersion", "Description", "RoutingConfig", "RevisionId").Answers("AliasArn", "Name", "FunctionVersion", "Description", "RoutingConfig", "RevisionId"),
		op.Row(api.OpGetAlias, s.GetAlias, onFunction(s, func(in *api.GetAliasInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "Name"),
		op.Row(api.OpDeleteAlias, s.DeleteAlias, onFunction(s, func(in *api.DeleteAliasInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "Name"),
		op.Row(api.OpListAliases, s.ListAliases, onFunction(s, func(in *api.ListAliasesInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "FunctionVersion", "MaxItems"),

		// Invocation.
		op.Row(api.OpInvoke, s.Invoke, s.invokeNeeds).Records("FunctionName", "InvocationType", "LogType", "Qualifier").Answers("StatusCode", "FunctionError", "ExecutedVersion").
			Outside().Data().Body(eventBody),
		op.Row(api.OpPutFunctionEventInvokeConfig, s.PutFunctionEventInvokeConfig, onVersion(s, func(in *api.PutFunctionEventInvokeConfigInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).
			Records("FunctionName", "Qualifier", "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"),
		op.Row(api.OpUpdateFunctionEventInvokeConfig, s.UpdateFunctionEventInvokeConfig, onVersion(s, func(in *api.UpdateFunctionEventInvokeConfigInput) (_, _ *string) {
			return in.FunctionName, in.Qualifier
		})).
			Records("FunctionName", "Qualifier", "MaximumRetryAttempts", "MaximumEventAgeInSeconds", "DestinationConfig"),
		op.Row(api.OpGetFunctionEventInvokeConfig, s.GetFunctionEventInvokeConfig, onVersion(s, func(in *api.GetFunctionEventInvokeConfigInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).Records("FunctionName", "Qualifier"),
		op.Row(api.OpDeleteFunctionEventInvokeConfig, s.DeleteFunctionEventInvokeConfig, onVersion(s, func(in *api.DeleteFunctionEventInvokeConfigInput) (_, _ *string) {
			return in.FunctionName, in.Qualifier
		})).Records("FunctionName", "Qualifier"),
		op.Row(api.OpListFunctionEventInvokeConfigs, s.ListFunctionEventInvokeConfigs, onFunction(s, func(in *api.ListFunctionEventInvokeConfigsInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "MaxItems"),
		op.Row(api.OpPutFunctionConcurrency, s.PutFunctionConcurrency, onFunction(s, func(in *api.PutFunctionConcurrencyInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "ReservedConcurrentExecutions"),
		op.Row(api.OpGetFunctionConcurrency, s.GetFunctionConcurrency, onFunction(s, func(in *api.GetFunctionConcurrencyInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName"),
		op.Row(api.OpDeleteFunctionConcurrency, s.DeleteFunctionConcurrency, onFunction(s, func(in *api.DeleteFunctionConcurrencyInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName"),
		op.Row(api.OpGetAccountSettings, s.GetAccountSettings, onAll[api.GetAccountSettingsInput]),

		// Permissions and tags.
		op.Row(api.OpAddPermission, s.AddPermission, s.addPermissionNeeds).
			Records("FunctionName", "StatementId", "Action", "Principal", "SourceArn", "FunctionUrlAuthType", "InvokedViaFunctionUrl", "SourceAccount", "Qualifier", "RevisionId", "PrincipalOrgID").Answers("Statement"),
		op.Row(api.OpRemovePermission, s.RemovePermission, s.removePermissionNeeds).Records("FunctionName", "StatementId", "Qualifier", "RevisionId"),
		op.Row(api.OpGetPolicy, s.GetPolicy, onVersion(s, func(in *api.GetPolicyInput) (_, _ *string) { return in.FunctionName, in.Qualifier })).Records("FunctionName", "Qualifier"),
		op.Row(api.OpTagResource, s.TagResource, s.tagResourceNeeds).Records("Resource", "Tags"),
		op.Row(api.OpUntagResource, s.UntagResource, s.untagResourceNeeds).Records("Resource", "TagKeys"),
		op.Row(api.OpListTags, s.ListTags, s.listTagsNeeds).Records("Resource"),

		// Layers.
		op.Row(api.OpPublishLayerVersion, s.PublishLayerVersion, onLayer(s, func(in *api.PublishLayerVersionInput) (*string, *int64) { return in.LayerName, nil })).
			Records("LayerName", "Description", "Content.S3Bucket", "Content.S3Key", "CompatibleArchitectures", "CompatibleRuntimes", "LicenseInfo").
			Answers("LayerArn", "LayerVersionArn", "Version").Outside().Body(zipBody).Otherwise(oversized("PublishLayerVersion")),
		op.Row(api.OpGetLayerVersion, s.GetLayerVersion, onLayer(s, func(in *api.GetLayerVersionInput) (*string, *int64) { return in.LayerName, in.VersionNumber })).Records("LayerName", "VersionNumber"),
		op.Row(api.OpGetLayerVersionByArn, s.GetLayerVersionByArn, s.layerByARNNeeds).Records("Arn"),
		op.Row(api.OpDeleteLayerVersion, s.DeleteLayerVersion, onLayer(s, func(in *api.DeleteLayerVersionInput) (*string, *int64) { return in.LayerName, in.VersionNumber })).Records("LayerName", "VersionNumber"),
		op.Row(api.OpListLayers, s.ListLayers, onAll[api.ListLayersInput]).Records("CompatibleRuntime", "CompatibleArchitecture", "MaxItems"),
		op.Row(api.OpListLayerVersions, s.ListLayerVersions, onAll[api.ListLayerVersionsInput]).Records("LayerName", "CompatibleRuntime", "CompatibleArchitecture", "MaxItems"),
		op.Row(api.OpAddLayerVersionPermission, s.AddLayerVersionPermission, onLayer(s, func(in *api.AddLayerVersionPermissionInput) (*string, *int64) { return in.LayerName, in.VersionNumber })).
			Records("LayerName", "VersionNumber", "StatementId", "Action", "Principal", "OrganizationId", "RevisionId").Answers("Statement", "RevisionId"),
		op.Row(api.OpRemoveLayerVersionPermission, s.RemoveLayerVersionPermission, onLayer(s, func(in *api.RemoveLayerVersionPermissionInput) (*string, *int64) {
			return in.LayerName, in.VersionNumber
		})).
			Records("LayerName", "VersionNumber", "StatementId", "RevisionId"),
		op.Row(api.OpGetLayerVersionPolicy, s.GetLayerVersionPolicy, onLayer(s, func(in *api.GetLayerVersionPolicyInput) (*string, *int64) { return in.LayerName, in.VersionNumber })).Records("LayerName", "VersionNumber"),

		// Code signing.
		op.Row(api.OpCreateCodeSigningConfig, s.CreateCodeSigningConfig, s.createSigningNeeds).Records("Description", "AllowedPublishers", "CodeSigningPolicies", "Tags").Answers("CodeSigningConfig"),
		op.Row(api.OpUpdateCodeSigningConfig, s.UpdateCodeSigningConfig, onSigning(func(in *api.UpdateCodeSigningConfigInput) *string { return in.CodeSigningConfigArn })).
			Records("CodeSigningConfigArn", "Description", "AllowedPublishers", "CodeSigningPolicies").Answers("CodeSigningConfig"),
		op.Row(api.OpGetCodeSigningConfig, s.GetCodeSigningConfig, onSigning(func(in *api.GetCodeSigningConfigInput) *string { return in.CodeSigningConfigArn })).Records("CodeSigningConfigArn"),
		op.Row(api.OpDeleteCodeSigningConfig, s.DeleteCodeSigningConfig, onSigning(func(in *api.DeleteCodeSigningConfigInput) *string { return in.CodeSigningConfigArn })).Records("CodeSigningConfigArn"),
		op.Row(api.OpListCodeSigningConfigs, s.ListCodeSigningConfigs, onAll[api.ListCodeSigningConfigsInput]).Records("MaxItems"),
		op.Row(api.OpListFunctionsByCodeSigningConfig, s.ListFunctionsByCodeSigningConfig, onSigning(func(in *api.ListFunctionsByCodeSigningConfigInput) *string { return in.CodeSigningConfigArn })).
			Records("CodeSigningConfigArn", "MaxItems"),
		op.Row(api.OpPutFunctionCodeSigningConfig, s.PutFunctionCodeSigningConfig, s.putSigningNeeds).Records("FunctionName", "CodeSigningConfigArn").Answers("CodeSigningConfigArn", "FunctionName"),
		op.Row(api.OpGetFunctionCodeSigningConfig, s.GetFunctionCodeSigningConfig, onFunction(s, func(in *api.GetFunctionCodeSigningConfigInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName"),
		op.Row(api.OpDeleteFunctionCodeSigningConfig, s.DeleteFunctionCodeSigningConfig, onFunction(s, func(in *api.DeleteFunctionCodeSigningConfigInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName"),

		// Function URLs.
		op.Row(api.OpCreateFunctionUrlConfig, s.CreateFunctionUrlConfig, onURL(s, func(in *api.CreateFunctionUrlConfigInput) (_, _, _ *string) {
			return in.FunctionName, in.Qualifier, in.AuthType
		})).
			Records("FunctionName", "Qualifier", "AuthType", "Cors", "InvokeMode").Answers("FunctionUrl", "FunctionArn", "AuthType", "Cors", "CreationTime"),
		op.Row(api.OpUpdateFunctionUrlConfig, s.UpdateFunctionUrlConfig, onURL(s, func(in *api.UpdateFunctionUrlConfigInput) (_, _, _ *string) {
			return in.FunctionName, in.Qualifier, in.AuthType
		})).
			Records("FunctionName", "Qualifier", "AuthType", "Cors", "InvokeMode").Answers("FunctionUrl", "FunctionArn", "AuthType", "Cors", "LastModifiedTime"),
		op.Row(api.OpGetFunctionUrlConfig, s.GetFunctionUrlConfig, onURL(s, func(in *api.GetFunctionUrlConfigInput) (_, _, _ *string) { return in.FunctionName, in.Qualifier, nil })).Records("FunctionName", "Qualifier"),
		op.Row(api.OpDeleteFunctionUrlConfig, s.DeleteFunctionUrlConfig, onURL(s, func(in *api.DeleteFunctionUrlConfigInput) (_, _, _ *string) {
			return in.FunctionName, in.Qualifier, nil
		})).Records("FunctionName", "Qualifier"),
		op.Row(api.OpListFunctionUrlConfigs, s.ListFunctionUrlConfigs, onFunction(s, func(in *api.ListFunctionUrlConfigsInput) (_, _ *string) { return in.FunctionName, nil })).Records("FunctionName", "MaxItems"),
	}}
}
