"""A gunicorn worker whose threads see whole requests only: slow clients are waited for in one loop.

gunicorn's own threads read heads and bodies and write answers themselves; two dozen clients that send or read a byte a
second hold all of them. Here a loop reads and writes for everyone, with time limits and a least rate. A thread is taken
when a request is complete and is free again when its answer is handed over. A large body is first announced to the
application, which may refuse it (no key, too large, no such page); then none of it is read.
"""

from __future__ import annotations

import errno
import functools
import resource
import selectors
import socket
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final

from django.conf import settings
from gunicorn.workers.gthread import ThreadWorker

from cv.serving.shares import Shares
from xcloud.server import refusals
from xcloud.server.connection import SMALL_BODY, AwaitedBody, BodyAwaited, Connection, Doing

PIECE: Final = 256 * 1024
SWEEP_S: Final = 1.0
# Says that the process is alive: never waits behind anything else.
ALIVE: Final = "/healthz"
# A socket, and a file for each direction; the usual limit of 1,024 is too low for that.
FILES_PER_CONNECTION: Final = 3
# What accept() says when there are no file descriptors or no memory left.
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
READING: Final = frozenset({Doing.HEAD, Doing.BODY, Doing.END})
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker with another way in and out of its threads. The loop calls everything but ``_work``."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError("a proxy in front of this server ends TLS; deploy/ has two that are set up for it")

    def init_process(self) -> None:
        # Answers go through the loop, which has no use for it.
        self.cfg.set("sendfile", False)
        self.connections: set[Connection] = set()
        # Complete requests without a thread: all are busy, or their caller has half of them.
        self.waiting: deque[Connection] = deque()
        self.threads = Shares(self.cfg.threads)
        self.addresses = Shares(self.worker_connections)
        self.health = ThreadPoolExecutor(1, thread_name_prefix="health")
        self.swept_at = 0.0
        _raise_file_limit(self.worker_connections * FILES_PER_CONNECTION)
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.bodies = Shares(settings.XCLOUD_UPLOAD_BYTES)

    # Turns of the loop, which is ThreadWorker.run.

    def accept(self, listener: socket.socket) -> None:
        try:
            opened, client = listener.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.log.error("no connection can be accepted: %s", error)
                # It stays where it is; this is not to become a busy loop.
                time.sleep(0.05)
            elif error.errno not in (errno.EAGAIN, errno.ECONNABORTED):
                raise
            return
        conn = Connection(opened, client, listener.getsockname(), self._wake)
        if not self.addresses.take(conn.address):
            conn.close()
            return
        self.nr_conns += 1
        self.connections.add(conn)
        conn.begin(Doing.HEAD, time.monotonic())
        self._turn(conn, self._read)
        self._watch(conn)

    def murder_pending(self) -> None:
        """Ends connections whose clients are too slow; called after every turn."""
        now = time.monotonic()
        if now - self.swept_at < SWEEP_S:
            return
        self.swept_at = now
        keepalive = self.cfg.keepalive if self.alive else 0
        for conn in [conn for conn in self.connections if conn.is_overdue(now, keepalive)]:
            if conn.doing is Doing.BODY or (conn.doing is Doing.HEAD and conn.received):
                self._turn(conn, lambda conn: self._refuse(conn, refusals.too_slow()))
            else:
                self._drop(conn)

    def _on_event(self, conn: Connection, opened: socket.socket) -> None:
        self._turn(conn, self._go_on)

    def _finished(self, conn: Connection, give_back: Callable[[], None], future: Future[bool | None]) -> None:
        """After a thread was done with a request."""
        give_back()
        self._start_waiting()
        kept = future.result()
        if conn not in self.connections:
            conn.finish_request()
        elif kept is None:
            conn.request.must_close = False
            self._turn(conn, self._begin_body)
        else:
            self._turn(conn, lambda conn: self._answered(conn, kept))

    def _turn(self, conn: Connection, step: Callable[[Connection], None]) -> None:
        """A step with a connection, which ends where its client has left."""
        try:
            step(conn)
        except OSError as error:
            self.log.debug("a connection ended: %s", error)
            self._drop(conn)

    # What a turn does. Any step may raise OSError.

    def _go_on(self, conn: Connection) -> None:
        conn.sock.flush()
        if conn.doing in READING:
            self._read(conn)
        elif conn.doing is Doing.READER:
            self._go_on_after_answer(conn)
        self._watch(conn)

    def _read(self, conn: Connection) -> None:
        try:
            data = conn.opened.recv(PIECE)
        except BlockingIOError:
            return
        if not data:
            self._drop(conn)
        elif conn.doing is not Doing.END:
            conn.count(data)
            (self._read_head if conn.doing is Doing.HEAD else self._read_body)(conn)

    def _read_head(self, conn: Connection) -> None:
        try:
            if not conn.read_head(self.cfg):
                return
        except Exception as error:
            self.handle_error(None, conn.sock, conn.client, error)
            self._answered(conn, kept=False)
            return
        if conn.is_asked_first():
            # What is not read makes no next request.
            conn.request.must_close = True
            self._submit(conn, AwaitedBody())
        else:
            self._begin_body(conn)

    def _begin_body(self, conn: Connection) -> None:
        """Takes a body, if there is room for all of it."""
        if conn.missing is None:
            self._refuse(conn, refusals.length_required())
            return
        if conn.length > SMALL_BODY:
            if not self.bodies.take(conn.caller, conn.length):
                self._refuse(conn, refusals.no_room())
                return
            conn.release = functools.partial(self.bodies.give_back, conn.caller, conn.length)
        if conn.expects and not conn.received:
            conn.sock.sendall(CONTINUE)
        conn.begin(Doing.BODY, time.monotonic())
        self._read_body(conn)

    def _read_body(self, conn: Connection) -> None:
        try:
            conn.take_body()
        except OSError:
            self.log.exception("a body could not be kept")
            self._refuse(conn, refusals.no_room())
            return
        if conn.missing or conn.body is None:
            self._watch(conn)
        else:
            conn.body.seek(0)
            self._submit(conn, conn.body)

    def _submit(self, conn: Connection, body: Any) -> None:
        """Has a thread answer, as soon as the caller may have one."""
        conn.request.body = body
        conn.begin(Doing.WORK, time.monotonic())
        self._watch(conn)
        if conn.request.path == ALIVE:
            self._start(self.health, conn, lambda: None)
        elif not self._started(conn):
            self.waiting.append(conn)

    def _started(self, conn: Connection) -> bool:
        if not self.threads.take(conn.caller):
            return False
        self._start(self.tpool, conn, functools.partial(self.threads.give_back, conn.caller))
        return True

    def _start(self, pool: ThreadPoolExecutor, conn: Connection, give_back: Callable[[], None]) -> None:
        done = functools.partial(self.method_queue.defer, self._finished, conn, give_back)
        pool.submit(self._work, conn).add_done_callback(done)

    def _start_waiting(self) -> None:
        """The first whose caller may have the thread that became free."""
        for conn in self.waiting:
            if self._started(conn):
                self.waiting.remove(conn)
                return

    def _work(self, conn: Connection) -> bool | None:
        """In a thread: the answer. Whether the connection can be kept; None where the application wants the body."""
        try:
            return bool(self.handle_request(conn.request, conn))
        except BodyAwaited:
            return None
        except (OSError, StopIteration) as error:
            self.log.debug("a request ended without an answer: %s", error)
        except Exception as error:
            self.handle_error(conn.request, conn.sock, conn.client, error)
        return False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        answer = refusals.refusal_of(exc)
        if answer is None:
            self.log.exception("a request failed")
        try:
            client.sendall(answer or refusals.failed())
        except OSError as error:
            self.log.debug("a refusal was not read: %s", error)

    def _refuse(self, conn: Connection, answer: bytes) -> None:
        conn.sock.sendall(answer)
        self._answered(conn, kept=False)

    def _answered(self, conn: Connection, kept: bool) -> None:
        conn.finish_request()
        conn.answered += 1
        conn.closing = not kept
        conn.begin(Doing.READER, time.monotonic())
        self._go_on_after_answer(conn)
        self._watch(conn)

    def _go_on_after_answer(self, conn: Connection) -> None:
        """Once the client has all of the answer: the next request, or the end."""
        if conn.sock.waiting:
            return
        if conn.closing:
            # Closed at once, with bytes of the client's unread, the answer would be lost on its way.
            conn.opened.shutdown(socket.SHUT_WR)
            conn.begin(Doing.END, time.monotonic())
        else:
            conn.begin(Doing.HEAD, time.monotonic())
            if conn.received:
                self._read_head(conn)

    def _wake(self, conn: Connection) -> None:
        """From a thread whose answer does not fit into the socket."""
        self.method_queue.defer(self._watch, conn)

    def _watch(self, conn: Connection) -> None:
        """Has the poller tell of what this connection waits for, and of nothing else."""
        if conn not in self.connections:
            return
        events = selectors.EVENT_READ if conn.doing in READING else 0
        if conn.sock.waiting:
            events |= selectors.EVENT_WRITE
        known = self.poller.get_map().get(conn.opened.fileno())
        callback = functools.partial(self._on_event, conn)
        if known is None and events:
            self.poller.register(conn.opened, events, callback)
        elif known is not None and not events:
            self.poller.unregister(conn.opened)
        elif known is not None and known.events != events:
            self.poller.modify(conn.opened, events, callback)

    def _drop(self, conn: Connection) -> None:
        if conn in self.connections:
            self.connections.remove(conn)
            if conn.opened.fileno() in self.poller.get_map():
                self.poller.unregister(conn.opened)
            if conn in self.waiting:
                self.waiting.remove(conn)
                conn.finish_request()
            conn.close()
            self.addresses.give_back(conn.address)
            self.nr_conns -= 1


def _raise_file_limit(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    allowed = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < allowed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (allowed, hard))
