package recordings

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

const (
	logGroup  = "arn,creationTime,deletionProtectionEnabled,logGroupArn,logGroupClass,logGroupName,metricFilterCount,storedBytes"
	logStream = "arn,creationTime,logStreamName,storedBytes"
)

func logGroups(t *testing.T, h *house) {
	s := h.scene(t)
	const create, describe = "logs:CreateLogGroup", "logs:DescribeLogGroups"
	prefix := "pre-" + serial()
	arn := func(name string) string { return "arn:aws:logs:us-east-1:" + h.account + ":log-group:" + name }
	// LS logs/test_logs_groups.py test_create_and_delete_log_group, test_describe_log_groups_with_prefix
	for i := range 3 {
		s.ok(create, in{"logGroupName": fmt.Sprint(prefix, "-group-", i)}, "")
	}
	a := s.ok(describe, in{"logGroupNamePrefix": prefix}, "logGroups["+logGroup+"]")
	one := prefix + "-group-0"
	s.wants(a, map[string]string{
		"logGroups.0.logGroupName": one, "logGroups.0.arn": arn(one) + ":*", "logGroups.0.logGroupArn": arn(one), "logGroups.0.logGroupClass": "STANDARD",
		"logGroups.0.metricFilterCount": "0", "logGroups.0.storedBytes": "0", "logGroups.0.deletionProtectionEnabled": "false", "logGroups.2.logGroupName": prefix + "-group-2",
	})
	// test_create_log_group_duplicate_error, test_create_log_group_invalid_name_length
	s.fails(create, in{"logGroupName": one}, 400, "ResourceAlreadyExistsException", "The specified log group already exists")
	s.fails(create, in{"logGroupName": strings.Repeat("a", 513)}, 400, "InvalidParameterException", "Invalid LogGroup or LogStream, both must have length less than or equal to 512.")
	// test_describe_log_groups_with_pattern: less is shown of what a search finds
	s.ok(describe, in{"logGroupNamePattern": prefix[1:] + "-group-1"}, "logGroups[arn,creationTime,logGroupArn,logGroupClass,logGroupName,metricFilterCount]")
	// test_describe_log_groups_prefix_and_pattern_error
	s.fails(describe, in{"logGroupNamePattern": one, "logGroupNamePrefix": one}, 400, "InvalidParameterException", "LogGroup name prefix and LogGroup name pattern are mutually exclusive parameters.")
	// test_list_log_groups_with_pattern
	s.ok("logs:ListLogGroups", in{"logGroupNamePattern": "no-such-group"}, "logGroups[]")
	a = s.ok("logs:ListLogGroups", in{"logGroupNamePattern": one}, "logGroups[logGroupArn,logGroupClass,logGroupName]")
	s.wants(a, map[string]string{"logGroups.0.logGroupName": one, "logGroups.0.logGroupArn": arn(one)})
	// TestLogsGroupsRetention
	s.ok("logs:PutRetentionPolicy", in{"logGroupName": one, "retentionInDays": 7}, "")
	s.wants(s.ok(describe, in{"logGroupNamePrefix": one}, "logGroups["+logGroup+",retentionInDays]"), map[string]string{"logGroups.0.retentionInDays": "7"})
	s.ok("logs:DeleteRetentionPolicy", in{"logGroupName": one}, "")
	s.ok(describe, in{"logGroupNamePrefix": one}, "logGroups["+logGroup+"]")
	s.ok("logs:DeleteLogGroup", in{"logGroupName": one}, "")
	s.ok(describe, in{"logGroupNamePrefix": one}, "logGroups[]")

	// TestLogsGroupsTags::test_create_log_group_with_tags, test_tag_log_group, test_untag_log_group, test_tag_resource_api
	name := "test-tags-" + serial()
	s.ok(create, in{"logGroupName": name, "tags": in{"env": "testing1"}}, "")
	both := func(fields string, values map[string]string) {
		t.Helper()
		s.wants(s.ok("logs:ListTagsLogGroup", in{"logGroupName": name}, fields), values)
		s.wants(s.ok("logs:ListTagsForResource", in{"resourceArn": arn(name)}, fields), values)
	}
	both("tags{env}", map[string]string{"tags.env": "testing1"})
	s.ok("logs:TagResource", in{"resourceArn": arn(name), "tags": in{"test1": "val1", "test2": "val2"}}, "")
	both("tags{env,test1,test2}", map[string]string{"tags.test2": "val2"})
	s.ok("logs:TagLogGroup", in{"logGroupName": name, "tags": in{"test3": "val3"}}, "")
	both("tags{env,test1,test2,test3}", nil)
	s.ok("logs:UntagLogGroup", in{"logGroupName": name, "tags": list{"test3"}}, "")
	s.ok("logs:UntagResource", in{"resourceArn": arn(name), "tagKeys": list{"env", "test1"}}, "")
	both("tags{test2}", nil)
}

