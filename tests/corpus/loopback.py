"""A server on loopback that does what a test tells it to, also what no server should."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[[Any], None]


@dataclass
class Loopback:
    """Its address, what it answers to each path in turn (the last answer stays), and what it was asked."""

    address: str = ""
    answers: dict[str, list[Answer]] = field(default_factory=dict)
    asked: list[tuple[str, dict[str, str]]] = field(default_factory=list)

    def put(self, path: str, *answers: Answer) -> str:
        """Answer a path, and return its address."""
        self.answers[path] = list(answers)
        return f"{self.address}{path}"

    def ranges(self) -> list[str | None]:
        """Return the Range header of each request."""
        return [headers.get("Range") for _, headers in self.asked]


@contextmanager
def serving() -> Iterator[Loopback]:
    loopback = Loopback()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            loopback.asked.append((self.path, dict(self.headers)))
            self.close_connection = True
            queue = loopback.answers.get(self.path) or [status(404)]
            (queue.pop(0) if len(queue) > 1 else queue[0])(self)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        def handle_error(self, *_: object) -> None:
            """A client that leaves early is what some tests are about."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    loopback.address = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield loopback
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def whole(data: bytes, *, etag: str = '"one"', length: int | None = None, sent: int | None = None) -> Answer:
    """Answer with data, or with the part that is asked for if it is the version that `etag` names.

    `length` is the lie about the length, -1 for none; `sent` is after how many bytes the connection is cut.
    """

    def answer(handler: Any) -> None:
        asked = handler.headers.get("Range")
        known = handler.headers.get("If-Range")
        start = int(asked[6:-1]) if asked and known in (None, etag) else 0
        if start >= len(data) > 0:
            handler.send_response(416)
            handler.send_header("Content-Range", f"bytes */{len(data)}")
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        body = data[start:]
        handler.send_response(206 if start else 200)
        if start:
            handler.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
        if etag:
            handler.send_header("ETag", etag)
        if length != -1:
            handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body[: len(body) if sent is None else sent])

    return answer


def deaf(data: bytes, *, sent: int | None = None) -> Answer:
    """Answer with the whole, whatever range is asked for."""

    def answer(handler: Any) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        handler.wfile.write(data[: len(data) if sent is None else sent])

    return answer


def status(code: int, **headers: str) -> Answer:
    """Answer with a status and nothing else."""

    def answer(handler: Any) -> None:
        handler.send_response(code)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return answer


def endless(handler: Any) -> None:
    """Answer without end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"x" * 65536)
    except OSError:
        pass


def misplaced(data: bytes) -> Answer:
    """Answer a range with another one."""

    def answer(handler: Any) -> None:
        ranged = "Range" in handler.headers
        handler.send_response(206 if ranged else 200)
        if ranged:
            handler.send_header("Content-Range", f"bytes 1-{len(data) - 1}/{len(data)}")
        handler.send_header("Content-Length", str(len(data)))
        handler.send_header("ETag", '"one"')
        handler.end_headers()
        handler.wfile.write(data)

    return answer
