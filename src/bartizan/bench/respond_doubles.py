"""Loopback doubles of the systems that playbooks act on: they keep state, honour keys as the real ones do, and log every change."""

from __future__ import annotations

import http.server
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Any, Final, Self
from urllib.parse import parse_qs, unquote, urlsplit

import msgspec

Log = list["Logged"]
_KEYED: Final = ("pd", "hook", "crm", "edr")


class Logged(msgspec.Struct, frozen=True, kw_only=True):
    """One change that a double made: as connectors name changes, and the key it came with."""

    system: str
    deed: str
    target: str
    detail: str
    key: str = ""


class Doubles:
    """All doubles of one run, on loopback; use as a context manager. ``users``, ``hosts`` ... are their state."""

    def __init__(self) -> None:
        self.log: Log = []
        self.repeats: Log = []
        """What came again under a key that was seen, and was dropped."""
        self.users: dict[str, bool] = {}
        self.hosts: dict[str, bool] = {}
        self.issues: dict[str, list[str]] = {}
        self.cases: dict[str, dict[str, Any]] = {}
        self.events: set[str] = set()
        self.fail: Callable[[str, str], bool] = lambda _system, _target: False
        """Whether a change is refused with status 500: the injected failure."""
        self._keys: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), _handler(self))
        self._syslog = socketserver.ThreadingUDPServer(("127.0.0.1", 0), _syslog(self))
        self._smtp = _Tcp(("127.0.0.1", 0), _smtp(self))
        servers: tuple[socketserver.BaseServer, ...] = (self._http, self._syslog, self._smtp)
        self._servers = servers
        self._threads = [threading.Thread(target=each.serve_forever, args=(0.02,), daemon=True) for each in servers]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        for each in self._servers:
            each.shutdown()
            each.server_close()
        for thread in self._threads:
            thread.join()

    @property
    def url(self) -> str:
        """Where the HTTP doubles are; each system has its own path below it."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    @property
    def syslog(self) -> str:
        """Where the log collector is."""
        return f"udp://127.0.0.1:{self._syslog.server_address[1]}"

    @property
    def smtp(self) -> str:
        """Where the mail server is."""
        return f"smtp+plain://127.0.0.1:{self._smtp.server_address[1]}"

    def changed(self, system: str, deed: str, target: str, detail: str, key: str = "") -> bool:
        """Log a change, unless its key was seen by a system that drops repeats; say whether it counts."""
        with self._lock:
            entry = Logged(system=system, deed=deed, target=target, detail=detail, key=key)
            if key and system in _KEYED and (system, key) in self._keys:
                self.repeats.append(entry)
                return False
            self._keys.add((system, key))
            self.log.append(entry)
            return True

    def settings(self, secrets: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Return ``[respond.connectors]`` for these doubles; ``secrets`` are references by connector."""
        url = self.url
        return {
            "directory": {"kind": "scim", "url": f"{url}/scim/v2", "secret": secrets["directory"]},
            "endpoint": {"kind": "edr", "url": f"{url}/edr", "secret": secrets["endpoint"]},
            "ticket": {"kind": "jira", "url": f"{url}/jira", "secret": secrets["ticket"]},
            "cases": {"kind": "thehive", "url": f"{url}/hive", "secret": secrets["cases"]},
            "sharing": {"kind": "misp", "url": f"{url}/misp", "secret": secrets["sharing"]},
            "duty": {"kind": "pagerduty", "url": f"{url}/pd", "secret": secrets["duty"]},
            "chat": {"kind": "slack", "url": f"{url}/slack", "secret": secrets["chat"]},
            "teams": {"kind": "teams", "url": f"{url}/teams", "secret": secrets["teams"]},
            "hook": {"kind": "webhook", "url": f"{url}/hook", "secret": secrets["hook"]},
            "log": {"kind": "syslog", "url": self.syslog},
            "mail": {"kind": "smtp", "url": self.smtp, "options": {"from": "soc@example.org", "to": "duty@example.org @example.org"}},
            "cloud": {"kind": "http", "url": f"{url}/crm", "secret": secrets["directory"], "operations": CLOUD},
            "tools": {"kind": "mcp", "url": f"{url}/mcp", "operations": TOOLS},
        }


