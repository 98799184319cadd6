"""Asking a server: http and https only, redirects and headers looked at before they are believed."""

from __future__ import annotations

import re
import ssl
import urllib.request
from typing import Any
from urllib.parse import urljoin, urlsplit

from symgen.corpus.origin import is_address
from symgen.errors import CorpusError


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects to http and https only, and never from https to http."""

    def http_error_302(self, req: Any, fp: Any, code: int, msg: str, headers: Any) -> Any:
        """Look at the address before urllib does, whose complaint is no plain one."""
        target = headers.get("Location") or headers.get("URI") or ""
        if not _as_safe(req.full_url, target):
            fp.close()
            raise CorpusError(f"{req.full_url} redirects to {target}", expected="an address as safe as it is itself")
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302


def _as_safe(url: str, target: str) -> bool:
    """Tell whether a redirect leads to http or https, and not out of https."""
    try:
        joined = urljoin(url, target)
    except ValueError:  # brackets that hold no address
        return False
    return is_address(joined) and (urlsplit(url).scheme == "http" or urlsplit(joined).scheme == "https")


def opener() -> urllib.request.OpenerDirector:
    """Return an opener that knows http, https and proxies, and no other scheme."""
    director = urllib.request.OpenerDirector()
    handlers = (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=ssl.create_default_context()),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.UnknownHandler(),
    )
    for handler in handlers:
        director.add_handler(handler)
    return director


def announced_length(headers: Any) -> int | None:
    """Return the length that a response announces for its body, None if it announces none that makes sense."""
    value = headers.get("Content-Length", "")
    return int(value) if re.fullmatch(r"\d{1,18}", value) and not headers.get("Transfer-Encoding") else None


def range_start(headers: Any) -> int | None:
    """Return where the bytes of a partial response begin, None if it does not say."""
    match = re.match(r"bytes (\d{1,18})-", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def range_total(headers: Any) -> int | None:
    """Return how many bytes the whole has that a response gives a part of, None if it does not say."""
    match = re.search(r"/(\d{1,18})$", headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def strong_validator(headers: Any) -> str:
    """Return by what a server knows this version of a file: a strong ETag, or else the time of its last change."""
    etag = headers.get("ETag", "")
    value: str = etag if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) else headers.get("Last-Modified", "")
    return value if value.isascii() and value.isprintable() else ""
