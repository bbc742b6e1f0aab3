"""The storm counts every answer, and those that never came."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from benchmarks.server import Server
from benchmarks.storm import LOST, Answers, send


class Scripted(BaseHTTPRequestHandler):
    """Answers a photo by its content: its status, or nothing at all."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        for status in (201, 503):
            if str(status).encode() in body:
                self.send_response(status)
                self.send_header("Content-Length", "2")
                self.end_headers()
                self.wfile.write(b"{}")
                return
        self.close_connection = True

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Scripted) as served:
        thread = threading.Thread(target=served.serve_forever, args=(0.01,))
        thread.start()
        client = Server(served.server_port, "key", 0)
        yield client
        client.close()
        served.shutdown()
        thread.join()


def test_answers_refusals_and_lost_requests_are_counted_apart(server: Server) -> None:
    answers = Answers()
    assert [send(server, photo, answers) for photo in (b"201", b"503", b"cut", b"201")] == ["201", "503", LOST, "201"]
    assert answers.report()["answers"] == {"201": 2, "503": 1, "lost": 1}
    # Only images that were analyzed count for the time.
    assert len(answers.ms) == 2
