package logs

import (
	api "github.com/redoubt-sec/redoubt/api/logsapi"
	"github.com/redoubt-sec/redoubt/op"
)

// Operations is the contents page.
func (s *Service) Operations() op.Service {
	return op.Service{Model: &api.Model, Operations: []op.Operation{
		op.Row(api.OpCreateLogGroup, s.CreateLogGroup, s.createNeeds).
			Records("logGroupName", "kmsKeyId", "tags", "logGroupClass", "deletionProtectionEnabled"),
		op.Row(api.OpDeleteLogGroup, s.DeleteLogGroup, onGroup(s, func(in *api.DeleteLogGroupInput) (_, _ *string) { return in.LogGroupName, nil })).Records("logGroupName"),
		op.Row(api.OpDescribeLogGroups, s.DescribeLogGroups, onGroups[api.DescribeLogGroupsInput]).
			Records("logGroupNamePrefix", "logGroupNamePattern", "limit", "logGroupClass", "logGroupIdentifiers"),
		op.Row(api.OpListLogGroups, s.ListLogGroups, onAll[api.ListLogGroupsInput]).Records("logGroupNamePattern", "logGroupClass", "limit"),
		op.Row(api.OpPutRetentionPolicy, s.PutRetentionPolicy, onGroup(s, func(in *api.PutRetentionPolicyInput) (_, _ *string) { return in.LogGroupName, nil })).
			Records("logGroupName", "retentionInDays"),
		op.Row(api.OpDeleteRetentionPolicy, s.DeleteRetentionPolicy, onGroup(s, func(in *api.DeleteRetentionPolicyInput) (_, _ *string) { return in.LogGroupName, nil })).
			Records("logGroupName"),
		op.Row(api.OpPutLogGroupDeletionProtection, s.PutLogGroupDeletionProtection, onGroup(s, func(in *api.PutLogGroupDeletionProtectionInput) (_, _ *string) { return nil, in.LogGroupIdentifier })).
			Records("logGroupIdentifier", "deletionProtectionEnabled"),

		op.Row(api.OpCreateLogStream, s.CreateLogStream, onStream(s, func(in *api.CreateLogStreamInput) (_, _, _ *string) { return in.LogGroupName, nil, in.LogStreamName })).
			Records("logGroupName", "logStreamName"),
		op.Row(api.OpDeleteLogStream, s.DeleteLogStream, onStream(s, func(in *api.DeleteLogStreamInput) (_, _, _ *string) { return in.LogGroupName, nil, in.LogStreamName })).
			Records("logGroupName", "logStreamName"),
		op.Row(api.OpDescribeLogStreams, s.DescribeLogStreams, onGroup(s, func(in *api.DescribeLogStreamsInput) (_, _ *string) { return in.LogGroupName, in.LogGroupIdentifier })).
			Records("logGroupName", "logGroupIdentifier", "logStreamNamePrefix", "orderBy", "descending", "limit"),

		op.Row(api.OpPutLogEvents, s.PutLogEvents, onStream(s, func(in *api.PutLogEventsInput) (_, _, _ *string) { return in.LogGroupName, nil, in.LogStreamName })).
			Records("logGroupName", "logStreamName").Body(8 << 20).Data(),
		op.Row(api.OpGetLogEvents, s.GetLogEvents, onStream(s, func(in *api.GetLogEventsInput) (_, _, _ *string) {
			return in.LogGroupName, in.LogGroupIdentifier, in.LogStreamName
		})).Records("logGroupName", "logGroupIdentifier", "logStreamName", "startTime", "endTime", "limit", "startFromHead"),
		op.Row(api.OpFilterLogEvents, s.FilterLogEvents, onGroup(s, func(in *api.FilterLogEventsInput) (_, _ *string) { return in.LogGroupName, in.LogGroupIdentifier })).
			Records("logGroupName", "logGroupIdentifier", "logStreamNames", "logStreamNamePrefix", "startTime", "endTime", "limit"),
		op.Row(api.OpTestMetricFilter, s.TestMetricFilter, onAll[api.TestMetricFilterInput]),

		op.Row(api.OpTagResource, s.TagResource, onTagged(s, func(in *api.TagResourceInput) (_, _ *string, _ map[string]string, _ []string) {
			return nil, in.ResourceArn, in.Tags, nil
		})).
			Records("resourceArn", "tags"),
		op.Row(api.OpUntagResource, s.UntagResource, onTagged(s, func(in *api.UntagResourceInput) (_, _ *string, _ map[string]string, _ []string) {
			return nil, in.ResourceArn, nil, in.TagKeys
		})).
			Records("resourceArn", "tagKeys"),
		op.Row(api.OpListTagsForResource, s.ListTagsForResource, onTagged(s, func(in *api.ListTagsForResourceInput) (_, _ *string, _ map[string]string, _ []string) {
			return nil, in.ResourceArn, nil, nil
		})).
			Records("resourceArn"),
		op.Row(api.OpTagLogGroup, s.TagLogGroup, onTagged(s, func(in *api.TagLogGroupInput) (_, _ *string, _ map[string]string, _ []string) {
			return in.LogGroupName, nil, in.Tags, nil
		})).
			Records("logGroupName", "tags"),
		op.Row(api.OpUntagLogGroup, s.UntagLogGroup, onTagged(s, func(in *api.UntagLogGroupInput) (_, _ *string, _ map[string]string, _ []string) {
			return in.LogGroupName, nil, nil, in.Tags
		})).
			Records("logGroupName", "tags"),
		op.Row(api.OpListTagsLogGroup, s.ListTagsLogGroup, onTagged(s, func(in *api.ListTagsLogGroupInput) (_, _ *string, _ map[string]string, _ []string) {
			return in.LogGroupName, nil, nil, nil
		})).
			Records("logGroupName"),
	}}
}
