"""The bell wakes workers, through the broker if there is one, and never delays a request."""

import logging

import pytest
from pytest_django import Settings

from cv import bells
from cv.jobs.broker import announce_jobs, broadcast, celery_app
from cv.workers.celery import there_is_work


def test_a_ring_reaches_the_queue_of_every_worker_and_no_other() -> None:
    """Uses kombu's in-memory broker; the failure tests use real brokers."""
    app = celery_app()
    with app.connection_for_write() as connection:
        ((_, declared),) = app.amqp.queues.consume_from.items()
        queue = declared(connection.default_channel)
        queue.declare()
        broadcast()
        message = queue.get(no_ack=True)
        assert message.headers["task"] == there_is_work.name
        assert message.headers["expires"]
        assert queue.get() is None


def test_the_task_wakes_whoever_waits_in_the_workers_process() -> None:
    bells.JOBS.wait(0)
    there_is_work()
    assert bells.JOBS.wait(0)


def test_a_broker_that_is_away_is_logged_and_nothing_else(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    settings.XCLOUD_BROKER_URL = "redis://127.0.0.1:1/0"
    monkeypatch.setattr("cv.jobs.broker.broadcast", lambda: (_ for _ in ()).throw(ConnectionError("refused")))
    bells.JOBS.wait(0)
    with caplog.at_level(logging.WARNING):
        announce_jobs()
    assert bells.JOBS.wait(0)
    assert [record.message for record in caplog.records] == [
        "the broker does not answer; workers find the job by themselves"
    ]