func logStreams(t *testing.T, h *house) {
	s := h.scene(t)
	group := "streams-" + serial()
	s.must("logs:CreateLogGroup", in{"logGroupName": group})
	arn := "arn:aws:logs:us-east-1:" + h.account + ":log-group:" + group
	const create, describe = "logs:CreateLogStream", "logs:DescribeLogStreams"
	// LS logs/test_logs_streams.py test_create_and_delete_log_stream, test_log_stream_arn_format
	s.ok(create, in{"logGroupName": group, "logStreamName": "one"}, "")
	a := s.ok(describe, in{"logGroupName": group}, "logStreams["+logStream+"]")
	s.wants(a, map[string]string{"logStreams.0.logStreamName": "one", "logStreams.0.storedBytes": "0", "logStreams.0.arn": arn + ":log-stream:one"})
	// test_create_log_stream_duplicate_error
	s.fails(create, in{"logGroupName": group, "logStreamName": "one"}, 400, "ResourceAlreadyExistsException", "The specified log stream already exists")
	// test_describe_log_streams_with_log_group_identifier
	for _, id := range []string{group, arn} {
		s.ok(describe, in{"logGroupIdentifier": id}, "logStreams["+logStream+"]")
	}
	s.fails(describe, in{"logGroupName": group, "logGroupIdentifier": group}, 400, "ValidationException", "LogGroup name and LogGroup ARN are mutually exclusive parameters.")
	// test_describe_log_streams_with_prefix
	for i := range 3 {
		s.must(create, in{"logGroupName": group, "logStreamName": fmt.Sprint("prefix-", i)})
	}
	a = s.ok(describe, in{"logGroupName": group, "logStreamNamePrefix": "prefix"}, "logStreams["+logStream+"]")
	s.wants(a, map[string]string{"logStreams.0.logStreamName": "prefix-0", "logStreams.2.logStreamName": "prefix-2", "logStreams.3.logStreamName": ""})
	s.ok("logs:DeleteLogStream", in{"logGroupName": group, "logStreamName": "one"}, "")
}

func logEvents(t *testing.T, h *house) {
	s := h.scene(t)
	group := "events-" + serial()
	at := in{"logGroupName": group, "logStreamName": "stream"}
	const put, get, filter = "logs:PutLogEvents", "logs:GetLogEvents", "logs:FilterLogEvents"
	event := func(after time.Duration, message string) in {
		return in{"timestamp": h.clock.Now().Add(after).UnixMilli(), "message": message}
	}
	events := func(e ...any) in { return at.with(in{"logEvents": list(e)}) }
	// LS logs/test_logs_events.py TestLogsEventsErrors::test_resource_does_not_exist
	s.fails(get, at, 400, "ResourceNotFoundException", "The specified log group does not exist.")
	s.must("logs:CreateLogGroup", in{"logGroupName": group})
	s.fails(get, at, 400, "ResourceNotFoundException", "The specified log stream does not exist.")
	// test_put_log_events_to_invalid_stream
	s.fails(put, events(event(0, "test")), 400, "ResourceNotFoundException", "The specified log stream does not exist.")
	s.must("logs:CreateLogStream", at)
	// test_put_log_events_wrong_order, test_put_log_events_too_old, test_put_log_events_too_new
	s.fails(put, events(event(0, "Message 0"), event(-48*time.Hour, "Message 1")), 400, "InvalidParameterException", "Log events in a single PutLogEvents request must be in chronological order.")
	s.ok(put, events(event(-30*24*time.Hour, "Old message")), "nextSequenceToken,rejectedLogEventsInfo{tooOldLogEventEndIndex}")
	s.ok(put, events(event(24*time.Hour, "Future message")), "nextSequenceToken,rejectedLogEventsInfo{tooNewLogEventStartIndex}")
	// test_put_log_events_basic, test_put_events_multi_bytes_msg, test_get_log_events_basic, test_get_log_events_using_log_group_identifier
	s.ok(put, events(event(-time.Second, "hello"), event(0, "🙀 - 参よ - 日本語")), "nextSequenceToken")
	arn := "arn:aws:logs:us-east-1:" + h.account + ":log-group:" + group
	for _, by := range []in{{"logGroupName": group}, {"logGroupIdentifier": group}, {"logGroupIdentifier": arn}} {
		a := s.ok(get, by.with(in{"logStreamName": "stream"}), "events[ingestionTime,message,timestamp],nextBackwardToken,nextForwardToken")
		s.wants(a, map[string]string{"events.0.message": "hello", "events.1.message": "🙀 - 参よ - 日本語", "events.2.message": ""})
	}
	s.wants(s.ok(get, at.with(in{"startFromHead": true, "limit": 1}), "events[ingestionTime,message,timestamp],nextBackwardToken,nextForwardToken"), map[string]string{"events.0.message": "hello"})
	// test_get_log_events_invalid_token, test_get_log_events_limit_validation
	s.fails(get, at.with(in{"nextToken": "invalid-token"}), 400, "InvalidParameterException", "The specified nextToken is invalid.")
	const many = "1 validation error detected: Value '10001' at 'limit' failed to satisfy constraint: Member must have value less than or equal to 10000"
	s.fails(get, at.with(in{"limit": 10001}), 400, "InvalidParameterException", many)
	// LS logs/test_logs_filter_events.py test_filter_log_events_limit_validation, test_filter_log_events_unknown_token
	s.fails(filter, in{"logGroupName": group, "limit": 10001}, 400, "InvalidParameterException", many)
	s.fails(filter, in{"logGroupName": group, "nextToken": "invalid-token"}, 400, "InvalidParameterException", "The specified nextToken is invalid.")
	s.ok(filter, in{"logGroupName": group, "filterPattern": "hello"}, "events[eventId,ingestionTime,logStreamName,message,timestamp],searchedLogStreams[]")
}
