"""Servers for the tests: the real local server, a site of pages, a proxy that breaks connections, and a scripted
server. All bind loopback and end with the test."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
import shutil
import socket
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REPOSITORY = Path(os.environ.get("RUNO_REPOSITORY", Path(__file__).resolve().parents[3]))
LOCAL = Path(os.environ.get("RUNO_LOCAL", REPOSITORY / "target/debug/local"))
ADMIN = Path(os.environ.get("RUNO_ADMIN", LOCAL.with_name("admin")))
KEY = "sk_live_of_the_tests"
FIELDS: list[Any] = [
    {"field": "title", "type": "string", "example": "A title"},
    {"field": "price", "type": "float", "example": 9.99},
]
# Below the range from which systems choose ports (from 32,768 on Linux, from 49,152 on others). Runs at the same time
# begin at different ports.
_PORTS = itertools.count(14_000 + os.getpid() % 3_000)


def free_port() -> int:
    """Returns a port for a server that is started again: meanwhile the system gives it to no other socket."""
    while True:
        port = next(_PORTS)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Server:
    """The local server with a data folder of its own. If ``port`` is 0, the system chooses the port."""

    def __init__(self, port: int = 0, **settings: str) -> None:
        assert LOCAL.exists(), f"there is no server at {LOCAL}: build it or set RUNO_LOCAL"
        self.data = tempfile.mkdtemp(prefix="runo-python-")
        self.settings = settings
        self.port = port
        self.start()

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        settings = {
            "PORT": str(self.port), "DATA_DIR": self.data, "RUNO_DEV_KEY": KEY, "FETCH_ALLOW": "127.0.0.0/8",
            "RUNO_DEV_RATE": "100000", "HOST_DELAY_MS": "0", "BROWSER": "off", "RUST_LOG": "warn", **self.settings,
        }
        kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
        self.process = subprocess.Popen(
            [LOCAL], env=kept | settings, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if found := re.match(r"listening on http://127\.0\.0\.1:(\d+)", line):
                self.port = int(found[1])
                return
        raise AssertionError(f"the server exited with {self.process.wait()}")

    def admin(self, *command: str) -> Any:
        """Runs a command of the operator's tool and returns its output."""
        finished = subprocess.run(
            [ADMIN, "--data-dir", self.data, "--json", *command], check=True, capture_output=True, text=True
        )
        return json.loads(finished.stdout)

    def kill(self) -> None:
        """Kills the server with SIGKILL."""
        self.process.kill()
        self.process.wait()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def close(self) -> None:
        if self.process.poll() is None:
            self.kill()
        shutil.rmtree(self.data, ignore_errors=True)


class ThreadedServer(ThreadingHTTPServer):
    """An HTTP server in a thread of the test."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, handler: type[BaseHTTPRequestHandler]) -> None:
        super().__init__(("127.0.0.1", 0), handler)
        self.base = f"http://127.0.0.1:{self.server_address[1]}"
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignores disconnected clients, which are part of the tests."""

    def close(self) -> None:
        self.shutdown()
        self.server_close()


class Site(ThreadedServer):
    """``/p/N`` is a product, ``/gate/N`` a product that waits until ``gate`` is set, ``/gone/N`` is a 404, ``/list/N`` links
    to N products."""

    def __init__(self) -> None:
        self.gate = threading.Event()
        self.waiting = threading.Semaphore(0)
        super().__init__(_Page)

    def urls(self, count: int) -> list[str]:
        return [f"{self.base}/p/{n}" for n in range(count)]


class _Page(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Buffers head and body into one packet; otherwise each page waits for the acknowledgement of its head.
    wbufsize = -1
    server: Site

    def do_GET(self) -> None:
        _, kind, *rest = self.path.split("/")
        if kind == "gate":
            self.server.waiting.release()
            self.server.gate.wait(60)
        if kind in ("p", "gate"):
            self._send(200, f"<html><head><title>Item {rest[0]}</title></head><body><h1>Item {rest[0]}</h1>"
                            f"<p class=price>$ {rest[0]}.50</p></body></html>")
        elif kind == "list":
            links = "".join(f"<a href=/p/{n}>Item {n}</a> " for n in range(int(rest[0])))
            self._send(200, f"<html><body><h1>List</h1>{links}</body></html>")
        else:
            self._send(404, "<h1>Not found</h1>")

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None: ...


@dataclass
class Seen:
    """A request that a scripted server received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Answer:
    """A scripted response: a body, or pieces of one. With ``cut`` the connection breaks before the body's end."""

    status: int = 200
    body: bytes = b"{}"
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Callable[[], Iterator[bytes]] | None = None
    cut: bool = False


class Scripted(ThreadedServer):
    """Answers requests from a list, one after the other."""

    def __init__(self, *answers: Answer) -> None:
        self.answers = list(answers)
        self.seen: list[Seen] = []
        super().__init__(_Scripted)


class _Scripted(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Scripted

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.seen.append(Seen(self.command, self.path, headers, body))
        answer = self.server.answers.pop(0)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.pieces is None and not answer.cut:
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)
            return
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for piece in answer.pieces() if answer.pieces else [answer.body]:
            self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
        if not answer.cut:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = True

    do_GET = do_POST = do_DELETE = _answer

    def log_message(self, format: str, *args: Any) -> None: ...


class Proxy:
    """Forwards connections to a server. ``cuts`` has, for each of the next connections, the bytes of the response after
    which to cut it (0: when the response begins, forwarding none of it). Later connections are not cut."""

    def __init__(self, port: int, *cuts: int) -> None:
        self.cuts = list(cuts)
        self.connections = 0
        self._to = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.base = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            cut = self.cuts.pop(0) if self.cuts else None
            threading.Thread(target=self._pass, args=(client, cut), daemon=True).start()

    def _pass(self, client: socket.socket, cut: int | None) -> None:
        with client, socket.create_connection(("127.0.0.1", self._to)) as server:
            threading.Thread(target=_pump, args=(client, server), daemon=True).start()
            _pump(server, client, cut)
            for end in (client, server):
                try:
                    end.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self) -> None:
        self._listener.close()


def _pump(source: socket.socket, target: socket.socket, cut: int | None = None) -> None:
    passed = 0
    try:
        while data := source.recv(4096):
            passed += len(data)
            if cut is not None and passed >= cut:
                return
            target.sendall(data)
    except OSError:
        pass
