"""Gives a fresh installation its first administrator and first API key."""

from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser

from cv.models import ApiKey
from cv.services import admin_create, api_key_create


class Command(BaseCommand):
    help = "Creates an administrator and an API key if there are none yet, and prints both once. Safe to repeat."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--username", default="admin")

    def handle(self, *args: Any, username: str, **options: Any) -> None:
        admin = User.objects.filter(is_superuser=True).order_by("pk").first()
        if admin is None:
            admin, password = admin_create(username)
            self.stdout.write("First administrator (the password is shown only once):")
            self.stdout.write(f"  user      {admin.username}\n  password  {password}")
        if not ApiKey.objects.exists():
            _, key = api_key_create("first key", admin)
            self.stdout.write("First API key (shown only once):")
            self.stdout.write(f"  {key}")
