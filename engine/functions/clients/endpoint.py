"""Lets AWS SDKs for Python that are too old to know AWS_ENDPOINT_URL (botocore
before 1.31) honour it, so that functions reach this server with whatever boto3
the host or a layer has."""

import os
import sys


class Finder:
    """Waits for botocore.session to be imported."""

    @staticmethod
    def find_spec(name, path=None, target=None):
        if name != "botocore.session":
            return None
        sys.meta_path.remove(Finder)
        import importlib.util

        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            spec.loader = Loader(spec.loader)
        return spec


class Loader:
    def __init__(self, loader):
        self.loader = loader

    def create_module(self, spec):
        return self.loader.create_module(spec)

    def exec_module(self, module):
        self.loader.exec_module(module)
        teach(module)


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


def set_up():
    if os.environ.get("AWS_ENDPOINT_URL"):
        sys.meta_path.insert(0, Finder)
