"""Fetching a corpus: the licence first, then a whole folder with a receipt, or one clear error and no folder."""

import hashlib
import json
import re
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from symgen import console
from symgen.cli import app
from symgen.convert import ConvertRequest, convert
from symgen.corpus import bring, download
from symgen.corpus.contents import contents_digest
from symgen.errors import CorpusError, UsageError, WriteError
from symgen.fetch import FetchRequest, _locked, fetch, list_corpora, show_corpus
from tests.corpus.loopback import serving, status, whole
from tests.corpus.test_unpack import pack

TUNE = b"X:1\nT:Ferry\nM:2/4\nL:1/8\nK:G\nG2 AB | d2 BA | GE D2 | G4 |\n"
FILES = {"repo-1/songs/ferry.abc": TUNE, "repo-1/songs/lantern.abc": TUNE.replace(b"Ferry", b"Lantern")}
FILES |= {"repo-1/readme.md": b"read me", "repo-1/pictures/ferry.png": b"PNG"}
KEPT = {"songs/ferry.abc", "songs/lantern.abc"}

KILLED = """
import os, signal, sys
from pathlib import Path
from symgen.fetch import FetchRequest, fetch

rename, calls = Path.rename, []

def last(source, target):
    calls.append(source)
    if len(calls) == 2:
        os.kill(os.getpid(), signal.SIGKILL)
    return rename(source, target)

Path.rename = last
fetch(FetchRequest("songs", Path(sys.argv[1]), accepted=True, anew=True, corpora=Path(sys.argv[2])))
"""


@dataclass
class Bench:
    """A server, a folder of declarations, and a folder for what is fetched."""

    server: object
    corpora: Path
    data: Path
    archive: bytes

    def declare(self, entries: str = "", archive: str = "", name: str = "songs") -> None:
        text = f'name = "{name}"\ntitle = "Songs"\nsource = "a shelf"\nlicence = "for scholars only"\n'
        text += f'style = "folk"\nmatch = ["{name}/songs/*.abc"]\ngong = "key"\n{entries}\n'
        text += f'[archive]\nurls = ["{self.server.address}/songs"]\nstrip = 1\nkeep = ["songs/*.abc"]\n{archive}\n'
        (self.corpora / f"{name}.toml").write_text(text)

    def exact(self) -> str:
        return f'size = {len(self.archive)}\nsha256 = "{hashlib.sha256(self.archive).hexdigest()}"'

    def fetch(self, **facts):
        facts = {"name": "songs", "output": self.data, "corpora": self.corpora, "accepted": True} | facts
        return fetch(FetchRequest(**facts))

    def left(self) -> set[str]:
        return {path.name for path in self.data.iterdir()} if self.data.exists() else set()


