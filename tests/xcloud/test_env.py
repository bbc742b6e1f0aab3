"""The readers of the environment: the values they accept, and their errors."""

import os
import subprocess
import sys
from enum import StrEnum
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from cv.engine.labels import Attribute
from xcloud import env

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("V", raising=False)


def test_unset_and_empty_give_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.text("V", "x") == "x"
    monkeypatch.setenv("V", " ")
    assert (env.text("V", "x"), env.boolean("V", True), env.integer("V", 7)) == ("x", True, 7)


@pytest.mark.parametrize(
    ("value", "expected"), [("true", True), ("ON", True), ("1", True), ("no", False), ("0", False)]
)
def test_boolean(monkeypatch: pytest.MonkeyPatch, value: str, expected: bool) -> None:
    monkeypatch.setenv("V", value)
    assert env.boolean("V", not expected) is expected


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def test_refusals_name_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "perhaps")
    with pytest.raises(ImproperlyConfigured, match="V must be true or false, not 'perhaps'"):
        env.boolean("V", True)
    with pytest.raises(ImproperlyConfigured, match="V must be a whole number, not 'perhaps'"):
        env.integer("V", 1)
    with pytest.raises(ImproperlyConfigured, match="V must be one of red, blue, not 'perhaps'"):
        env.choice("V", Colour.RED)
    monkeypatch.setenv("V", "0")
    with pytest.raises(ImproperlyConfigured, match="V must be at least 1, not 0"):
        env.integer("V", 1)
    monkeypatch.setenv("V", "20")
    assert env.integer("V", 1, maximum=20) == 20
    with pytest.raises(ImproperlyConfigured, match="V must be at most 19, not 20"):
        env.integer("V", 1, maximum=19)


def test_words_and_choice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", " a.example, ,b.example ")
    assert env.words("V", "") == ["a.example", "b.example"]
    monkeypatch.setenv("V", "blue")
    assert env.choice("V", Colour.RED) is Colour.BLUE


def test_secret_is_made_once_and_private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "var" / "secret_key"
    made = env.secret("V", file)
    assert len(made) >= 60
    assert env.secret("V", file) == made
    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]
    monkeypatch.setenv("V", "mine")
    assert env.secret("V", file) == "mine"


def test_sqlite_waits_for_its_lock_from_the_start_of_a_transaction(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "sqlite:////srv/x%20cloud.sqlite3")
    described = env.database("V", "")
    assert described["NAME"] == "/srv/x cloud.sqlite3"
    assert described["OPTIONS"]["transaction_mode"] == "IMMEDIATE"
    pragmas = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA secure_delete = ON;"
    assert described["OPTIONS"]["init_command"] == pragmas
    monkeypatch.setenv("V", "sqlite:///x.sqlite3")
    assert env.database("V", "")["NAME"] == str(Path.cwd() / "x.sqlite3")


