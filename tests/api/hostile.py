"""The table of hostile inputs: what is sent, and the status and code that answer it.

``python -m tests.api.hostile`` writes it into docs/hostile-inputs.md, and a test compares the two; the part below
MEASURED is written by hand.
"""

# ruff: noqa: E501 -- one line per row of the table, if possible.

import base64
import io
import json
import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hostile-inputs.md"
# The heading of the hand-written part of the page.
MEASURED = "## Attacks and outages\n"
ANALYSES = "/api/v1/analyses"
NOBODY = "00000000-0000-4000-8000-000000000000"
# Sends a request with a valid key: (method, path, body, content type) → answer.
Send = Callable[..., Any]


@dataclass(frozen=True)
class Hostile:
    """``code`` is empty if the answer is a success: the hostile part was made harmless."""

    group: str
    what: str
    status: int
    code: str
    send: Callable[[Send], Any]


def png_chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int, height: int, pixels: bytes = b"\0" * 64) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = png_chunk(b"IHDR", header), png_chunk(b"IDAT", zlib.compress(pixels)), png_chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def picture(kind: str, size: tuple[int, int] = (64, 48), **options: Any) -> bytes:
    file = io.BytesIO()
    Image.new("RGB", size, "grey").save(file, kind, **options)
    return file.getvalue()


def bmp_bomb() -> bytes:
    head = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    return b"BM" + struct.pack("<IHHI", 54, 0, 0, 54) + head


def gif_bomb() -> bytes:
    return b"GIF89a" + struct.pack("<HHBBB", 65535, 65535, 0, 0, 0) + b",\0\0\0\0\xff\xff\xff\xff\0\2\1\0\0;"


def jpeg_of_size(width: int, height: int) -> bytes:
    """A small JPEG whose header claims another size."""
    data = bytearray(picture("JPEG"))
    at = data.index(b"\xff\xc0")
    data[at + 5 : at + 9] = struct.pack(">HH", height, width)
    return bytes(data)


def form(data: bytes, filename: str = "photo.jpg", extra: bytes = b"") -> tuple[bytes, str]:
    head = f'--x\r\nContent-Disposition: form-data; name="image"; filename="{filename}"\r\n'
    body = head.encode("utf-8", "surrogateescape") + b"Content-Type: image/jpeg\r\n\r\n" + data + b"\r\n"
    return body + extra + b"--x--\r\n", "multipart/form-data; boundary=x"


def upload(data: bytes, filename: str = "photo.jpg") -> Callable[[Send], Any]:
    return lambda send: send("POST", ANALYSES, *form(data, filename))


def sent(body: Any, path: str = ANALYSES, method: str = "POST") -> Callable[[Send], Any]:
    return lambda send: send(method, path, json.dumps(body).encode(), "application/json")


def raw(body: bytes, kind: str = "application/json", path: str = ANALYSES) -> Callable[[Send], Any]:
    return lambda send: send("POST", path, body, kind)


def asked(path: str, method: str = "GET", **headers: str) -> Callable[[Send], Any]:
    return lambda send: send(method, path, b"", "application/json", **headers)


def text(data: bytes) -> str:
    return base64.b64encode(data).decode()


SMALL = text(picture("JPEG"))
SVG = b'<svg xmlns="http://www.w3.org/2000/svg"><image href="file:///etc/passwd"/></svg>'
EICAR_LIKE = b"MZ\x90\0" + b"\0" * 200

