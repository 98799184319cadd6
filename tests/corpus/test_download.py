"""Downloads: whatever a server does, there is the wanted file in the end, or one clear error and nothing wrong."""

import hashlib
import http.server
from pathlib import Path

import pytest

from symgen.corpus.download import Wanted, download
from symgen.corpus.web import _as_safe
from symgen.errors import CorpusError
from tests.corpus.loopback import deaf, endless, misplaced, serving, status, whole

DATA = bytes(range(256)) * 1200  # about 300 KB
SHA256 = hashlib.sha256(DATA).hexdigest()
CUT = 100_000


@pytest.fixture
def server(monkeypatch):
    for name in ("http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    with serving() as loopback:
        yield loopback


@pytest.fixture
def part(tmp_path) -> Path:
    return tmp_path / "a.zip.part"


@pytest.fixture
def get(part):
    """Return a function that downloads without waiting between attempts."""

    def get(*urls, pauses=None, **wanted):
        return download(Wanted("a", urls, **wanted), part, pause=(pauses if pauses is not None else []).append)

    return get


KNOWN = {"size": len(DATA), "sha256": SHA256}


class TestWhatComesWell:
    def test_a_file(self, server, get, part):
        url = server.put("/a", whole(DATA))
        got = get(url, **KNOWN)
        assert (got.url, got.bytes, got.sha256) == (url, len(DATA), SHA256)
        assert part.read_bytes() == DATA

    def test_nothing_is_known_of_it(self, server, get):
        assert get(server.put("/a", whole(DATA))).sha256 == SHA256

    def test_no_length_is_announced(self, server, get):
        assert get(server.put("/a", whole(DATA, length=-1))).sha256 == SHA256

    def test_progress_is_told_in_kib(self, server, part):
        told = []
        download(Wanted("a", (server.put("/a", whole(DATA)),)), part, lambda *facts: told.append(facts))
        assert told[-1] == ("downloading a, KiB", 300, 300)
        assert len(told) > 3

    def test_it_follows_redirects_to_http(self, server, get):
        server.put("/b", whole(DATA))
        assert get(server.put("/a", status(302, Location="/b")), **KNOWN).bytes == len(DATA)

    def test_what_is_there_is_not_asked_for_again(self, server, get):
        url = server.put("/a", whole(DATA))
        get(url, **KNOWN)
        get(url, **KNOWN)
        assert len(server.asked) == 1

    def test_a_proxy_of_the_environment_is_used(self, server, get, monkeypatch):
        monkeypatch.setenv("http_proxy", server.address)
        server.put("http://corpora.example/a", whole(DATA))
        assert get("http://corpora.example/a", **KNOWN).bytes == len(DATA)

    def test_no_proxy_is_heeded(self, server, get, monkeypatch):
        monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert get(server.put("/a", whole(DATA)), **KNOWN).bytes == len(DATA)


class TestAConnectionThatIsCut:
    def test_it_is_gone_on_with(self, server, get, part):
        pauses = []
        get(server.put("/a", whole(DATA, sent=CUT), whole(DATA, sent=50), whole(DATA)), pauses=pauses, **KNOWN)
        assert part.read_bytes() == DATA
        assert server.ranges() == [None, f"bytes={CUT}-", f"bytes={CUT + 50}-"]
        assert [headers.get("If-Range") for _, headers in server.asked] == [None, '"one"', '"one"']
        assert pauses == [1.0, 1.0]  # each brought something

    def test_a_later_run_goes_on_with_it(self, server, get, part):
        url = server.put("/a", whole(DATA, sent=CUT), status(503))
        pauses = []
        with pytest.raises(CorpusError, match=rf"cut off after {CUT} bytes: HTTP 503 .*; run it again") as caught:
            get(url, pauses=pauses, **KNOWN)
        assert str(part) in str(caught.value)
        assert part.stat().st_size == CUT
        assert pauses == [1.0, 1.0, 2.0, 4.0]
        server.put("/a", whole(DATA))
        assert get(url, **KNOWN).bytes == len(DATA)
        assert server.ranges()[-1] == f"bytes={CUT}-"

    def test_it_begins_anew_where_the_file_has_changed(self, server, get):
        new = DATA[::-1]
        url = server.put("/a", whole(DATA, sent=CUT), whole(new, etag='"two"'))
        assert get(url).sha256 == hashlib.sha256(new).hexdigest()

    def test_it_begins_anew_where_the_server_knows_no_ranges(self, server, get, part):
        get(server.put("/a", deaf(DATA, sent=CUT), deaf(DATA)), **KNOWN)
        assert part.read_bytes() == DATA

    def test_it_begins_anew_where_another_range_comes(self, server, get, part):
        get(server.put("/a", whole(DATA, sent=CUT), misplaced(DATA)), **KNOWN)
        assert part.read_bytes() == DATA

    def test_no_version_is_named_and_no_digest_is_known(self, server, get, part):
        get(server.put("/a", whole(DATA, etag="", sent=CUT), whole(DATA, etag="")))
        assert server.ranges() == [None, None]  # two halves might not belong together
        assert part.read_bytes() == DATA

    def test_what_another_address_left_is_gone_on_with_if_the_digest_is_known(self, server, get, part):
        part.write_bytes(DATA[:CUT])
        get(server.put("/a", whole(DATA)), **KNOWN)
        assert server.ranges() == [f"bytes={CUT}-"]

    def test_what_does_not_belong_together_is_fetched_once_more(self, server, get, part):
        part.write_bytes(b"of another version" * 1000)
        get(server.put("/a", whole(DATA)), **KNOWN)
        assert server.ranges() == ["bytes=18000-", None]
        assert part.read_bytes() == DATA

    @pytest.mark.parametrize("more", [1, 2, 70_000])
    def test_what_is_there_is_longer_than_what_is_wanted(self, server, get, part, more):
        longer = DATA + b"x" * (more + 100)
        part.write_bytes(longer[: len(DATA) + more])
        get(server.put("/a", whole(longer), whole(DATA)), **KNOWN)
        assert server.ranges() == [None]
        assert part.read_bytes() == DATA

    def test_what_is_there_is_longer_than_the_cap(self, server, get, part):
        part.write_bytes(b"x" * 1002)
        part.with_name(f"{part.name}.json").write_text(f'{{"url": "{server.address}/a", "validator": "\\"one\\""}}')
        assert get(server.put("/a", whole(DATA[:1000])), at_most=1000).bytes == 1000
        assert server.ranges() == [None]

    def test_everything_has_come_already(self, server, get, part):
        url = server.put("/a", whole(DATA))
        get(url)
        get(url)
        assert server.ranges() == [None, f"bytes={len(DATA)}-"]  # the server says 416, and of how many
        assert part.read_bytes() == DATA

    def test_more_has_come_than_there_is(self, server, get, part):
        url = server.put("/a", whole(DATA + b"more"), whole(DATA))
        get(url)
        get(url)
        assert part.read_bytes() == DATA


class TestServersThatLie:
    @pytest.mark.parametrize("length", [len(DATA) + 7, 10**15])
    def test_the_length_is_too_long(self, server, get, length):
        assert get(server.put("/a", whole(DATA, length=length)), **KNOWN).bytes == len(DATA)

    def test_the_length_is_too_long_and_nothing_is_known(self, server, get, part):
        with pytest.raises(CorpusError, match=f"cut off after {len(DATA)} bytes"):
            get(server.put("/a", whole(DATA, length=len(DATA) + 7, etag="")))
        assert part.read_bytes() == DATA

    def test_the_length_is_too_short(self, server, get, part):
        with pytest.raises(CorpusError, match=f"cut off after .* bytes: .* of {len(DATA)} bytes have come"):
            get(server.put("/a", deaf_but_short(DATA, 1000)), **KNOWN)
        assert part.stat().st_size == 1000

    def test_the_length_is_too_short_but_ranges_work(self, server, get, part):
        get(server.put("/a", whole(DATA, length=1000), whole(DATA)), **KNOWN)
        assert part.read_bytes() == DATA

    @pytest.mark.parametrize("length", [10, len(DATA) * 2])
    def test_the_length_is_not_the_declared_one(self, server, get, length):
        with pytest.raises(CorpusError, match=f"announces {length} bytes; expected {len(DATA)} bytes"):
            get(server.put("/a", whole(DATA, length=length)), size=len(DATA))

    def test_too_much_is_announced(self, server, get, part):
        with pytest.raises(CorpusError, match=f"announces {len(DATA)} bytes; expected at most 1000"):
            get(server.put("/a", whole(DATA)), at_most=1000)
        assert not part.exists()

    @pytest.mark.parametrize("cap", [{"at_most": 200_000}, {"size": 200_000}])
    def test_a_body_without_end(self, server, get, part, cap):
        with pytest.raises(CorpusError, match="sends too much; expected at most 200000 bytes"):
            get(server.put("/a", endless), **cap)
        assert not part.exists()

    def test_a_body_without_end_and_a_digest(self, server, get, part):
        with pytest.raises(CorpusError, match=f"sha256 [0-9a-f]+; expected {SHA256}"):
            get(server.put("/a", endless), **KNOWN)
        assert not part.exists()

    def test_a_wrong_digest(self, server, get, part):
        other = DATA[::-1]
        found = hashlib.sha256(other).hexdigest()
        with pytest.raises(CorpusError, match=f"sha256 {found}; expected {SHA256}; it was removed"):
            get(server.put("/a", whole(other)), **KNOWN)
        assert list(part.parent.iterdir()) == []

    @pytest.mark.parametrize(
        "target",
        ["file:///etc/hostname", "ftp://127.0.0.1/a", "data:text/plain,a", "http://[", "gopher://x"],
    )
    def test_a_redirect_elsewhere(self, server, get, part, target):
        with pytest.raises(CorpusError, match="redirects to") as caught:
            get(server.put("/a", status(302, Location=target)))
        assert "expected an address as safe" in str(caught.value)
        assert not part.exists()

    def test_redirects_in_a_circle(self, server, get):
        with pytest.raises(CorpusError, match="redirects in a circle") as caught:
            get(server.put("/a", status(302, Location="/a")))
        assert "\n" not in str(caught.value)

    def test_no_http_at_all(self, server, get):
        with pytest.raises(CorpusError, match="cut off after 0 bytes"):
            get(server.put("/a", lambda handler: handler.wfile.write(b"SSH-2.0-x\r\n\r\n")))


def test_a_redirect_out_of_https_is_refused():
    assert not _as_safe("https://a.example/x", "http://a.example/y")
    assert _as_safe("https://a.example/x", "/y")
    assert _as_safe("http://a.example/x", "https://b.example/y")


class TestServersThatRefuse:
    @pytest.mark.parametrize("code", [400, 403, 404, 410])
    def test_what_will_not_pass_is_said_at_once(self, server, get, code):
        with pytest.raises(CorpusError, match=f"answers HTTP {code}"):
            get(server.put("/a", status(code)))
        assert len(server.asked) == 1

    @pytest.mark.parametrize("code", [429, 500, 503])
    def test_what_may_pass_is_tried_again(self, server, get, code):
        pauses = []
        assert get(server.put("/a", status(code), status(code), whole(DATA)), pauses=pauses, **KNOWN).bytes == len(DATA)
        assert pauses == [1.0, 2.0]

    def test_a_range_is_refused_without_reason(self, server, get):
        with pytest.raises(CorpusError, match="does not go on where it was cut off"):
            get(server.put("/a", status(416)))

    def test_nobody_is_there(self, get):
        with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as closed:
            port = closed.server_address[1]
        with pytest.raises(CorpusError, match=r"cannot be reached: .*; https_proxy names a proxy"):
            get(f"http://127.0.0.1:{port}/a")

    def test_tls_that_is_none(self, server, get):
        url = server.put("/a", whole(DATA)).replace("http://", "https://")
        with pytest.raises(CorpusError):
            get(url)


class TestMirrors:
    def test_the_next_address_is_tried(self, server, get):
        stale, gone = server.put("/stale", whole(b"old")), server.put("/gone", status(404))
        assert get(gone, stale, server.put("/a", whole(DATA)), **KNOWN).url.endswith("/a")

    def test_all_of_them_are_named_if_none_has_it(self, server, get):
        urls = [server.put("/a", status(404)), server.put("/b", whole(b"old"))]
        with pytest.raises(CorpusError, match=r"none of 2 addresses gave a: .*/a answers HTTP 404.* \| .*/b gave"):
            get(*urls, **KNOWN)


def deaf_but_short(data, length):
    """Announce and send too little, whatever is asked for."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Length", str(length))
        handler.end_headers()
        handler.wfile.write(data)

    return answer
