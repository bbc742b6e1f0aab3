"""A local web server that tests fetch images from and post webhooks to."""

import http.server
import threading
import time
from typing import Any
from urllib.parse import unquote, unquote_to_bytes, urlsplit

SLOW_STEP_S = 0.1


class Site:
    """Serves on 127.0.0.1 and records requests. ``picture`` is at ``/photo.jpg``."""

    def __init__(self, picture: bytes) -> None:
        self.picture = picture
        self.seen: list[str] = []
        self.posts: list[tuple[dict[str, str], bytes]] = []
        # The statuses of the next posts; after these, 200.
        self.answers: list[int] = []
        site = self

        class Handler(_Handler):
            server_site = site

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.port = self._server.server_port
        self.address = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    """Responds by path: a picture, a redirect, a status, a body that breaks off or never ends."""

    server_site: Site

    def do_GET(self) -> None:
        site = self.server_site
        site.seen.append(self.path)
        path = urlsplit(self.path).path
        match path.strip("/").split("/"):
            case ["photo.jpg"]:
                self.answer(200, site.picture)
            case ["hops", count] if count != "0":
                self.answer(302, b"", Location=f"/hops/{int(count) - 1}")
            case ["hops", _]:
                self.answer(307, b"", Location="/photo.jpg")
            case ["to", *target]:
                self.answer(301, b"", Location=unquote("/".join(target)).replace("!", "//"))
            case ["raw", name]:
                self.send_response(301)
                # As some servers do: the raw bytes of the name, not percent-encoded.
                self.wfile.write(b"".join(self._headers_buffer) + b"Location: /" + unquote_to_bytes(name) + b"\r\n\r\n")
            case ["nowhere"]:
                self.answer(302, b"")
            case ["short"]:
                self.send_response(200)
                self.send_header("Content-Length", "1000")
                self.end_headers()
                self.wfile.write(b"only this")
            case ["lying"]:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(b"x" * 5000)
            case ["drips"]:
                self.send_response(200)
                self.end_headers()
                self.drip()
            case ["drips-headers"]:
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                self.drip()
            case ["empty"]:
                self.answer(200, b"")
            case _:
                self.answer(404, b"no")

    def do_POST(self) -> None:
        site = self.server_site
        body = self.rfile.read(int(self.headers["Content-Length"]))
        site.posts.append((dict(self.headers.items()), body))
        self.answer(site.answers.pop(0) if site.answers else 200, b"", Location="/elsewhere")

    def drip(self) -> None:
        try:
            for _ in range(600):
                self.wfile.write(b"x")
                self.wfile.flush()
                time.sleep(SLOW_STEP_S)
        except OSError:
            pass

    def answer(self, status: int, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass
