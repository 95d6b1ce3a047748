package cloudtrail

import (
	api "github.com/redoubt-sec/redoubt/api/cloudtrailapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations is the contents page.
func (s *Service) Operations() op.Service {
	settings := []string{"Name", "S3BucketName", "S3KeyPrefix", "SnsTopicName", "IncludeGlobalServiceEvents", "IsMultiRegionTrail",
		"EnableLogFileValidation", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId", "IsOrganizationTrail"}
	shown := []string{"Name", "S3BucketName", "S3KeyPrefix", "SnsTopicName", "SnsTopicARN", "IncludeGlobalServiceEvents", "IsMultiRegionTrail",
		"TrailARN", "LogFileValidationEnabled", "CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "KmsKeyId", "IsOrganizationTrail"}
	return op.Service{Model: &api.Model, Operations: []op.Operation{
		op.Row(api.OpLookupEvents, s.LookupEvents, onAll[api.LookupEventsInput]).
			Records("LookupAttributes", "StartTime", "EndTime", "EventCategory", "MaxResults"),

		op.Row(api.OpCreateTrail, s.CreateTrail, s.createNeeds).Records(settings...).Records("TagsList").Answers(shown...),
		op.Row(api.OpUpdateTrail, s.UpdateTrail, s.updateNeeds).Records(settings...).Answers(shown...),
		op.Row(api.OpDeleteTrail, s.DeleteTrail, onTrail(s, func(in *api.DeleteTrailInput) *string { return in.Name })).Records("Name"),
		op.Row(api.OpDescribeTrails, s.DescribeTrails, onAll[api.DescribeTrailsInput]).Records("trailNameList", "includeShadowTrails"),
		op.Row(api.OpGetTrail, s.GetTrail, onTrail(s, func(in *api.GetTrailInput) *string { return in.Name })).Records("Name"),
		op.Row(api.OpListTrails, s.ListTrails, onAll[api.ListTrailsInput]),

		op.Row(api.OpStartLogging, s.StartLogging, onTrail(s, func(in *api.StartLoggingInput) *string { return in.Name })).Records("Name"),
		op.Row(api.OpStopLogging, s.StopLogging, onTrail(s, func(in *api.StopLoggingInput) *string { return in.Name })).Records("Name"),
		op.Row(api.OpGetTrailStatus, s.GetTrailStatus, onTrail(s, func(in *api.GetTrailStatusInput) *string { return in.Name })).Records("Name"),

		op.Row(api.OpPutEventSelectors, s.PutEventSelectors, onTrail(s, func(in *api.PutEventSelectorsInput) *string { return in.TrailName })).
			Records("TrailName", "EventSelectors", "AdvancedEventSelectors").Answers("TrailARN", "EventSelectors", "AdvancedEventSelectors"),
		op.Row(api.OpGetEventSelectors, s.GetEventSelectors, onTrail(s, func(in *api.GetEventSelectorsInput) *string { return in.TrailName })).Records("TrailName"),
		op.Row(api.OpPutInsightSelectors, s.PutInsightSelectors, s.putInsightNeeds).
			Records("TrailName", "InsightSelectors", "EventDataStore", "InsightsDestination").Answers("TrailARN", "InsightSelectors"),
		op.Row(api.OpGetInsightSelectors, s.GetInsightSelectors, s.getInsightNeeds).Records("TrailName", "EventDataStore"),

		op.Row(api.OpListPublicKeys, s.ListPublicKeys, onAll[api.ListPublicKeysInput]).Records("StartTime", "EndTime"),

		op.Row(api.OpAddTags, s.AddTags, s.addTagsNeeds).Records("ResourceId", "TagsList"),
		op.Row(api.OpRemoveTags, s.RemoveTags, s.removeTagsNeeds).Records("ResourceId", "TagsList"),
		op.Row(api.OpListTags, s.ListTags, s.listTagsNeeds).Records("ResourceIdList"),
	}}
}
