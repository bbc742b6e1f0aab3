"""What an export or an erasure is told."""

from rest_framework import serializers

from api.inputs.strict import StrictSerializer

MAX_SUBJECT = 200


class SubjectInput(StrictSerializer):
    """The subject of a path, held to the rules it was stored by."""

    subject = serializers.CharField(max_length=MAX_SUBJECT)


class ExportInput(StrictSerializer):
    format = serializers.ChoiceField(choices=["json", "zip"], default="json", help_text="A ZIP has pictures as files.")
    everyone = serializers.BooleanField(
        default=False, help_text="Also what other keys hold about the subject; needs the scope `admin`."
    )


class EraseInput(StrictSerializer):
    everyone = serializers.BooleanField(
        default=False, help_text="Also what other keys hold about the subject; needs the scope `admin`."
    )