IMAGES = [
    ("PNG that claims 20,000 × 20,000 pixels", 413, "image_too_large", upload(png(20_000, 20_000))),
    ("PNG that claims 2³¹−1 pixels a side", 413, "image_too_large", upload(png(2**31 - 1, 2**31 - 1))),
    ("PNG with width 0", 422, "undecodable_image", upload(png(0, 10))),
    ("PNG whose pixels unpack to 1,000 times what the header says", 422, "undecodable_image",
     upload(png(4, 4, b"\xff" * 5_000_000)[:3000])),
    ("BMP that claims 60,000 × 60,000 pixels in 54 bytes", 413, "image_too_large", upload(bmp_bomb())),
    ("GIF that claims 65,535 × 65,535 pixels", 413, "image_too_large", upload(gif_bomb())),
    ("JPEG that claims 65,500 × 65,500 pixels", 413, "image_too_large", upload(jpeg_of_size(65_500, 65_500))),
    ("JPEG, only its first half", 422, "undecodable_image", upload(picture("JPEG", (400, 300), quality=95)[:900])),
    ("JPEG with 501 scans", 422, "image_too_expensive", upload(picture("JPEG", progressive=True)[:-2] + b"\xff\xda\0\x02" * 501)),
    ("JPEG with 200,000 empty comments", 422, "image_too_expensive",
     upload(picture("JPEG")[:2] + b"\xff\xfe\0\x02" * 200_000 + picture("JPEG")[2:])),
    ("PNG with 60,000 empty chunks", 422, "image_too_expensive",
     upload(png(4, 4)[:33] + png_chunk(b"teSt", b"") * 60_000 + png(4, 4)[33:])),
    ("A camera's raw file", 415, "unsupported_media_type", upload(b"FUJIFILMCCD-RAW 0201" + bytes(64))),
    ("JPEG, only its first two bytes", 415, "unsupported_media_type", upload(b"\xff\xd8")),
    ("PNG with a broken chunk", 422, "undecodable_image", upload(png(4, 4).replace(b"IDAT", b"IDAX"))),
    ("WebP cut off", 422, "undecodable_image", upload(picture("WEBP")[:40])),
    ("TIFF whose directory points past its end", 422, "undecodable_image", upload(b"II*\0\xff\xff\xff\x7f" + b"\0" * 64)),
    ("TIFF whose directory is empty", 422, "undecodable_image", upload(b"II*\0\x08\0\0\0" + b"\0" * 64)),
    ("SVG with a file reference", 415, "unsupported_media_type", upload(SVG)),
    ("HTML named photo.jpg", 415, "unsupported_media_type", upload(b"<script>alert(1)</script>")),
    ("PDF named photo.jpg", 415, "unsupported_media_type", upload(b"%PDF-1.7\n1 0 obj\n")),
    ("ZIP named photo.jpg", 415, "unsupported_media_type", upload(b"PK\x03\x04" + b"\0" * 100)),
    ("Windows program named photo.jpg", 415, "unsupported_media_type", upload(EICAR_LIKE)),
    ("PostScript, for which Pillow would start a program", 415, "unsupported_media_type", upload(b"%!PS-Adobe-3.0 EPSF\n")),
    ("A megabyte of zero bytes", 415, "unsupported_media_type", upload(b"\0" * 1_000_000)),
    ("JPEG with a ZIP behind it (polyglot)", 201, "", upload(picture("JPEG") + b"PK\x03\x04" + b"x" * 500)),
    ("JPEG with a script in its comment (polyglot)", 201, "", upload(picture("JPEG", comment=b"<script>alert(1)</script>"))),
    ("GIF that is also a script (polyglot)", 422, "undecodable_image", upload(b"GIF89a/*\0*/=alert(1)//")),
    ("One byte above the limit", 413, "image_too_large", upload(b"\xff\xd8" + bytes(25 * 1024 * 1024 - 1))),
]  # fmt: skip
BODIES = [
    ("Empty body", 400, "invalid_request", raw(b"")),
    ("JSON cut off", 400, "invalid_request", raw(b'{"image": "')),
    ("JSON list instead of an object", 400, "invalid_request", raw(b"[1, 2]")),
    ("JSON nested 100,000 deep", 400, "invalid_request", raw(b'{"image": ' + b"[" * 100_000)),
    ("JSON number of 5,000 digits", 400, "invalid_request", raw(b'{"max_faces": ' + b"9" * 5000 + b"}")),
    ("JSON NaN", 400, "invalid_request", raw(b'{"max_faces": NaN}')),
    ("JSON in UTF-16", 400, "invalid_request", raw('{"image": "AAAA"}'.encode("utf-16"))),
    ("JSON with 50,000 unknown fields", 400, "invalid_request", sent({f"f{i}": i for i in range(50_000)})),
    ("JSON of 40 MB", 413, "image_too_large", raw(b'{"image": "' + b"A" * 40_000_000 + b'"}')),
    ("XML with an external entity", 415, "unsupported_media_type",
     raw(b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "application/xml")),
    ("Pickle", 415, "unsupported_media_type", raw(b"cos\nsystem\n(S'id'\ntR.", "application/octet-stream")),
    ("Multipart without a boundary", 400, "invalid_request", raw(b"--x", "multipart/form-data")),
    ("Multipart that never ends", 400, "invalid_request", raw(b"--x\r\nContent-Disp", "multipart/form-data; boundary=x")),
    ("Multipart with 2,000 fields", 400, "invalid_request",
     raw(b"".join(b'--x\r\nContent-Disposition: form-data; name="f%d"\r\n\r\n1\r\n' % i for i in range(2000)) + b"--x--\r\n",
         "multipart/form-data; boundary=x")),
    ("Two images in one form", 400, "ambiguous_image_source",
     raw(form(b"a", extra=form(b"b")[0].removesuffix(b"--x--\r\n"))[0], "multipart/form-data; boundary=x")),
    ("Body in chunks, from a server that does not decode them", 400, "invalid_request", asked(ANALYSES, "POST", HTTP_TRANSFER_ENCODING="chunked")),
    ("Image and URL together", 400, "ambiguous_image_source", sent({"image": SMALL, "url": "http://example.org/"})),
]  # fmt: skip
FIELDS = [
    ("image: a number", 400, "invalid_request", sent({"image": 7})),
    ("image: an object", 400, "invalid_request", sent({"image": {"$ne": ""}})),
    ("image: characters that are not base64", 400, "invalid_request", sent({"image": "AAAA****"})),
    ("image: half a surrogate pair", 400, "invalid_request", raw(b'{"image": "\\ud800"}')),
    ("image: data URI of HTML", 415, "unsupported_media_type", sent({"image": "data:text/html;base64," + text(b"<h1>hello</h1>")})),
    ("max_faces: a boolean", 400, "invalid_request", sent({"image": SMALL, "max_faces": [True]})),
    ("max_faces: −1", 400, "invalid_request", sent({"image": SMALL, "max_faces": -1})),
    ("max_faces: 10³⁰", 400, "invalid_request", sent({"image": SMALL, "max_faces": 10**30})),
    ("attributes: an unknown one", 400, "invalid_request", sent({"image": SMALL, "attributes": ["iq"]})),
    ("attributes: __class__", 400, "invalid_request", sent({"image": SMALL, "attributes": ["__class__"]})),
    ("An unknown option, __proto__", 400, "invalid_request", sent({"image": SMALL, "__proto__": {"admin": True}})),
    ("store.ttl_days: 10⁹", 400, "invalid_request", sent({"image": SMALL, "store": {"ttl_days": 10**9}})),
    ("store.subject: 201 letters", 400, "invalid_request", sent({"image": SMALL, "store": {"subject": "x" * 201}})),
    ("store.subject: a null character", 400, "invalid_request", sent({"image": SMALL, "store": {"subject": "a\0b"}})),
    ("store.subject: a line break", 400, "invalid_request", sent({"image": SMALL, "store": {"subject": "a\nb"}})),
    ("store.subject: .. between slashes", 400, "invalid_request", sent({"image": SMALL, "store": {"subject": "a/../b"}})),
    ("store.subject: SQL, stored as plain text", 201, "",
     sent({"image": SMALL, "store": {"subject": "'; DROP TABLE cv_analysis; --"}})),
    ("store.subject: HTML, stored as plain text", 201, "",
     sent({"image": SMALL, "store": {"subject": "<img src=x onerror=alert(1)>"}})),
    ("store.subject: right-to-left override and emoji, stored as plain text", 201, "",
     sent({"image": SMALL, "store": {"subject": "\u202egpj.exe 👩🏽‍🚀"}})),
    ("File name ../../../../etc/passwd, ignored", 201, "", upload(picture("JPEG"), "../../../../etc/passwd")),
    ("File name with a null character, ignored", 201, "", upload(picture("JPEG"), "a\0.php")),
    ("File name of 5,000 letters", 400, "invalid_request", upload(picture("JPEG"), "x" * 5000)),
    ("Idempotency-Key with a line break", 400, "invalid_request",
     lambda send: send("POST", ANALYSES, b"{}", "application/json", HTTP_IDEMPOTENCY_KEY="a\nb")),
    ("Idempotency-Key of 10,000 letters", 400, "invalid_request",
     lambda send: send("POST", ANALYSES, b"{}", "application/json", HTTP_IDEMPOTENCY_KEY="k" * 10_000)),
]  # fmt: skip
QUERIES = [
    ("List: an unknown filter", 400, "invalid_request", asked(f"{ANALYSES}?owner=1")),
    ("List: an ORM lookup", 400, "invalid_request", asked(f"{ANALYSES}?api_key__sha256__startswith=a")),
    ("List: page_size 10⁹", 400, "invalid_request", asked(f"{ANALYSES}?page_size=1000000000")),
    ("List: min_age NaN", 400, "invalid_request", asked(f"{ANALYSES}?min_age=nan")),
    ("List: max_age infinity", 400, "invalid_request", asked(f"{ANALYSES}?max_age=inf")),
    ("List: a date before year 1", 400, "invalid_request",
     asked(f"{ANALYSES}?created_after=0001-01-01T00:00:00%2B14:00")),
    ("List: a forged cursor", 400, "invalid_request",
     asked(f"{ANALYSES}?cursor={base64.b64encode(b'p=nonsense').decode()}")),
    ("List: a cursor with a null character", 400, "invalid_request",
     asked(f"{ANALYSES}?cursor={base64.b64encode(b'p=2026-01-01%00').decode()}")),
    ("List: SQL in the subject, which matches nothing", 200, "", asked(f"{ANALYSES}?subject=' OR 1=1 --")),
    ("List: a null character in the subject", 400, "invalid_request", asked(f"{ANALYSES}?subject=a%00b")),
    ("Read: a malformed id", 404, "not_found", asked(f"{ANALYSES}/1%20OR%201=1")),
    ("Read: path traversal", 404, "not_found", asked(f"{ANALYSES}/..%2f..%2fetc%2fpasswd")),
    ("Read: an id of another caller", 404, "not_found", asked(f"{ANALYSES}/{NOBODY}")),
    ("Model: path traversal", 404, "not_found", asked("/api/v1/models/..%2f..%2fmanifest.json")),
    ("Export: a null character in the subject", 400, "invalid_request", asked("/api/v1/subjects/a%00b/export")),
    ("Export: a subject of 300 letters", 400, "invalid_request", asked(f"/api/v1/subjects/{'x' * 300}/export")),
    ("Erase with everyone: true, without the admin scope", 403, "forbidden",
     sent({"everyone": True}, "/api/v1/subjects/visitor%2017/erase")),
    ("Keys: create one without the admin scope", 403, "forbidden", sent({"name": "mine", "scopes": ["admin"]}, "/api/v1/api-keys")),
    ("An unknown method", 405, "method_not_allowed", asked(ANALYSES, "PROPFIND")),
    ("A method override header", 405, "method_not_allowed", asked(f"{ANALYSES}/{NOBODY}", "POST", HTTP_X_HTTP_METHOD_OVERRIDE="DELETE")),
    ("A wrong Host header", 400, "invalid_request", asked(ANALYSES, HTTP_HOST="evil.example")),
]  # fmt: skip
ADDRESSES = [
    "file:///etc/passwd", "ftp://example.org/a.jpg", "gopher://example.org/", "dict://example.org:11211/", "javascript:alert(1)",
    "//example.org/a.jpg", "http://", "http://user:word@example.org/", "http://example.org:port/", "http://example.org:22/",
    "http://example.org:6379/", "http://example.org\\@127.0.0.1/", "http://exa mple.org/", "http://example.org/\r\nX-Evil: 1",
    "http://127.0.0.1/", "http://127.1/", "http://2130706433/", "http://0x7f000001/", "http://0177.0.0.1/", "http://localhost/",
    "http://0/", "http://[::1]/", "http://[::]/", "http://[::ffff:127.0.0.1]/", "http://[::ffff:a9fe:a9fe]/",
    "http://[::127.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[2002:7f00:1::]/", "http://[2001:0:7f00:1::]/",
    "http://[fe80::1]/", "http://[fe80::1%25eth0]/", "http://[fc00::1]/", "http://[fd00:ec2::254]/", "http://[ff02::1]/",
    "http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://100.64.0.1/", "http://169.254.169.254/latest/meta-data/",
    "http://168.63.129.16/", "http://100.100.100.200/", "http://224.0.0.1/", "http://255.255.255.255/", "http://①②⑦.⓪.⓪.①/",
]  # fmt: skip

