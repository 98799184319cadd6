"""Downloads that go on where they were cut off, and that believe no server.

What has come lies in a ``.part`` file; beside it stands which address it came from and by which validator the
server knows it, so that a later run asks for the rest only (RFC 9110: Range, If-Range). A length that a server
announces is a hint; what counts is the size and the digest that are wanted, or a cap where none is known.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final

from symgen.corpus.origin import AT_MOST
from symgen.corpus.web import announced_length, opener, range_start, range_total, strong_validator
from symgen.errors import CorpusError, WriteError
from symgen.files import file_digest
from symgen.progress import Progress, silent
from symgen.resources import version

PAUSES: Final = (1.0, 2.0, 4.0)
"""Seconds to wait before a connection that brought nothing new is tried again; then the address is given up."""

TIMEOUT_SECONDS: Final = 30.0
"""Longest silence of a server."""

_MOST_CONNECTIONS: Final = 1000
"""To one address, however much each of them brings."""

_CHUNK: Final = 2**16
_AGAIN: Final = frozenset({408, 425, 429, 500, 502, 503, 504})
"""HTTP statuses that may pass."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be downloaded.

    Parameters
    ----------
    name : str
        What messages call it.
    urls : sequence of str
        Addresses, tried in order; http or https.
    size : int or None
        Bytes, where they are known.
    sha256 : str
        Digest, hexadecimal; "" where it is not known.
    at_most : int
        Bytes beyond which a download is given up where `size` is not known.
    """

    name: str
    urls: Sequence[str]
    size: int | None = None
    sha256: str = ""
    at_most: int = AT_MOST

    @property
    def most(self) -> int:
        """Bytes beyond which nothing is right: the size, or the cap where it is not known."""
        return self.at_most if self.size is None else self.size


@dataclass(frozen=True, slots=True)
class Downloaded:
    """What was downloaded: from which address, how many bytes, with which SHA-256."""

    url: str
    bytes: int
    sha256: str


class _CutError(Exception):
    """A connection that ended before everything had come; the reason in words."""


class _AfreshError(Exception):
    """What has come so far fits nothing that the server has; it is to be asked for the whole."""


def download(
    wanted: Wanted, part: Path, progress: Progress = silent, *, pause: Callable[[float], None] = time.sleep
) -> Downloaded:
    """Download a file and verify it.

    Proxies are those of the environment (http_proxy, https_proxy, no_proxy). TLS certificates are verified.

    Parameters
    ----------
    wanted : Wanted
        What is to be downloaded.
    part : Path
        Where the bytes go; what an earlier run left there is gone on with. It stays where a connection was cut, and
        is removed where what it holds is wrong.
    progress : Progress
        Told of KiB received.
    pause : callable
        Waits for seconds.

    Raises
    ------
    CorpusError
        If no address gave the file: unreachable, refused, cut again and again, too long, or with a wrong digest.
    WriteError
        If the file cannot be written.
    """
    faults: list[CorpusError] = []
    for url in wanted.urls:
        try:
            return _Transfer(wanted, url, part, progress, pause).run()
        except CorpusError as error:
            faults.append(error)
    if len(faults) == 1:
        raise faults[0]
    raise CorpusError(
        f"none of {len(faults)} addresses gave {wanted.name}: {' | '.join(error.found for error in faults)}",
        expected=faults[-1].expected,
        remedy=faults[-1].remedy,
    )


class _Transfer:
    """One file from one address."""

    def __init__(
        self, wanted: Wanted, url: str, part: Path, progress: Progress, pause: Callable[[float], None]
    ) -> None:
        self.wanted, self.url, self.part, self.progress, self.pause = wanted, url, part, progress, pause
        self.notes = part.with_name(f"{part.name}.json")
        self.validator = self._known_validator()
        self.resumed = False

    def run(self) -> Downloaded:
        """Connect until everything has come, then verify it; what was pieced together wrongly is fetched once more."""
        self._complete()
        found = file_digest(self.part)
        if self._differs(found) and self.resumed:
            self._discard()
            self.resumed, self.validator = False, ""
            self._complete()
            found = file_digest(self.part)
        if self._differs(found):
            self._discard()
            raise CorpusError(
                f"{self.url} gave a file with sha256 {found}",
                expected=self.wanted.sha256,
                remedy="it was removed; the place has another version, or something on the way changed it",
            )
        return Downloaded(self.url, self.have, found)

    def _complete(self) -> None:
        idle = 0
        for _ in range(_MOST_CONNECTIONS):
            before = self.have
            self.resumed = self.resumed or before > 0
            if before and before == self.wanted.size:
                return
            try:
                self._connect()
                return
            except _AfreshError:
                _remove(self.part)
                reason = "its server does not go on where it was cut off"
            except _CutError as cut:
                reason = str(cut)
            idle = 0 if self.have > before else idle + 1
            if idle > len(PAUSES):
                break
            self.pause(PAUSES[max(idle, 1) - 1])
        raise CorpusError(
            f"{self.url} was cut off after {self.have} bytes: {reason}",
            remedy=f"run it again: what has come is kept in {self.part}",
        )

    @property
    def have(self) -> int:
        """Bytes that have come."""
        return self.part.stat().st_size if self.part.exists() else 0

    def _connect(self) -> None:
        """Ask for what is missing and take what comes; return when everything has come."""
        have = self.have
        request = urllib.request.Request(self.url, headers=self._headers(have))  # noqa: S310 - the scheme is checked
        with self._answer(request) as response:
            if response is None:  # 416, and everything is here
                return
            start = 0
            if response.status == 206:
                start = have
                if range_start(response.headers) != have:
                    raise _AfreshError
            self._note_validator(response.headers)
            announced = announced_length(response.headers)
            self._check_announced(None if announced is None else start + announced)
            received = self._take(response, start, announced)
        if self.wanted.size is not None and start + received != self.wanted.size:
            raise _CutError(f"{start + received} of {self.wanted.size} bytes have come")
        if announced is not None and received < announced and start + received != self.wanted.size:
            raise _CutError(f"{start + received} of {start + announced} bytes have come")

    def _headers(self, have: int) -> dict[str, str]:
        headers = {"User-Agent": f"symgen/{version()}", "Accept-Encoding": "identity"}
        if have and (self.validator or self.wanted.sha256):
            headers["Range"] = f"bytes={have}-"
            if self.validator:
                headers["If-Range"] = self.validator
        return headers

    @contextlib.contextmanager
    def _answer(self, request: urllib.request.Request) -> Iterator[Any]:
        """Yield the response to a request, None where everything is here already; sort the ways to fail."""
        try:
            with opener().open(request, timeout=TIMEOUT_SECONDS) as response:
                yield response
        except urllib.error.HTTPError as error:
            error.close()
            if 300 <= error.code < 400:
                raise CorpusError(f"{self.url} redirects in a circle", remedy="look whether it has moved") from error
            if error.code in _AGAIN:
                raise _CutError(f"HTTP {error.code} {error.reason}") from error
            if error.code != 416:
                raise CorpusError(
                    f"{self.url} answers HTTP {error.code} {error.reason}", remedy="look whether it has moved"
                ) from error
            if not self.have or range_total(error.headers) != self.have:
                raise _AfreshError from error
            yield None
        except (TimeoutError, ConnectionError, http.client.HTTPException) as error:
            raise _CutError(str(error) or type(error).__name__) from error
        except urllib.error.URLError as error:
            if isinstance(error.reason, (TimeoutError, ConnectionResetError, http.client.HTTPException)):
                raise _CutError(str(error.reason)) from error
            raise self._unreachable(error) from error
        except ssl.SSLError as error:
            raise _CutError(str(error)) from error

    def _unreachable(self, error: urllib.error.URLError) -> CorpusError:
        reason = error.reason
        if isinstance(reason, ssl.SSLCertVerificationError):
            return CorpusError(
                f"{self.url} has a certificate that is not valid: {reason.verify_message}",
                remedy="SSL_CERT_FILE names another list of authorities, such as that of a proxy",
            )
        return CorpusError(
            f"{self.url} cannot be reached: {reason}",
            remedy="https_proxy names a proxy, SYMGEN_MIRROR another place",
        )

    def _check_announced(self, total: int | None) -> None:
        """Refuse what is announced as too long, before a byte of it is taken."""
        size = self.wanted.size
        if total is not None and size is None and total > self.wanted.at_most:
            raise CorpusError(f"{self.url} announces {total} bytes", expected=f"at most {self.wanted.at_most}")
        if total is not None and size is not None and total != size and not self.wanted.sha256:
            raise CorpusError(f"{self.url} announces {total} bytes", expected=f"{size} bytes")

    def _take(self, response: Any, start: int, announced: int | None) -> int:
        """Write what comes behind the first `start` bytes, and return how much it was."""
        most = self.wanted.most
        total = self.wanted.size or (start + announced if announced is not None else 0)
        received = 0
        with self._opened(start) as file:
            while chunk := response.read(min(_CHUNK, most - start - received + 1)):
                if start + received + len(chunk) > most:
                    if self.wanted.size is not None and self.wanted.sha256:  # the digest will tell
                        chunk = chunk[: most - start - received]
                    else:
                        file.close()
                        self._discard()
                        raise CorpusError(f"{self.url} sends too much", expected=f"at most {most} bytes")
                with _write_errors(self.part):
                    file.write(chunk)
                received += len(chunk)
                self.progress(f"downloading {self.wanted.name}, KiB", (start + received) // 1024, total // 1024)
                if start + received == self.wanted.size:
                    break
        return received

    @contextlib.contextmanager
    def _opened(self, start: int) -> Iterator[IO[bytes]]:
        with _write_errors(self.part):
            file = self.part.open("r+b" if start else "wb")
            file.seek(start)
        try:
            yield file
        finally:
            with _write_errors(self.part):
                file.close()

    def _differs(self, found: str) -> bool:
        return bool(self.wanted.sha256) and found != self.wanted.sha256

    def _known_validator(self) -> str:
        """Return the validator of what an earlier run left, or discard what this address cannot go on with."""
        if self.have > self.wanted.most:  # no rest could make that right
            self._discard()
        if not self.have:
            return ""
        validator = None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):  # notes that are not ours tell nothing
            notes = json.loads(self.notes.read_text("utf-8"))
            validator = str(notes["validator"]) if notes["url"] == self.url else None
        if validator or self.wanted.sha256:  # the digest tells whether two halves belong together
            return validator or ""
        self._discard()
        return ""

    def _note_validator(self, headers: Any) -> None:
        """Keep by what the server knows this version: a strong ETag, or else the time of its last change."""
        self.validator = strong_validator(headers)
        with _write_errors(self.notes):
            self.notes.write_text(json.dumps({"url": self.url, "validator": self.validator}), "utf-8")

    def _discard(self) -> None:
        _remove(self.part)
        _remove(self.notes)


def discard(part: Path) -> None:
    """Remove a downloaded file and the notes beside it."""
    _remove(part)
    _remove(part.with_name(f"{part.name}.json"))


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        path.unlink()


@contextlib.contextmanager
def _write_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise WriteError(f"{path} cannot be written: {error.strerror or error}", remedy="make room there") from error
