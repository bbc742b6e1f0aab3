"""What a client sends for an export or an erasure."""

from rest_framework import serializers

from api.inputs.strict import StrictSerializer

MAX_SUBJECT = 200


class SubjectInput(StrictSerializer):
    """A subject as it may be stored, also from before the rule of `NameField`."""

    subject = serializers.CharField(max_length=MAX_SUBJECT, help_text="The name that `store.subject` gave.")


class ExportInput(StrictSerializer):
    format = serializers.ChoiceField(
        choices=["json", "zip"], default="json", help_text="A ZIP contains the pictures as files."
    )
    everyone = serializers.BooleanField(
        default=False, help_text="Include what other keys stored about the subject; needs the scope `admin`."
    )


class NamedExportInput(SubjectInput, ExportInput):
    """An export whose subject stands in the body."""


class EraseInput(StrictSerializer):
    everyone = serializers.BooleanField(
        default=False, help_text="Include what other keys stored about the subject; needs the scope `admin`."
    )


class NamedEraseInput(SubjectInput, EraseInput):
    """An erasure whose subject stands in the body."""
