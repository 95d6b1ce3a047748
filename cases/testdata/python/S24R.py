# S24, repaired: each step does its own part and may be done again, values that are
# waiting are written as AWSPENDING, and statements take their values as parameters.
import json

import boto3
import pymysql

secretsmanager = boto3.client('secretsmanager')


def read(secret, stage, version=None):
    named = {'VersionId': version} if version else {}
    return json.loads(secretsmanager.get_secret_value(SecretId=secret, VersionStage=stage, **named)['SecretString'])


def connect(value):
    return pymysql.connect(host=value['host'], port=int(value.get('port', 3306)), user=value['username'], password=value['password'])


def create_secret(secret, token):
    try:
        read(secret, 'AWSPENDING', token)
        return
    except secretsmanager.exceptions.ResourceNotFoundException:
        pass
    value = read(secret, 'AWSCURRENT')
    value['password'] = secretsmanager.get_random_password(ExcludeCharacters='/@"\'\\')['RandomPassword']
    secretsmanager.put_secret_value(SecretId=secret, ClientRequestToken=token, SecretString=json.dumps(value), VersionStages=['AWSPENDING'])


def set_secret(secret, token):
    pending = read(secret, 'AWSPENDING', token)
    try:
        connect(pending).close()
        return
    except pymysql.err.OperationalError:
        pass
    connection = connect(read(secret, 'AWSCURRENT'))
    with connection.cursor() as cursor:
        cursor.execute('SET PASSWORD = PASSWORD(%s)', (pending['password'],))
    connection.close()


def test_secret(secret, token):
    connect(read(secret, 'AWSPENDING', token)).close()


def finish_secret(secret, token):
    for version, stages in secretsmanager.describe_secret(SecretId=secret)['VersionIdsToStages'].items():
        if 'AWSCURRENT' in stages:
            if version != token:
                secretsmanager.update_secret_version_stage(SecretId=secret, VersionStage='AWSCURRENT', MoveToVersionId=token, RemoveFromVersionId=version)
            return


steps = {'createSecret': create_secret, 'setSecret': set_secret, 'testSecret': test_secret, 'finishSecret': finish_secret}


def lambda_handler(event, context):
    steps[event['Step']](event['SecretId'], event['ClientRequestToken'])