TABLE = [
    *(Hostile("Images", *row) for row in IMAGES),
    *(Hostile("Bodies", *row) for row in BODIES),
    *(Hostile("Fields", *row) for row in FIELDS),
    *(Hostile("Paths and queries", *row) for row in QUERIES),
    *(Hostile("`url`", repr(url).strip("'"), 422, "url_forbidden", sent({"url": url})) for url in ADDRESSES),
]


def document() -> str:
    """The table in Markdown."""
    lines = [
        "# Hostile inputs",
        "",
        f"The answers to {len(TABLE)} hostile requests, each sent with a valid key. "
        "`tests/api/test_hostile.py` sends them all, and `python -m tests.api.hostile` writes their tables. "
        "[Attacks and outages](#attacks-and-outages) that take more than a request follow them.",
    ]
    for group in dict.fromkeys(row.group for row in TABLE):
        lines += ["", f"## {group}", "", "| input | status | code |", "| --- | --- | --- |"]
        rows = [row for row in TABLE if row.group == group]
        lines += [f"| {_cell(row)} | {row.status} | {f'`{row.code}`' if row.code else 'served'} |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(row: Hostile) -> str:
    return f"`{row.what}`" if row.group == "`url`" else row.what.replace("__", r"\_\_")


if __name__ == "__main__":
    _, heading, by_hand = PAGE.read_text().partition(MEASURED)
    PAGE.write_text(f"{document()}\n{heading}{by_hand}")