@pytest.fixture
def bench(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "SYMGEN_MIRROR", "SYMGEN_DATA"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(download, "PAUSES", (0.0, 0.0))
    (tmp_path / "corpora").mkdir()
    with serving() as server:
        made = Bench(server, tmp_path / "corpora", tmp_path / "data", pack(FILES))
        server.put("/songs", whole(made.archive))
        yield made


def files_in(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


class TestFetch:
    def test_a_folder_with_a_receipt(self, bench):
        bench.declare(archive=bench.exact())
        result = bench.fetch()
        assert files_in(result.folder) == {*KEPT, "receipt.json"}
        assert bench.left() == {"songs"}
        receipt = json.loads((result.folder / "receipt.json").read_text("utf-8"))
        assert receipt == result.receipt
        assert receipt["sha256"] == hashlib.sha256(bench.archive).hexdigest()
        assert receipt["licence"] == "for scholars only"
        assert receipt["accepted"] is True
        assert receipt["bytes"] == len(bench.archive)
        assert receipt["verified"] == "sha256 of the archive"
        assert receipt["url"] == f"{bench.server.address}/songs"
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00", receipt["date"])
        assert not result.remarks

    def test_a_conversion_recognises_it(self, bench, tmp_path):
        bench.declare(archive=bench.exact())
        folder = bench.fetch().folder
        convert(ConvertRequest([folder], tmp_path / "a.symgen", corpora=bench.corpora))
        index = [json.loads(line) for line in (tmp_path / "a.symgen/index.jsonl").read_text("utf-8").splitlines()]
        assert {(e["corpus"], e["licence"], e["title"]) for e in index} == {
            ("songs", "for scholars only", "Ferry"),
            ("songs", "for scholars only", "Lantern"),
        }

    def test_again_it_does_nothing(self, bench):
        bench.declare(archive=bench.exact())
        first = bench.fetch()
        again = bench.fetch(accepted=False)  # it was accepted then
        assert again.reused
        assert again.receipt == first.receipt
        assert len(bench.server.asked) == 1

    def test_the_licence_comes_first(self, bench):
        bench.declare()
        with pytest.raises(UsageError, match="licence of songs is not accepted: for scholars only; expected --accept"):
            bench.fetch(accepted=False)
        assert not bench.server.asked
        assert not bench.data.exists()

    def test_nothing_is_declared_to_compare_with(self, bench):
        bench.declare()
        result = bench.fetch()
        assert result.receipt["verified"] == ""
        assert "no checksum is declared" in result.remarks[0]

    def test_a_cut_download_is_gone_on_with_by_the_next_run(self, bench):
        bench.declare(archive=bench.exact())
        bench.server.put("/songs", whole(bench.archive, sent=100), status(503))
        with pytest.raises(CorpusError, match="cut off after 100 bytes"):
            bench.fetch()
        assert bench.left() == {"songs.zip.part", "songs.zip.part.json"}
        bench.server.put("/songs", whole(bench.archive))
        bench.fetch()
        assert bench.server.ranges()[-1] == "bytes=100-"
        assert bench.left() == {"songs"}

    def test_a_wrong_checksum_leaves_nothing(self, bench):
        bench.declare(archive=bench.exact())
        bench.server.put("/songs", whole(pack({"repo-1/songs/evil.abc": TUNE})))
        with pytest.raises(CorpusError, match=r"sha256 .*; expected"):
            bench.fetch()
        assert bench.left() == set()

    def test_a_damaged_archive_leaves_nothing(self, bench):
        bench.declare()
        bench.server.put("/songs", whole(b"<html>Please log in</html>"))
        with pytest.raises(CorpusError, match="songs cannot be unpacked: File is not a zip file"):
            bench.fetch()
        assert bench.left() == set()

    def test_an_archive_that_leads_out_leaves_nothing(self, bench):
        bench.declare()
        bench.server.put("/songs", whole(pack(FILES | {"../../evil.abc": TUNE})))
        with pytest.raises(CorpusError, match="holds the path"):
            bench.fetch()
        assert bench.left() == set()

    def test_a_checksum_of_a_colleague(self, bench):
        bench.declare()
        with pytest.raises(CorpusError, match="sha256"):
            bench.fetch(sha256="0" * 64)
        assert bench.fetch(sha256=hashlib.sha256(bench.archive).hexdigest()).receipt["verified"]
        with pytest.raises(UsageError, match="64 hexadecimal digits"):
            bench.fetch(sha256="abc", anew=True)

    def test_no_place_is_declared(self, bench):
        (bench.corpora / "songs.toml").write_text('name = "songs"\nsource = "a shelf in Beijing"\n')
        with pytest.raises(CorpusError, match="does not say where to fetch it; see a shelf in Beijing"):
            bench.fetch()

    def test_unknown_names(self, bench):
        bench.declare()
        with pytest.raises(UsageError, match=r"no corpus song; expected one of songs; did you mean songs\?"):
            bench.fetch(name="song")

    def test_a_place_that_cannot_be_written(self, bench, tmp_path):
        bench.declare()
        (tmp_path / "file").write_text("")
        with pytest.raises(WriteError, match="cannot be made"):
            bench.fetch(output=tmp_path / "file" / "data")

    def test_one_process_at_a_time(self, bench):
        bench.declare()
        fcntl = pytest.importorskip("fcntl")
        bench.data.mkdir()
        with (bench.data / ".songs.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(CorpusError, match="another process is fetching songs"):
                bench.fetch()
        assert bench.fetch().receipt

    def test_a_lock_file_that_another_process_has_removed_is_no_lock(self, bench, monkeypatch):
        fcntl = pytest.importorskip("fcntl")
        bench.data.mkdir()
        flock = fcntl.flock

        def late(lock, how):  # between opening the file and locking it, the process that had the lock is done
            monkeypatch.setattr(fcntl, "flock", flock)
            (bench.data / ".songs.lock").unlink()
            flock(lock, how)

        monkeypatch.setattr(fcntl, "flock", late)
        with (
            _locked(bench.data, "songs"),
            pytest.raises(CorpusError, match="another process is fetching songs"),
            _locked(bench.data, "songs"),
        ):
            pass
        assert bench.left() == set()

    def test_a_lock_file_that_cannot_be_opened(self, bench):
        pytest.importorskip("fcntl")
        bench.declare()
        (bench.data / ".songs.lock").mkdir(parents=True)
        with pytest.raises(WriteError, match=r"\.songs\.lock cannot be written"):
            bench.fetch()

    def test_the_name_of_the_receipt_is_not_for_an_archive(self, bench):
        bench.declare()
        declaration = bench.corpora / "songs.toml"
        declaration.write_text(declaration.read_text().replace('keep = ["songs/*.abc"]', ""))
        bench.server.put("/songs", whole(pack({**FILES, "repo-1/receipt.json": b"{}"})))
        with pytest.raises(CorpusError, match=r"songs holds the name receipt\.json; expected"):
            bench.fetch()
        assert bench.left() == set()

    def test_what_a_killed_run_left_is_cleared_away(self, bench):
        bench.declare(archive=bench.exact())
        (bench.data / ".songs-0123456789ab.tmp" / "songs").mkdir(parents=True)
        (bench.data / ".songs-and-more-0123456789ab.tmp").mkdir()
        bench.fetch()
        assert bench.left() == {"songs", ".songs-and-more-0123456789ab.tmp"}


class TestWhatIsThere:
    def test_a_folder_without_receipt_is_left_alone(self, bench):
        bench.declare()
        (bench.data / "songs").mkdir(parents=True)
        (bench.data / "songs" / "mine.abc").write_bytes(TUNE)
        with pytest.raises(CorpusError, match="is there and holds no receipt"):
            bench.fetch()
        assert (bench.data / "songs" / "mine.abc").exists()

    @pytest.mark.parametrize("change", ["edit", "add", "remove"])
    def test_a_changed_folder_is_left_alone_until_it_is_replaced(self, bench, change):
        bench.declare(archive=bench.exact())
        file = bench.fetch().folder / "songs/ferry.abc"
        if change == "edit":
            file.write_bytes(b"mine")
        elif change == "add":
            file.with_name("new.abc").write_bytes(b"mine")
        else:
            file.unlink()
        with pytest.raises(CorpusError, match="was changed since it was fetched"):
            bench.fetch()
        result = bench.fetch(anew=True)
        assert files_in(result.folder) == {*KEPT, "receipt.json"}
        assert bench.left() == {"songs"}
        assert not bench.fetch().remarks

    def test_another_version_is_told(self, bench):
        bench.declare()
        first = bench.fetch()
        bench.server.put("/songs", whole(pack({"repo-2/songs/other.abc": TUNE})))
        assert f"differs from what was fetched on {first.receipt['date']}" in bench.fetch(anew=True).remarks

    def test_a_failure_to_replace_keeps_what_is_there(self, bench):
        bench.declare(archive=bench.exact())
        bench.fetch()
        bench.server.put("/songs", status(404))
        with pytest.raises(CorpusError, match="HTTP 404"):
            bench.fetch(anew=True)
        assert bench.fetch().reused

    @pytest.mark.skipif(sys.platform == "win32", reason="there is no such signal")
    def test_a_run_killed_while_it_replaces_what_is_there_loses_nothing(self, bench):
        bench.declare(archive=bench.exact())
        first = bench.fetch()
        command = [sys.executable, "-c", KILLED, str(bench.data), str(bench.corpora)]
        assert subprocess.run(command, check=False).returncode == -9
        assert "songs" not in bench.left()
        download.discard(bench.data / "songs.zip.part")
        bench.server.put("/songs", status(404))
        with pytest.raises(CorpusError, match="HTTP 404"):
            bench.fetch(anew=True)
        again = bench.fetch(accepted=False)
        assert again.reused
        assert again.receipt == first.receipt
        assert bench.left() == {"songs"}

    def test_an_interrupt_while_it_replaces_what_is_there_loses_nothing(self, bench, monkeypatch):
        bench.declare(archive=bench.exact())
        bench.fetch()
        rename = Path.rename

        def interrupted(source, target):
            if target.name == "songs" and not source.name.endswith("-old.tmp"):
                raise KeyboardInterrupt
            return rename(source, target)

        monkeypatch.setattr(Path, "rename", interrupted)
        with pytest.raises(KeyboardInterrupt):
            bench.fetch(anew=True)
        assert bench.left() == {"songs", "songs.zip.part", "songs.zip.part.json"}
        assert bench.fetch().reused

    def test_what_was_replaced_is_not_put_back(self, bench):
        """Killed after it had replaced it: the newer one counts."""
        bench.declare(archive=bench.exact())
        (bench.data / ".songs-0123456789ab-old.tmp").mkdir(parents=True)
        (bench.data / "songs").mkdir()
        result = bench.fetch(anew=True)
        assert files_in(result.folder) == {*KEPT, "receipt.json"}
        assert bench.left() == {"songs"}

    def test_a_link_is_replaced_and_what_it_points_to_is_kept(self, bench, tmp_path):
        bench.declare(archive=bench.exact())
        (tmp_path / "elsewhere").mkdir()
        (tmp_path / "elsewhere" / "mine.abc").write_bytes(TUNE)
        bench.data.mkdir()
        (bench.data / "songs").symlink_to(tmp_path / "elsewhere")
        bench.fetch(anew=True)
        assert bench.left() == {"songs"}
        assert files_in(tmp_path / "elsewhere") == {"mine.abc"}


class TestContents:
    """Where a declaration knows what the files hold, that decides, however they are packed."""

    @pytest.fixture
    def known(self, bench, tmp_path):
        files = []
        for name in ("ferry.abc", "lantern.abc"):
            files.append(tmp_path / name)
            files[-1].write_bytes(FILES[f"repo-1/songs/{name}"])
        return f'[files]\nnames = ["songs/*.abc"]\ncount = 2\nsha256 = "{contents_digest(files)}"'

    def test_another_packing_of_the_same_files(self, bench, known):
        bench.declare(archive=f"{bench.exact()}\n{known}")
        bench.server.put("/songs", whole(pack({name.replace("-1", "-2"): data for name, data in FILES.items()})))
        assert bench.fetch().receipt["verified"] == "contents of 2 files"

    def test_other_files(self, bench, known):
        bench.declare(archive=f"{bench.exact()}\n{known}")
        bench.server.put("/songs", whole(pack(FILES | {"repo-1/songs/ferry.abc": b"X:1\nK:C\nC|"})))
        with pytest.raises(CorpusError, match=r"songs holds contents of 2 files with sha256 .*; expected"):
            bench.fetch()
        assert bench.left() == set()

    def test_missing_files(self, bench, known):
        bench.declare(archive=known)
        bench.server.put("/songs", whole(pack({"repo-1/songs/ferry.abc": TUNE})))
        with pytest.raises(CorpusError, match=r"songs holds 1 of the files .*; expected 2 of them"):
            bench.fetch()

    def test_the_declared_archive_needs_no_comparison(self, bench, known):
        bench.declare(archive=f"{bench.exact()}\n{known}".replace("count = 2", "count = 3"))
        assert bench.fetch().receipt["verified"] == "sha256 of the archive"


class TestMirrors:
    def test_they_are_tried_in_order_before_the_declared_place(self, bench, monkeypatch):
        bench.declare(archive=bench.exact())
        monkeypatch.setenv("SYMGEN_MIRROR", f"{bench.server.address}/one {bench.server.address}/two/")
        bench.server.put("/two/songs.zip", whole(bench.archive))
        assert bench.fetch().receipt["url"] == f"{bench.server.address}/two/songs.zip"
        assert [path for path, _ in bench.server.asked] == ["/one/songs.zip", "/two/songs.zip"]

    @pytest.mark.parametrize("text", ["file:///srv/mirror", "mirror.example", "https://"])
    def test_other_schemes_are_refused(self, bench, monkeypatch, text):
        bench.declare()
        monkeypatch.setenv("SYMGEN_MIRROR", text)
        with pytest.raises(UsageError, match="SYMGEN_MIRROR names"):
            bench.fetch()


class TestWhatIsOnThisDisk:
    def test_a_package(self, bench, tmp_path, monkeypatch):
        package = tmp_path / "packages" / "tunebook"
        (package / "songs").mkdir(parents=True)
        (package / "__init__.py").write_text("raise ImportError('nobody should import this')")
        (package / "songs" / "ferry.abc").write_bytes(TUNE)
        monkeypatch.syspath_prepend(str(tmp_path / "packages"))
        declaration = 'name = "tunebook"\nlicence = "free"\n[package]\nname = "tunebook"\nfiles = ["songs/*.abc"]\n'
        (bench.corpora / "tunebook.toml").write_text(declaration)
        (listing,) = list_corpora(bench.data, bench.corpora)
        assert listing.folder == package / "songs"
        result = bench.fetch(name="tunebook")
        assert files_in(result.folder) == {"songs/ferry.abc", "receipt.json"}
        assert result.receipt["url"] == str(package)
        known = f'[files]\nnames = ["*.abc"]\ncount = 1\nsha256 = "{"0" * 64}"\n'
        (bench.corpora / "tunebook.toml").write_text(declaration + known)
        assert "not what the declaration knows" in bench.fetch(name="tunebook", anew=True).remarks[0]

    def test_a_package_that_is_not_installed(self, bench):
        (bench.corpora / "a.toml").write_text('name = "a"\n[package]\nname = "no_such_thing"\nfiles = ["*.abc"]\n')
        assert show_corpus("a", bench.data, bench.corpora).folder is None
        with pytest.raises(CorpusError, match="in the package no_such_thing, which is not installed; install"):
            bench.fetch(name="a")

    def test_the_songs_that_music21_carries(self, bench):
        """They are what the shipped declaration says, and a conversion finds whose they are."""
        result = fetch(FetchRequest("music21-han", bench.data, accepted=True))
        assert result.receipt["verified"] == "contents of 2 files"
        assert all(
            show_corpus("music21-han").declaration.corpus.owns(f"data/music21-han/{f}")
            for f in ("essenFolksong/han1.abc",)
        )

    def test_the_tunes_that_ship(self, bench):
        result = fetch(FetchRequest("symgen-tunes", bench.data, accepted=True))
        corpus = show_corpus("symgen-tunes").declaration.corpus
        tunes = list(result.folder.rglob("*.jianpu"))
        assert len(tunes) == 3
        assert all(corpus.owns(path.as_posix()) for path in tunes)


class TestCommands:
    def run(self, bench, capsys, *words, data="-o"):
        code = console.run(app, ["corpus", *words, data, str(bench.data), "--corpora", str(bench.corpora)])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    def test_list(self, bench, capsys):
        bench.declare("pieces = 2")
        code, out, _ = self.run(bench, capsys, "list", data="--data")
        assert code == 0
        assert re.search(r"songs +Songs +folk +2 +for scholars only", out)
        bench.fetch()
        code, out, _ = self.run(bench, capsys, "list", "--json", data="--data")
        (listed,) = json.loads(out)["corpora"]
        assert listed["here"] == str(bench.data / "songs")
        assert listed["receipt"]["files"] == 2

    def test_show(self, bench, capsys):
        bench.declare(
            'quirks = ["no bars", "no keys"]\ncitation = "Songs, 1920"\nverified = "not at all"\nreader = "abc"'
        )
        code, out, _ = self.run(bench, capsys, "show", "songs", data="--data")
        assert code == 0
        for words in ("for scholars only", "a shelf", "quirk +no keys", "Songs, 1920", "not at all", "reader +abc"):
            assert re.search(words, out)
        assert re.search(r"here +no", out)
        code, out, _ = self.run(bench, capsys, "show", "songs", "--json", data="--data")
        assert json.loads(out)["quirks"] == ["no bars", "no keys"]

    def test_fetch_with_acceptance(self, bench, capsys):
        bench.declare(archive=bench.exact())
        code, out, err = self.run(bench, capsys, "fetch", "songs", "--accept-licence")
        assert code == 0
        assert f"symgen convert {bench.data}/songs" in out
        assert "downloading songs, KiB" in err
        code, out, err = self.run(bench, capsys, "fetch", "songs", "--json", "--quiet")
        assert (code, err) == (0, "")
        assert json.loads(out)["reused"] is True

    def test_fetch_without_acceptance_and_without_a_terminal(self, bench, capsys):
        bench.declare()
        code, out, err = self.run(bench, capsys, "fetch", "songs")
        assert (code, out) == (2, "")
        assert err.startswith("symgen: error: the licence of songs is not accepted: for scholars only; expected --acc")
        assert err.count("\n") == 1

    @pytest.mark.parametrize(("answer", "expected"), [(True, 0), (False, 1)])
    def test_fetch_asks_at_a_terminal(self, bench, capsys, monkeypatch, answer, expected):
        bench.declare(archive=bench.exact())
        monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
        monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
        asked = []
        monkeypatch.setattr("typer.confirm", lambda text, err: asked.append((text, err)) or answer)
        code, _, err = self.run(bench, capsys, "fetch", "songs", "--quiet")
        assert code == expected
        assert asked == [("Do you accept this licence?", True)]
        assert "licence: for scholars only" in err
        assert bool(bench.server.asked) is answer

    def test_a_failure_is_one_line_and_exit_1(self, bench, capsys):
        bench.declare()
        bench.server.put("/songs", status(404))
        code, out, err = self.run(bench, capsys, "fetch", "songs", "--accept-licence", "--quiet")
        assert (code, out) == (1, "")
        assert re.fullmatch(r"symgen: error: http://\S+ answers HTTP 404 Not Found; look whether it has moved\n", err)

    def test_wrong_use(self, bench, capsys):
        assert console.run(app, ["corpus", "lst"]) == 2
        assert "symgen corpus has no command lst" in capsys.readouterr().err
        assert console.run(app, ["corpus"]) == 2
        assert "see symgen corpus --help" in capsys.readouterr().err


def test_mirrors_are_none_by_default(monkeypatch):
    monkeypatch.delenv("SYMGEN_MIRROR", raising=False)
    assert bring.mirrors() == ()
