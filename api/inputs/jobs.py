"""The inputs of a new job, and the filters of jobs and their items."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import QueryDict
from rest_framework import serializers
from rest_framework.exceptions import PermissionDenied, ValidationError

from api.exceptions import AmbiguousImageSource
from api.forms import nested
from api.inputs.analyses import OptionsInput
from api.inputs.strict import PagingInput, StrictSerializer
from cv.choices import ItemState, JobState, Scope
from cv.jobs.inputs import AnalysisInputs, ArchiveInputs, FolderInputs, JobInputs, UrlInputs
from cv.models.jobs import MAX_LOCATION, PRIORITY_RANGE
from cv.trust.caller import Caller

SOURCES = ("archive", "urls", "analyses", "folder")


class QueuedInput(OptionsInput):
    """The options of work that waits for a worker."""

    priority = serializers.IntegerField(
        min_value=PRIORITY_RANGE[0],
        max_value=PRIORITY_RANGE[1],
        default=0,
        help_text="Higher goes first; above 0 needs the scope `admin`.",
    )

    def priority_for(self, caller: Caller) -> int:
        """Raises PermissionDenied if the caller may not go first."""
        priority: int = self.validated_data["priority"]
        if priority > 0 and Scope.ADMIN not in caller.scopes:
            raise PermissionDenied(f"priority: above 0 needs the scope `{Scope.ADMIN}`")
        return priority


class JobInput(QueuedInput):
    """Where the images come from (except an archive), and the options for all images."""

    urls = serializers.ListField(
        child=serializers.CharField(max_length=MAX_LOCATION),
        required=False,
        help_text="http(s) URLs on the public internet.",
    )
    analyses = serializers.ListField(
        child=serializers.UUIDField(),
        required=False,
        help_text="Ids of your analyses that kept their picture; each is analyzed again as a new analysis.",
    )
    folder = serializers.CharField(
        required=False, max_length=MAX_LOCATION, help_text="A folder of the server that its operator allowed."
    )
    search = serializers.UUIDField(
        required=False,
        help_text="One of your collections, in which the faces of every image are searched; needs the scope "
        "`identify`, where identity is on.",
    )

    def inputs(self, archive: UploadedFile[Any] | None) -> JobInputs:
        """Raises AmbiguousImageSource, ValidationError unless there is exactly one source."""
        given = {name: self.validated_data[name] for name in SOURCES if name in self.validated_data}
        if archive is not None:
            given["archive"] = archive
        if len(given) > 1:
            raise AmbiguousImageSource(f"send only one of {', '.join(SOURCES)}")
        match given:
            case {"archive": file}:
                return ArchiveInputs(file.file, name=file.name or "")
            case {"urls": urls}:
                return UrlInputs(urls)
            case {"analyses": analyses}:
                return AnalysisInputs(analyses)
            case {"folder": folder}:
                return FolderInputs(folder)
        raise ValidationError({"archive": [f"missing; send an archive, or one of {', '.join(SOURCES[1:])}"]})


class JobListInput(PagingInput):
    state = serializers.ChoiceField(choices=JobState.choices, required=False)


class ItemListInput(PagingInput):
    state = serializers.ChoiceField(choices=ItemState.choices, required=False)


class ResultsInput(StrictSerializer):
    format = serializers.ChoiceField(
        choices=["jsonl", "csv", "parquet"],
        default="jsonl",
        help_text="JSON Lines has one image per line; CSV and Parquet have one face per row.",
    )


class JobDeleteInput(StrictSerializer):
    analyses = serializers.BooleanField(default=False, help_text="Also delete the analyses of the job.")


def split_job(body: Mapping[str, Any]) -> tuple[UploadedFile[Any] | None, dict[str, Any]]:
    """The archive of a form, and all other fields. Raises ValidationError."""
    fields = nested(body) if isinstance(body, QueryDict) else dict(body)
    archive = fields.pop("archive", None)
    if archive is not None and not isinstance(archive, UploadedFile):
        raise ValidationError({"archive": ["must be a file of a multipart form"]})
    return archive, fields
