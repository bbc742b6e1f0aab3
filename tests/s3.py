"""A real S3-compatible server on this machine, moto's, that speaks HTTP as a store elsewhere would."""

import uuid
from typing import Any

import boto3
import pytest
from moto.server import ThreadedMotoServer
from pytest_django import Settings

from xcloud import env

ACCESS_KEY, SECRET_KEY = "tests", "only-for-tests"


class S3Site:
    """Listens on a free port of 127.0.0.1 until it is closed; ``outage`` stops it, ``url`` stays what it was."""

    def __init__(self) -> None:
        self._server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        self._server.start()
        host, self.port = self._server.get_host_and_port()
        self.endpoint = f"http://{host}:{self.port}"
        self.bucket = f"pictures-{uuid.uuid4().hex}"
        self.region = "us-east-1"
        self.client: Any = boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self.client.create_bucket(Bucket=self.bucket)

    @property
    def url(self) -> str:
        """What XCLOUD_STORAGE_URL has to say to keep files here."""
        return f"s3://{self.bucket}/kept?endpoint={self.endpoint}&region={self.region}"

    def keys(self) -> list[str]:
        """Every object of the bucket."""
        found = self.client.list_objects_v2(Bucket=self.bucket)
        return [entry["Key"] for entry in found.get("Contents", ())]

    def outage(self) -> None:
        self._server.stop()

    def close(self) -> None:
        self.client.close()
        self._server.stop()


def configure(settings: Settings, site: S3Site, more: str = "") -> None:
    """Keeps files in the site's bucket, by what the operator would set; ``more`` is added to the URL."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XCLOUD_STORAGE_URL", site.url + more)
        kept = env.storage("XCLOUD_STORAGE_URL", ACCESS_KEY, SECRET_KEY)
    settings.STORAGES = {**settings.STORAGES, "default": kept}