CLOUD: Final[dict[str, dict[str, Any]]] = {
    "key_state": {"effect": "read", "method": "GET", "path": "/keys/{key_id}", "arguments": {"key_id": "word!"}},
    "disable_key": {
        "effect": "reversible",
        "path": "/keys/{key_id}/disable",
        "arguments": {"key_id": "word!"},
        "undo": "enable_key",
        "look": "key_state",
        "done": "disabled",
    },
    "enable_key": {"effect": "reversible", "path": "/keys/{key_id}/enable", "arguments": {"key_id": "word!"}, "undo": "disable_key"},
    "delete_key": {"effect": "destructive", "method": "DELETE", "path": "/keys/{key_id}", "arguments": {"key_id": "word!"}},
}
"""A cloud's keys, as an operator would write them out for the generic connector."""
TOOLS: Final[dict[str, dict[str, Any]]] = {
    "quarantine": {
        "effect": "reversible",
        "arguments": {"package": "line!"},
        "undo": "release",
        "look": "state",
        "done": "quarantined",
    },
    "release": {"effect": "reversible", "arguments": {"package": "line!"}, "undo": "quarantine"},
    "state": {"effect": "read", "arguments": {"package": "line!"}},
}


class _Http(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


class _Tcp(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True


def _handler(doubles: Doubles) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_: object) -> None:
            """Say nothing."""

        def handle_one_request(self) -> None:
            self.raw_requestline = self.rfile.readline(65537)
            if not self.raw_requestline or not self.parse_request():
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers.get("content-length") or 0)).decode()
            address = urlsplit(self.path)
            _, system, *parts = (unquote(each) for each in address.path.split("/"))
            asked = Asked(doubles, system, self.command, parts, parse_qs(address.query), body, self)
            status, value = asked.answer()
            data = b"" if value is None else msgspec.json.encode(value)
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    return Handler


Answer = tuple[int, Any]


