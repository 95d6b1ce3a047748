import boto3
import json

class SecureDataPipeline:
    def __init__(self):
        self.kms = boto3.client('kms')
        self.s3 = boto3.client('s3')
        self.secretsmanager = boto3.client('secretsmanager')

    def setup_encryption_key(self):
        """KMS 키 생성 및 설정"""
        response = self.kms.create_key(
            Description='Data pipeline encryption key',
            KeyUsage='ENCRYPT_DECRYPT',
            Origin='AWS_KMS'
        )
        key_id = response['KeyMetadata']['KeyId']

        # 별칭 생성
        self.kms.create_alias(
            AliasName='alias/data-pipeline-key',
            TargetKeyId=key_id
        )

        # 키 로테이션 활성화
        self.kms.enable_key_rotation(KeyId=key_id)

        return key_id

    def create_encrypted_bucket(self, bucket_name, key_id):
        """암호화된 S3 버킷 생성"""
        # 버킷 생성
        self.s3.create_bucket(Bucket=bucket_name)

        # 기본 암호화 설정
        self.s3.put_bucket_encryption(
            Bucket=bucket_name,
            ServerSideEncryptionConfiguration={
                'Rules': [{
                    'ApplyServerSideEncryptionByDefault': {
                        'SSEAlgorithm': 'aws:kms',
                        'KMSMasterKeyID': key_id
                    },
                    'BucketKeyEnabled': True
                }]
            }
        )

        # 버킷 정책: HTTPS 강제
        bucket_policy = {
            "Version": "2012-10-17",
            "Statement": [{
                "Sid": "DenyUnencryptedObjectUploads",
                "Effect": "Deny",
                "Principal": "*",
                "Action": "s3:PutObject",
                "Resource": f"arn:aws:s3:::{bucket_name}/*",
                "Condition": {
                    "StringNotEquals": {
                        "s3:x-amz-server-side-encryption": "aws:kms"
                    }
                }
            }]
        }

        self.s3.put_bucket_policy(
            Bucket=bucket_name,
            Policy=json.dumps(bucket_policy)
        )

    def store_database_credentials(self, db_config):
        """데이터베이스 자격 증명을 Secrets Manager에 저장"""
        secret_value = {
            'username': db_config['username'],
            'password': db_config['password'],
            'engine': 'mysql',
            'host': db_config['host'],
            'port': db_config['port'],
            'dbname': db_config['dbname']
        }

        response = self.secretsmanager.create_secret(
            Name='prod/datawarehouse/credentials',
            Description='Data warehouse database credentials',
            SecretString=json.dumps(secret_value)
        )

        # 자동 로테이션 설정
        self.secretsmanager.rotate_secret(
            SecretId=response['ARN'],
            RotationLambdaARN='arn:aws:lambda:region:account:function:SecretsManagerRotation',
            RotationRules={'AutomaticallyAfterDays': 30}
        )

        return response['ARN']

# 사용 예제
pipeline = SecureDataPipeline()
key_id = pipeline.setup_encryption_key()
pipeline.create_encrypted_bucket('my-secure-data-lake', key_id)
pipeline.store_database_credentials({
    'username': 'admin',
    'password': 'SecurePass123!',
    'host': 'db.example.com',
    'port': 3306,
    'dbname': 'warehouse'
})
