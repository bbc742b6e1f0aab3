"""What a client sends for an export or an erasure."""

from rest_framework import serializers

from api.inputs.strict import StrictSerializer

MAX_SUBJECT = 200


class SubjectInput(StrictSerializer):
    """The subject of a path, held to the rules it was stored by."""

    subject = serializers.CharField(max_length=MAX_SUBJECT)


class ExportInput(StrictSerializer):
    format = serializers.ChoiceField(
        choices=["json", "zip"], default="json", help_text="A ZIP contains the pictures as files."
    )
    everyone = serializers.BooleanField(
        default=False, help_text="Include what other keys stored about the subject; needs the scope `admin`."
    )


class EraseInput(StrictSerializer):
    everyone = serializers.BooleanField(
        default=False, help_text="Include what other keys stored about the subject; needs the scope `admin`."
    )