class Asked:
    """One request to a double."""

    def __init__(
        self,
        doubles: Doubles,
        system: str,
        method: str,
        parts: list[str],
        query: dict[str, list[str]],
        body: str,
        handler: http.server.BaseHTTPRequestHandler,
    ) -> None:
        self.d, self.system, self.method, self.parts, self.query = doubles, system, method, parts, query
        self.body = body
        self.value: Any = msgspec.json.decode(body) if body else {}
        self.key = handler.headers.get("idempotency-key") or ""
        self.target = doubles.url + handler.path

    def answer(self) -> Answer:
        """Change or tell what is asked for."""
        reads = self.method == "GET" or self.parts[-1:] == ["query"] or self.system == "mcp"
        if not reads and self.d.fail(self.system, self.target):
            return 500, {"error": "injected"}
        return {
            "scim": self._scim,
            "edr": self._edr,
            "jira": self._jira,
            "hive": self._hive,
            "misp": self._misp,
            "crm": self._crm,
            "mcp": self._mcp,
        }.get(self.system, self._told)()

    def _log(self, detail: str | None = None) -> bool:
        return self.d.changed(self.system, self.method, self.target, self.body if detail is None else detail, self.key)

    def _told(self) -> Answer:
        """Take a message: chat, hook or pager."""
        if self.system == "pd":
            self.value.pop("routing_key")
            self.key = self.value["dedup_key"] + self.value["event_action"]
            self._log(msgspec.json.encode(self.value, order="sorted").decode())
        elif self.system in {"slack", "teams"}:
            self.d.changed(self.system, self.method, f"{self.d.url}/{self.system}/", self.body, self.key)
        else:
            self._log()
        return 200, {"ok": True}

    def _scim(self) -> Answer:
        if self.method == "GET":
            name = self.query["filter"][0].split('"')[1].replace("\\\\", "\\")
            known = [{"id": f"id-{name}", "userName": name, "active": self.d.users[name]}] if name in self.d.users else []
            return 200, {"Resources": known}
        name = self.parts[-1].removeprefix("id-")
        self._log()
        self.d.users[name] = self.value["Operations"][0]["value"]
        return 200, {"id": self.parts[-1]}

    def _edr(self) -> Answer:
        if self.method == "GET":
            name = self.query["name"][0]
            known = [{"id": f"h-{name}", "name": name, "isolated": self.d.hosts[name]}] if name in self.d.hosts else []
            return 200, {"hosts": known}
        if self._log() and self.parts[-1] in {"isolate", "release"}:
            self.d.hosts[self.parts[1].removeprefix("h-")] = self.parts[-1] == "isolate"
        return 200, {}

    def _jira(self) -> Answer:
        if self.method == "GET":
            label = self.query["jql"][0].split('"')[1]
            found = [{"key": key, "fields": {"labels": labels}} for key, labels in self.d.issues.items() if label in labels]
            return 200, {"issues": found[:1]}
        self._log()
        if self.method == "POST":
            key = f"SEC-{len(self.d.issues) + 1}"
            self.d.issues[key] = list(self.value["fields"]["labels"])
            return 201, {"key": key}
        self.d.issues[self.parts[-1]] += [each["add"] for each in self.value["update"]["labels"]]
        return 204, None

    def _hive(self) -> Answer:
        if self.parts[-1] == "query":
            tag = self.value["query"][1]["_value"]
            return 200, [case for case in self.d.cases.values() if tag in case["tags"]]
        self._log()
        if self.method == "POST":
            made = {**self.value, "_id": f"~{len(self.d.cases) + 1}", "status": "New"}
            self.d.cases[made["_id"]] = made
            return 201, made
        self.d.cases[self.parts[-1]].update(self.value)
        return 204, None

    def _misp(self) -> Answer:
        if self.method == "GET":
            return (200, {"Event": {}}) if self.parts[-1] in self.d.events else (404, {})
        self._log()
        if self.parts[-1] == "add":
            self.d.events.add(self.value["Event"]["uuid"])
        else:
            self.d.events.discard(self.parts[-1])
        return 200, {}

    def _crm(self) -> Answer:
        key = "key:" + self.parts[1]
        if self.method == "GET":
            return 200, {"disabled": self.d.users.get(key) is False}
        if self._log():
            self.d.users[key] = self.parts[-1] == "enable"
        return 200, {}

    def _mcp(self) -> Answer:
        if self.value["method"] == "initialize":
            return 200, {"jsonrpc": "2.0", "id": self.value["id"], "result": {"protocolVersion": "2025-06-18", "capabilities": {}}}
        if self.value["method"] != "tools/call":
            return 202, None
        order = self.value["params"]
        name = "package:" + order["arguments"]["package"]
        if order["name"] == "state":
            made: dict[str, Any] = {"quarantined": self.d.users.get(name) is False}
        else:
            if self.d.fail("mcp", self.target):
                return 500, {"error": "injected"}
            detail = msgspec.json.encode({"name": order["name"], "arguments": order["arguments"]}, order="sorted").decode()
            self.d.changed("mcp", "call tool", self.target, detail, order["_meta"]["io.bartizan/key"])
            self.d.users[name] = order["name"] == "release"
            made = {"ok": True}
        return 200, {"jsonrpc": "2.0", "id": self.value["id"], "result": {"structuredContent": made, "content": []}}


def _syslog(doubles: Doubles) -> type[socketserver.BaseRequestHandler]:
    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            data: bytes = self.request[0]
            doubles.changed("log", "send", doubles.syslog, data.decode())

    return Handler


def _smtp(doubles: Doubles) -> type[socketserver.StreamRequestHandler]:
    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            self.connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            self._say("220 double")
            recipient = ""
            while line := self.rfile.readline(4096).decode("ascii", "replace").strip():
                word = line.upper()
                if word.startswith("RCPT TO:"):
                    recipient = line[8:].strip().strip("<>")
                if word.startswith("DATA"):
                    self._say("354 go on")
                    doubles.changed("mail", "mail", f"mailto:{recipient}", self._data())
                self._say("221 bye" if word.startswith("QUIT") else "250 ok")
                if word.startswith("QUIT"):
                    return

        def _data(self) -> str:
            lines = []
            while (line := self.rfile.readline(65536)) not in {b".\r\n", b""}:
                lines.append(line[1:] if line.startswith(b"..") else line)
            return b"".join(lines).decode()

        def _say(self, text: str) -> None:
            self.wfile.write(text.encode() + b"\r\n")

    return Handler
