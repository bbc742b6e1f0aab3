"""Stores kept files as private objects in an S3-compatible bucket."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from typing import IO, Any, cast

from boto3.exceptions import Boto3Error
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from django.conf import settings
from django.core.files import File
from storages.backends.s3 import S3Storage
from storages.utils import clean_name

from cv.files.stores import IN_MEMORY, NoAddress, StorageUnavailable, StoredFile

# Two attempts with short timeouts, so that an outage is reported while the client still waits.
CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 20
TRIES = 2
CHUNK = 256 * 1024


@contextlib.contextmanager
def s3_errors() -> Iterator[None]:
    """Turns S3 errors into FileNotFoundError for a missing object, and into StorageUnavailable for the rest."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", ""))
        if code in {"NoSuchKey", "404"}:
            raise FileNotFoundError("no such object") from error
        raise StorageUnavailable(f"refused the request ({code})") from error
    except (BotoCoreError, Boto3Error) as error:
        raise StorageUnavailable from error


class S3Store(S3Storage):  # type: ignore[misc]
    """Objects without an ACL, which makes them private to the bucket's owner.

    No name is written twice, so saving does not check for an existing object. Each thread has its own client.
    """

    def __init__(
        self,
        *,
        bucket_name: str,
        location: str,
        endpoint_url: str | None,
        region_name: str | None,
        addressing_style: str,
        encryption: str | None,
        access_key: str | None,
        secret_key: str | None,
    ) -> None:
        super().__init__(
            bucket_name=bucket_name,
            location=location,
            endpoint_url=endpoint_url,
            region_name=region_name,
            access_key=access_key,
            secret_key=secret_key,
            default_acl=None,
            file_overwrite=True,
            object_parameters={"ServerSideEncryption": encryption} if encryption else {},
            max_memory_size=IN_MEMORY,
            transfer_config=TransferConfig(use_threads=False),
            client_config=Config(
                s3={"addressing_style": addressing_style},
                connect_timeout=CONNECT_TIMEOUT_S,
                read_timeout=READ_TIMEOUT_S,
                retries={"total_max_attempts": TRIES, "mode": "standard"},
                # Not every S3-compatible server supports the checksums that boto3 sends by default.
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def _open(self, name: str, mode: str = "rb") -> File[bytes]:
        """Downloads the whole object in one request, so that later reads cannot fail because of an outage."""
        if mode != "rb":
            raise ValueError("kept files are opened for reading; save() writes them")
        # An archive of a job may be larger than a container's /tmp.
        folder = str(settings.FILE_UPLOAD_TEMP_DIR)
        file = cast(IO[bytes], tempfile.SpooledTemporaryFile(IN_MEMORY, dir=folder))  # noqa: SIM115 -- the caller closes it
        try:
            with s3_errors():
                body = self._client.get_object(Bucket=self.bucket_name, Key=self._key(name))["Body"]
                with contextlib.closing(body):
                    for chunk in body.iter_chunks(CHUNK):
                        file.write(chunk)
        except BaseException:
            file.close()
            raise
        file.seek(0)
        return File(file, name)

    def _save(self, name: str, content: File[Any]) -> str:
        with s3_errors():
            return str(super()._save(name, content))

    def delete(self, name: str) -> None:
        with contextlib.suppress(FileNotFoundError), s3_errors():
            self._client.delete_object(Bucket=self.bucket_name, Key=self._key(name))

    def exists(self, name: str) -> bool:
        try:
            self._head(name)
        except FileNotFoundError:
            return False
        return True

    def size(self, name: str) -> int:
        return int(self._head(name)["ContentLength"])

    def url(self, name: str, *args: Any, **kwargs: Any) -> str:
        raise NoAddress("kept files have no address")

    def files(self, prefix: str = "") -> Iterator[StoredFile]:
        root = f"{self.location}/" if self.location else ""
        token: dict[str, str] = {}
        while True:
            with s3_errors():
                found = self._client.list_objects_v2(Bucket=self.bucket_name, Prefix=root + prefix, **token)
            for entry in found.get("Contents", ()):
                yield StoredFile(entry["Key"].removeprefix(root), entry["Size"], entry["LastModified"])
            if not found.get("IsTruncated"):
                return
            token = {"ContinuationToken": found["NextContinuationToken"]}

    def prepare(self) -> None:
        """Creates the bucket. Raises StorageUnavailable."""
        region = self._client.meta.region_name
        where = {} if region in {None, "us-east-1"} else {"CreateBucketConfiguration": {"LocationConstraint": region}}
        with s3_errors():
            try:
                self._client.create_bucket(Bucket=self.bucket_name, **where)
            except (self._client.exceptions.BucketAlreadyOwnedByYou, self._client.exceptions.BucketAlreadyExists):
                return

    def room(self) -> None:
        """None: a bucket has no limit, and counting its bytes takes a request for every thousand objects."""

    @property
    def _client(self) -> Any:
        return self.connection.meta.client

    def _key(self, name: str) -> str:
        return str(self._normalize_name(clean_name(name)))

    def _head(self, name: str) -> dict[str, Any]:
        """Raises FileNotFoundError, StorageUnavailable."""
        with s3_errors():
            answer: dict[str, Any] = self._client.head_object(Bucket=self.bucket_name, Key=self._key(name))
        return answer
