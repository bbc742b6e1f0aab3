"""Inserts rows with statements that are written once: every analysis does, and Django would compile each anew."""

from collections.abc import Sequence
from functools import cache
from typing import Any

from django.db import connection
from django.db.models import AutoField, Field, Model


def rows_insert(rows: Sequence[Model]) -> None:
    """Inserts new rows of one model. No signals are sent, and keys that the database counts are not read back."""
    if not rows:
        return
    statement, fields = _insert_into(type(rows[0]), connection.vendor)
    with connection.cursor() as cursor:
        cursor.executemany(statement, [_values(row, fields) for row in rows])
    for row in rows:
        row._state.adding, row._state.db = False, connection.alias


def _values(row: Model, fields: Sequence["Field[Any, Any]"]) -> list[Any]:
    return [field.get_db_prep_save(field.pre_save(row, add=True), connection) for field in fields]


@cache
def _insert_into(model: type[Model], vendor: str) -> tuple[str, tuple["Field[Any, Any]", ...]]:
    """The statement as the database of this ``vendor`` quotes it, and the fields whose values it takes, in order."""
    fields = tuple(field for field in model._meta.local_concrete_fields if not isinstance(field, AutoField))
    quoted = connection.ops.quote_name
    columns = ", ".join(quoted(str(field.column)) for field in fields)
    places = ", ".join(["%s"] * len(fields))
    return f"INSERT INTO {quoted(model._meta.db_table)} ({columns}) VALUES ({places})", fields  # noqa: S608
