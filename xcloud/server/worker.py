"""A gunicorn worker whose threads get only whole requests: one loop waits for slow clients.

gunicorn's own threads read requests and write answers, so two dozen clients that send or read one byte per second
occupy all threads. Here a loop reads and writes for all connections, with time limits and a lowest rate. A thread is
used only from the complete request to the complete answer. Before a large body is read, the application may refuse it
(no key, too large, unknown page).
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

from cv.serving.clients import has_left
from cv.serving.shares import Shares, asked
from xcloud.server import refusals
from xcloud.server.chunks import BadChunk
from xcloud.server.connection import SMALL_BODY, BodyNeeded, Connection, Doing, UnreadBody
from xcloud.server.crowd import REFUSED_EVERY_S, Crowd

PIECE: Final = 256 * 1024
SWEEP_S: Final = 1.0
# The liveness route; it never waits behind other requests.
ALIVE: Final = "/healthz"
# A socket and a file for each direction, for which the usual limit of 1,024 files is too low.
FILES_PER_CONNECTION: Final = 3
# The errors of accept() when file descriptors or memory run out.
EXHAUSTED: Final = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
READING: Final = frozenset({Doing.HEAD, Doing.BODY, Doing.END})
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"


class BufferingWorker(ThreadWorker):  # type: ignore[misc]
    """gunicorn's thread worker with its own reading and writing. All methods but ``_work`` run in the loop."""

    @classmethod
    def check_config(cls, cfg: Any, log: Any) -> None:
        if cfg.is_ssl:
            raise RuntimeError("a proxy in front of this server ends TLS; deploy/ has two that are set up for it")

    def init_process(self) -> None:
        # The loop sends all answers, and does not use sendfile.
        self.cfg.set("sendfile", False)
        self.connections: set[Connection] = set()
        # Complete requests that wait for a thread, because all are busy, or their caller has its full share of threads
        # or of places at the engines.
        self.waiting: deque[Connection] = deque()
        self.crowd = Crowd()
        self.threads = Shares(self.cfg.threads)
        self.addresses = Shares(self.worker_connections)
        self.health = ThreadPoolExecutor(1, thread_name_prefix="health")
        self.swept_at = self.tried_at = 0.0
        _raise_file_limit(self.worker_connections * FILES_PER_CONNECTION)
        super().init_process()

    def load_wsgi(self) -> None:
        super().load_wsgi()
        self.bodies = Shares(settings.XCLOUD_UPLOAD_BYTES)

    # The loop, ThreadWorker.run, calls these.

    def accept(self, listener: socket.socket) -> None:
        try:
            opened, client = listener.accept()
        except OSError as error:
            if error.errno in EXHAUSTED:
                self.log.error("no connection can be accepted: %s", error)
                # The connection stays pending; without a pause the loop would spin.
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
        self._run_step(conn, self._read)
        self._watch(conn)

    def wait_for_and_dispatch_events(self, timeout: float) -> None:
        super().wait_for_and_dispatch_events(min(timeout, REFUSED_EVERY_S) if self.waiting else timeout)

    def murder_pending(self) -> None:
        """Starts what was held back, and ends connections whose clients are too slow; called after every turn of the
        loop."""
        now = time.monotonic()
        if self.waiting and now - self.tried_at >= REFUSED_EVERY_S:
            self.tried_at = now
            self._start_waiting()
        if now - self.swept_at < SWEEP_S:
            return
        self.swept_at = now
        keepalive = self.cfg.keepalive if self.alive else 0
        for conn in [conn for conn in self.connections if conn.is_overdue(now, keepalive)]:
            if conn.doing is Doing.BODY or (conn.doing is Doing.HEAD and conn.received):
                self._run_step(conn, lambda conn: self._refuse(conn, refusals.too_slow()))
            else:
                self._drop(conn)
        # Or clients that give up soon and come again would leave all connections to requests without a client. Even if
        # there is room just now: sweeps may fall on the moments at which places become free.
        for conn in [conn for conn in self.waiting if self.crowd.knows(conn.call) and has_left(conn.opened)]:
            self._drop(conn)

    def _on_event(self, conn: Connection, opened: socket.socket) -> None:
        self._run_step(conn, self._continue)

    def _after_work(self, conn: Connection, give_back: Callable[[], None], future: Future[bool | None]) -> None:
        """Continues after a thread has finished with a request."""
        give_back()
        if conn.asked is not None:
            self.crowd.learn(conn.call, conn.asked)
        self._start_waiting()
        kept = future.result()
        if conn not in self.connections:
            conn.finish_request()
        elif kept is None:
            conn.request.must_close = False
            self._run_step(conn, self._begin_body)
        else:
            self._run_step(conn, lambda conn: self._after_answer(conn, kept))

    def _run_step(self, conn: Connection, step: Callable[[Connection], None]) -> None:
        """Runs a step for a connection; closes the connection if the client has left."""
        try:
            step(conn)
        except OSError as error:
            self.log.debug("a connection ended: %s", error)
            self._drop(conn)

    # The steps. Each may raise OSError.

    def _continue(self, conn: Connection) -> None:
        conn.sock.flush()
        if conn.doing in READING:
            self._read(conn)
        elif conn.doing is Doing.READER:
            self._begin_next(conn)
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
            self._after_answer(conn, kept=False)
            return
        self._ask_or_begin(conn)

    def _ask_or_begin(self, conn: Connection) -> None:
        if conn.is_asked_first():
            # The unread body must not be parsed as the next request.
            conn.request.must_close = True
            conn.announce_length()
            self._submit(conn, UnreadBody())
        else:
            self._begin_body(conn)

    def _begin_body(self, conn: Connection) -> None:
        """Starts to read a body, or goes on with a chunked one, if there is space for all of it."""
        if conn.length > SMALL_BODY:
            if not self.bodies.take(conn.caller, conn.length - conn.reserved):
                self._refuse(conn, refusals.no_room())
                return
            conn.reserved = conn.length
            conn.release = functools.partial(self.bodies.give_back, conn.caller, conn.length)
        if conn.expects and not conn.received:
            conn.sock.sendall(CONTINUE)
        conn.expects = False
        conn.begin(Doing.BODY, time.monotonic())
        self._read_body(conn)

    def _read_body(self, conn: Connection) -> None:
        try:
            conn.take_body()
        except OSError:
            self.log.exception("a body could not be kept")
            self._refuse(conn, refusals.not_kept())
            return
        except BadChunk as error:
            self._refuse(conn, refusals.bad_chunk(error))
            return
        if conn.body is not None and conn.has_body():
            conn.body.seek(0)
            conn.announce_length()
            self._submit(conn, conn.body)
        elif conn.is_full():
            conn.allow_more()
            self._ask_or_begin(conn)
        else:
            self._watch(conn)

    def _submit(self, conn: Connection, body: Any) -> None:
        """Gives the request to a thread, now or when the caller's share allows it."""
        conn.request.body = body
        conn.begin(Doing.WORK, time.monotonic())
        self._watch(conn)
        if conn.request.path == ALIVE:
            self._start(self.health, conn, lambda: None)
        elif not self._try_start(conn):
            self.waiting.append(conn)

    def _try_start(self, conn: Connection) -> bool:
        if not self.threads.take(conn.caller):
            return False
        if not self.crowd.lets_through(conn.call, conn.waited_s(time.monotonic())):
            self.threads.give_back(conn.caller)
            return False
        self._start(self.tpool, conn, functools.partial(self.threads.give_back, conn.caller))
        return True

    def _start(self, pool: ThreadPoolExecutor, conn: Connection, give_back: Callable[[], None]) -> None:
        done = functools.partial(self.method_queue.defer, self._after_work, conn, give_back)
        pool.submit(self._work, conn).add_done_callback(done)

    def _start_waiting(self) -> None:
        """Starts the first waiting request whose caller may have a thread and, if it needs one, a place."""
        for conn in self.waiting:
            if self._try_start(conn):
                self.waiting.remove(conn)
                return

    def _work(self, conn: Connection) -> bool | None:
        """Answers, in a thread. Returns whether to keep the connection, or None if the application wants the body."""
        asked.set(None)
        try:
            return bool(self.handle_request(conn.request, conn))
        except BodyNeeded:
            return None
        except (OSError, StopIteration) as error:
            self.log.debug("a request ended without an answer: %s", error)
        except Exception as error:
            self.handle_error(conn.request, conn.sock, conn.client, error)
        finally:
            conn.asked = asked.get()
        return False

    def handle_error(self, req: Any, client: Any, addr: Any, exc: Exception) -> None:
        answer = refusals.explain_error(exc)
        if answer is None:
            self.log.exception("a request failed")
        try:
            client.sendall(answer or refusals.failed())
        except OSError as error:
            self.log.debug("a refusal was not read: %s", error)

    def _refuse(self, conn: Connection, answer: bytes) -> None:
        conn.sock.sendall(answer)
        self._after_answer(conn, kept=False)

    def _after_answer(self, conn: Connection, kept: bool) -> None:
        conn.finish_request()
        conn.answered += 1
        conn.closing = not kept
        conn.begin(Doing.READER, time.monotonic())
        self._begin_next(conn)
        self._watch(conn)

    def _begin_next(self, conn: Connection) -> None:
        """When the client has read the whole answer, begins the next request or closes the connection."""
        if conn.sock.waiting:
            return
        if conn.closing:
            # An immediate close with unread data resets the connection, and the client could lose the answer.
            conn.opened.shutdown(socket.SHUT_WR)
            conn.begin(Doing.END, time.monotonic())
        else:
            conn.begin(Doing.HEAD, time.monotonic())
            if conn.received:
                self._read_head(conn)

    def _wake(self, conn: Connection) -> None:
        """Called by a thread whose answer does not fit into the socket's buffer."""
        self.method_queue.defer(self._watch, conn)

    def _watch(self, conn: Connection) -> None:
        """Registers with the poller the events that the connection waits for."""
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
