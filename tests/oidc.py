"""A small OpenID Connect provider on this machine: discovery, keys, codes with PKCE, user info, log-out."""

import base64
import hashlib
import json
import secrets
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT = "xcloud"
SECRET = "the client's secret"


class Provider:
    """Everybody who asks is logged in, as ``claims`` say. ``spoil`` changes what the token is made of."""

    def __init__(self) -> None:
        self.claims: dict[str, Any] = {
            "sub": "248289761001",
            "email": "ada@example.org",
            "email_verified": True,
            "preferred_username": "ada",
            "given_name": "Ada",
            "family_name": "Lovelace",
        }
        self.userinfo: dict[str, Any] = {}
        self.spoil: Callable[[dict[str, Any]], None] = lambda claims: None
        self.key = RSAKey.generate_key(2048, {"kid": "first"})
        # The key that signs, if it is not the published one.
        self.signing_key: RSAKey | None = None
        self.algorithm = "RS256"
        self.described: dict[str, Any] = {}
        self.declines = False
        self.padding = 0
        self.asked: list[dict[str, str]] = []
        self.ended: list[dict[str, str]] = []
        self._codes: dict[str, dict[str, str]] = {}
        provider = self

        class Handler(_Handler):
            provider_ = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_port}/realms/work"
        threading.Thread(target=self._server.serve_forever, args=[0.05], daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def description(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/auth",
            "token_endpoint": f"{self.issuer}/token",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "end_session_endpoint": f"{self.issuer}/logout",
            "jwks_uri": f"{self.issuer}/keys",
            "id_token_signing_alg_values_supported": ["RS256"],
            "padding": "x" * self.padding,
            **self.described,
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser is sent back to."""
        self.asked.append(asked)
        if self.declines:
            answer = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(8)
            self._codes[code] = asked
            answer = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(answer)}"

    def token(self, form: dict[str, str], credentials: str) -> tuple[int, dict[str, Any]]:
        if credentials != "Basic " + base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode():
            return 401, {"error": "invalid_client"}
        asked = self._codes.pop(form.get("code", ""), None)
        if asked is None or form["redirect_uri"] != asked["redirect_uri"]:
            return 400, {"error": "invalid_grant"}
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        if base64.urlsafe_b64encode(digest).decode().rstrip("=") != asked["code_challenge"]:
            return 400, {"error": "invalid_grant"}
        now = int(time.time())
        claims = {
            "iss": self.issuer, "aud": CLIENT, "iat": now, "exp": now + 300, "nonce": asked["nonce"], **self.claims,
        }  # fmt: skip
        self.spoil(claims)
        key = self.signing_key or self.key
        header = {"alg": self.algorithm, "kid": "first"}
        signed = jwt.encode(header, claims, key, algorithms=[self.algorithm])
        return 200, {"access_token": "a", "token_type": "Bearer", "expires_in": 300, "id_token": signed}


class _Handler(BaseHTTPRequestHandler):
    provider_: Provider

    def do_GET(self) -> None:
        provider = self.provider_
        parts = urlsplit(self.path)
        match parts.path.removeprefix("/realms/work"):
            case "/.well-known/openid-configuration":
                self.answer(200, provider.description())
            case "/keys":
                self.answer(200, {"keys": [provider.key.as_dict(private=False, alg="RS256", use="sig")]})
            case "/auth":
                self.redirect(provider.authorize(dict(parse_qsl(parts.query))))
            case "/userinfo":
                self.answer(200, provider.userinfo)
            case "/logout":
                query = dict(parse_qsl(parts.query))
                provider.ended.append(query)
                self.redirect(query["post_logout_redirect_uri"])
            case _:
                self.answer(404, {})

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["Content-Length"])).decode())
        fields = {name: values[0] for name, values in form.items()}
        self.answer(*self.provider_.token(fields, self.headers.get("Authorization", "")))

    def answer(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def redirect(self, address: str) -> None:
        self.send_response(302)
        self.send_header("Location", address)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        pass
