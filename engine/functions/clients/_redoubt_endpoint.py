"""Lets AWS SDKs for Python that are too old to know AWS_ENDPOINT_URL (botocore
before 1.31) honour it, so that functions reach this server with whatever boto3
the host or a layer has."""

import os


def teach(module):
    import botocore

    try:
        if tuple(int(n) for n in botocore.__version__.split(".")[:2]) >= (1, 31):
            return
    except ValueError:
        return
    create = module.Session.create_client

    def create_client(self, service_name, region_name=None, api_version=None, use_ssl=True, verify=None, endpoint_url=None, *args, **kwargs):
        if endpoint_url is None:
            own = "AWS_ENDPOINT_URL_" + service_name.upper().replace("-", "_")
            endpoint_url = os.environ.get(own) or os.environ.get("AWS_ENDPOINT_URL")
        return create(self, service_name, region_name, api_version, use_ssl, verify, endpoint_url, *args, **kwargs)

    module.Session.create_client = create_client
