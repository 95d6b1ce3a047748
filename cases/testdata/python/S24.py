import boto3
import pymysql
import json

def lambda_handler(event, context):
    """RDS MySQL 패스워드 자동 로테이션"""
    secretsmanager = boto3.client('secretsmanager')

    # 현재 비밀 값 가져오기
    current_secret = secretsmanager.get_secret_value(
        SecretId=event['SecretId']
    )
    current_dict = json.loads(current_secret['SecretString'])

    # 새 패스워드 생성
    import secrets as secret_gen
    new_password = secret_gen.token_urlsafe(32)

    # 데이터베이스에 새 패스워드 설정
    connection = pymysql.connect(
        host=current_dict['host'],
        user=current_dict['username'],
        password=current_dict['password']
    )
    cursor = connection.cursor()
    cursor.execute(
        f"ALTER USER '{current_dict['username']}'@'%' IDENTIFIED BY '{new_password}'"
    )
    connection.commit()
    connection.close()

    # Secrets Manager 업데이트
    new_secret = current_dict.copy()
    new_secret['password'] = new_password
    secretsmanager.update_secret(
        SecretId=event['SecretId'],
        SecretString=json.dumps(new_secret)
    )
    return {
        'statusCode': 200,
        'body': 'Password rotated successfully'
    }