def test_server_databases(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("V", "postgresql://us%40er:p%2Fw@db.example:5433/x?sslmode=require")
    described = env.database("V", "")
    assert described["ENGINE"] == "django.db.backends.postgresql"
    parts = [described[name] for name in ("NAME", "USER", "PASSWORD", "HOST", "PORT")]
    assert parts == ["x", "us@er", "p/w", "db.example", "5433"]
    assert described["OPTIONS"] == {"sslmode": "require"}

    monkeypatch.setenv("V", "mariadb://root@127.0.0.1/x")
    described = env.database("V", "")
    assert described["ENGINE"] == "django.db.backends.mysql"
    assert (described["USER"], described["PASSWORD"], described["PORT"]) == ("root", "", "")
    assert described["OPTIONS"]["charset"] == "utf8mb4"


@pytest.mark.parametrize(
    "url",
    ["oracle://u:hush@h/x", "postgresql:///x", "mysql://h", "postgres://h:port/x", "sqlite://x", "sqlite:///", "x"],
)
def test_bad_database_url_is_named_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("V", url)
    with pytest.raises(ImproperlyConfigured, match=r"^V ") as refused:
        env.database("V", "")
    assert "hush" not in str(refused.value)


def test_numbers_networks_and_caches_are_read_or_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.integers("X_LIST", "80,443") == [80, 443]
    assert env.networks("X_LIST", "") == []
    monkeypatch.setenv("X_LIST", "10.1.2.0/24,fd00:1::/64")
    assert [str(network) for network in env.networks("X_LIST", "")] == ["10.1.2.0/24", "fd00:1::/64"]
    monkeypatch.setenv("X_LIST", "https://app.example.org,http://localhost:5173,*")
    assert env.origins("X_LIST", "") == ["https://app.example.org", "http://localhost:5173", "*"]
    assert env.cache("X_CACHE", "locmem://")["BACKEND"].endswith("LocMemCache")
    monkeypatch.setenv("X_CACHE", "redis://127.0.0.1:6379/0")
    assert env.cache("X_CACHE", "locmem://")["LOCATION"] == "redis://127.0.0.1:6379/0"
    for name, value, read in (
        ("X_LIST", "80,web", env.integers),
        ("X_LIST", "10.1.2.3/24", env.networks),
        ("X_CACHE", "file:///tmp", env.cache),
        ("X_LIST", "https://app.example.org/", env.origins),
        ("X_LIST", "app.example.org", env.origins),
    ):
        monkeypatch.setenv(name, value)
        with pytest.raises(ImproperlyConfigured, match=name):
            read(name, "")


@pytest.mark.parametrize(
    "url",
    ["", "redis://:p@h:6379/0", "rediss://h", "redis+socket:///run/redis.sock", "amqps://u:p@h/v", "amqp://h;amqp://i"],
)
def test_a_broker_is_redis_or_rabbitmq(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("V", url)
    assert env.broker("V") == url


@pytest.mark.parametrize("url", ["http://u:hush@h", "sentinel://h:26379", "redis", "amqp://h;http://i", "amqp://h;"])
def test_another_broker_is_refused_without_its_password(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    monkeypatch.setenv("V", url)
    with pytest.raises(ImproperlyConfigured, match="V must be a URL that starts with one of redis, ") as refused:
        env.broker("V")
    assert "hush" not in str(refused.value)


def test_a_statement_is_one_line_and_must_be_made_if_it_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    assert env.statement("V", needed_by="X_SWITCH", needed=False) == ""
    with pytest.raises(ImproperlyConfigured, match="X_SWITCH is on, so V must say"):
        env.statement("V", needed_by="X_SWITCH", needed=True)
    monkeypatch.setenv("V", " Access to the lab.\n Consent, Art. 9(2)(a) GDPR. ")
    assert env.statement("V", needed_by="X_SWITCH", needed=True) == "Access to the lab. Consent, Art. 9(2)(a) GDPR."
    monkeypatch.setenv("V", "x" * 1001)
    with pytest.raises(ImproperlyConfigured, match="V must have at most 1000 characters, not 1001"):
        env.statement("V", needed_by="X_SWITCH", needed=False)


def test_limits_are_one_number_or_one_each(monkeypatch: pytest.MonkeyPatch) -> None:
    default = {Attribute.AGE: 25.0, Attribute.BEAUTY: 9.0}
    assert env.limits("X_LIMITS", default, 100, one_for_all=False) == default
    monkeypatch.setenv("X_LIMITS", " beauty = 4")
    assert env.limits("X_LIMITS", default, 100, one_for_all=False) == {Attribute.AGE: 25.0, Attribute.BEAUTY: 4.0}
    monkeypatch.setenv("X_LIMITS", "0.5, age=0")
    assert env.limits("X_LIMITS", default, 1, one_for_all=True) == {Attribute.AGE: 0.0, Attribute.BEAUTY: 0.5}
    with pytest.raises(ImproperlyConfigured, match=r"X_LIMITS must name some of age, beauty, each with `=NUMBER`"):
        env.limits("X_LIMITS", default, 1, one_for_all=False)
    for value in ("1.5", "-1", "nan", "age=", "age=x", "iq=0.5"):
        monkeypatch.setenv("X_LIMITS", value)
        with pytest.raises(ImproperlyConfigured, match="X_LIMITS"):
            env.limits("X_LIMITS", default, 1, one_for_all=True)


def test_a_file_sets_what_is_not_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / ".env"
    file.write_text("# comment\nexport V='two words' # why\nW=1\n\nX=\n")
    for name in ("V", "X", "XCLOUD_ENV_FILE"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("W", "set before")
    env.load_file("XCLOUD_ENV_FILE", file)
    assert (env.text("V", ""), env.text("W", ""), env.text("X", "default")) == ("two words", "set before", "default")
    env.load_file("XCLOUD_ENV_FILE", tmp_path / "missing")


def test_a_file_that_is_named_must_be_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XCLOUD_ENV_FILE", str(tmp_path / "typo.env"))
    with pytest.raises(ImproperlyConfigured, match=r"XCLOUD_ENV_FILE: the file can't be read: .*typo\.env"):
        env.load_file("XCLOUD_ENV_FILE", tmp_path / ".env")
    monkeypatch.setenv("XCLOUD_ENV_FILE", os.devnull)
    env.load_file("XCLOUD_ENV_FILE", tmp_path / ".env")


@pytest.mark.parametrize("line", ["V=two words", "V", "V='open", "=1", "a-b=1"])
def test_a_line_that_sets_nothing_is_refused_by_its_number(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    monkeypatch.delenv("XCLOUD_ENV_FILE", raising=False)
    (tmp_path / ".env").write_text(f"# first\n{line}\n")
    with pytest.raises(ImproperlyConfigured, match=r"\.env, line 2: "):
        env.load_file("XCLOUD_ENV_FILE", tmp_path / ".env")


def test_every_command_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "settings.env").write_text(f"XCLOUD_VAR_DIR={tmp_path}/var\nXCLOUD_RATE_PER_MINUTE=7\n")
    command = [
        sys.executable,
        "manage.py",
        "shell",
        "-c",
        "from django.conf import settings as s; print(s.XCLOUD_RATE_PER_MINUTE)",
    ]
    environment = {**os.environ, "XCLOUD_ENV_FILE": str(tmp_path / "settings.env")}
    environment.pop("XCLOUD_VAR_DIR", None)
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    assert done.stdout.split()[-1] == "7"
    assert (tmp_path / "var").is_dir()
