import boto3
import json

def troubleshoot_rotation():
    sm = boto3.client('secretsmanager')
    logs = boto3.client('logs')

    # 로테이션 상태 확인
    response = sm.describe_secret(
        SecretId='my-secret'
    )

    if 'RotationEnabled' in response:
        print(f"Rotation Enabled: {response['RotationEnabled']}")
        print(f"Last Rotation: {response.get('LastRotatedDate')}")

    # Lambda 로그 확인
    lambda_arn = response['RotationLambdaARN']
    function_name = lambda_arn.split(':')[-1]
    log_group = f'/aws/lambda/{function_name}'

    # 최근 로그 스트림
    streams = logs.describe_log_streams(
        logGroupName=log_group,
        orderBy='LastEventTime',
        descending=True,
        limit=1
    )

    if streams['logStreams']:
        # 로그 이벤트 조회
        events = logs.get_log_events(
            logGroupName=log_group,
            logStreamName=streams['logStreams'][0]['logStreamName']
        )
        for event in events['events']:
            print(event['message'])

troubleshoot_rotation()
