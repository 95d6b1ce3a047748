import boto3
import os

ssm = boto3.client('ssm')

def lambda_handler(event, context):
    # 파라미터 조회
    response = ssm.get_parameter(
        Name='/myapp/database/password',
        WithDecryption=True
    )
    db_password = response['Parameter']['Value']

    # 데이터베이스 연결
    import pymysql
    connection = pymysql.connect(
        host=os.environ['DB_HOST'],
        user=os.environ['DB_USER'],
        password=db_password,
        database='myapp'
    )
    # ... 나머지 로직
