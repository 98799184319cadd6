"""Declarations of corpora: which files are theirs, and which pieces are held out."""

import hashlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen import readers
from symgen.corpus.catalogue import (
    UNDECLARED,
    Corpus,
    normalise_title,
    read_catalogue,
    read_corpus,
    read_declaration,
    read_declarations,
)
from symgen.corpus.contents import check_contents, contents_digest
from symgen.corpus.origin import Archive, Contents, Package, Shipped
from symgen.corpus.patterns import matches_end, matches_whole
from symgen.errors import CorpusError
from symgen.resources import corpora_dir

SHIPPED = sorted(corpora_dir().glob("*.toml"))


@pytest.fixture
def declare(tmp_path):
    """Return a function that reads a declaration from text."""

    def read(text):
        path = tmp_path / "corpus.toml"
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return read_corpus(path)

    return read


@pytest.fixture
def declare_all(tmp_path):
    """Return a function that reads all of a declaration from text."""

    def read(text):
        path = tmp_path / "corpus.toml"
        path.write_text(text, "utf-8")
        return read_declaration(path)

    return read


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
class TestEveryShippedDeclaration:
    """The contract of a corpus: a new file in the folder is covered from the moment it exists."""

    def test_it_says_whose_it_is(self, path):
        corpus = read_corpus(path)
        assert corpus.name == path.stem
        assert corpus.title
        assert corpus.source
        assert corpus.licence
        assert corpus.match

    def test_it_owns_files_of_its_own_only(self, path):
        corpus = read_corpus(path)
        examples = [p.replace("**", "a/b").replace("*", "x") for p in corpus.match]
        assert all(corpus.owns(f"/archive/{example}") for example in examples)
        assert not corpus.owns("somebody/elses.mid")
        others = [other for other in read_catalogue(corpora_dir()) if other != corpus]
        assert not any(other.owns(example) for other in others for example in examples)

    def test_it_says_where_its_files_are_and_how_far_they_are_verified(self, path):
        about = read_declaration(path)
        assert about.origin is not None
        assert about.verified
        assert about.quirks
        assert about.pieces
        assert about.reader in {reader.NAME.lower() for reader in readers.formats()}
        if isinstance(about.origin, Archive):
            assert all(url.startswith("https://") for url in about.origin.urls)
            assert about.homepage
            assert about.citation
            checked = about.origin.sha256 or about.contents
            assert checked or "not verified" in about.verified

    def test_what_is_fetched_is_its_own(self, path):
        """What is unpacked or copied lies where `match` looks for it, but for what no reader reads."""
        about = read_declaration(path)
        suffixes = {suffix for reader in readers.formats() for suffix in reader.SUFFIXES}
        if isinstance(about.origin, Archive):
            kept = [pattern for pattern in about.origin.keep if Path(pattern).suffix in suffixes]
        else:
            kept = ["/".join(pattern.split("/")[-2:]) for pattern in about.origin.files]
        assert kept
        for pattern in kept:
            place = pattern.replace("**", "a/b").replace("*", "x")
            assert about.corpus.owns(f"data/{about.name}/{place}"), place

    def test_it_holds_pieces_out(self, path):
        corpus = read_corpus(path)
        if corpus.validation is not None:
            assert corpus.validation
            assert not corpus.validation & corpus.test


def test_names_of_corpora_are_unique():
    names = [corpus.name for corpus in read_catalogue(corpora_dir())]
    assert len(set(names)) == len(names) == len(SHIPPED) > 0


def test_no_folder_is_no_corpus(tmp_path):
    assert read_catalogue(tmp_path / "nothing") == ()


@pytest.mark.parametrize(
    ("pattern", "path", "owned"),
    [
        ("guqin/*.xml", "guqin/酒狂.xml", True),
        ("guqin/*.xml", "/data/guqin/酒狂.xml", True),
        ("guqin/*.xml", "../guqin/a.xml", True),
        ("guqin/*.xml", "guqin/a.mid", False),
        ("guqin/*.xml", "guqin/deep/a.xml", False),
        ("guqin/*.xml", "notguqin/a.xml", False),
        ("folk/**/*.krn", "folk/a.krn", True),
        ("folk/**/*.krn", "folk/han/north/a.krn", True),
        ("folk/**/*.krn", "han/a.krn", False),
        ("**/*.krn", "a.krn", True),
        ("*.mid", "/a.mid", True),
        ("a/*/b.mid", "a/b.mid", False),
        ("a/*.mid", "a/line\nbreak.mid", True),
    ],
)
def test_patterns_match_from_the_right(pattern, path, owned):
    assert Corpus("test", match=(pattern,)).owns(path) is owned


@pytest.mark.parametrize(
    ("pattern", "path", "matched"),
    [
        ("a/*.xml", "a/b.xml", True),
        ("a/*.xml", "top/a/b.xml", False),
        ("**/*.xml", "top/a/b.xml", True),
        ("**/*.xml", "b.xml", True),
        ("*.xml", "a/b.xml", False),
        ("a/**/b/*", "a/x/y/b/c", True),
        ("a/**", "a/x/y", True),
        ("a", "a/b", False),
    ],
)
def test_patterns_that_match_whole_paths(pattern, path, matched):
    assert matches_whole(path, pattern) is matched
    assert matches_end(f"/deep/{path}", pattern) or not matched


def test_files_that_nobody_declares():
    assert not UNDECLARED.owns("a.mid")


@pytest.mark.parametrize(
    ("title", "normal"),
    [
        ("32_正月望郎郎没来（二）", "正月望郎郎没来"),
        ("32. 正月望郎郎没来(一)", "正月望郎郎没来"),
        ("Gao Shan Liu Shui", "gaoshanliushui"),
        ("gao_shan-liu  shui (variant)", "gaoshanliushui"),
        ("Ａｂｃ", "abc"),
        ("12", "12"),
        ("(二)", "(二)"),
        ("", ""),
    ],
)
def test_titles_without_number_and_variant(title, normal):
    assert normalise_title(title) == normal


@given(st.text(), st.integers(1, 999), st.sampled_from(["（二）", " (a)", "!"]))
def test_variants_of_a_title_stay_together(title, number, variant):
    corpus = Corpus("test")
    if normalise_title(title).isalpha():
        assert corpus.split_of(f"{number}_{title}{variant}") == corpus.split_of(title)


@given(st.text(st.characters(), max_size=8))  # half surrogate pairs too, as file names that are no UTF-8 give them
def test_every_title_has_a_split(title):
    assert Corpus("test").split_of(title) in ("train", "validation", "test")


def test_a_share_is_held_out():
    splits = [Corpus("test").split_of(f"song {chr(0x4E00 + i)}") for i in range(4000)]
    assert 0.08 < splits.count("validation") / 4000 < 0.12
    assert 0.035 < splits.count("test") / 4000 < 0.065


def test_declared_titles_are_held_out_in_every_spelling(declare):
    corpus = declare('name = "a"\n[split]\nvalidation = ["酒狂"]\ntest = ["3_Liang Xiao Yin"]\n')
    assert corpus.split_of("07_酒狂（一）") == "validation"
    assert corpus.split_of("liang xiao yin") == "test"
    assert corpus.split_of("流水") == "train"


def test_a_whole_declaration(declare):
    text = 'name = "a"\ntitle = "A"\nsource = "S"\nlicence = "L"\nstyle = "guqin"\n'
    assert declare(text + 'match = ["a/*.xml"]\ngong = "F"\nmetre = "unknown"\n') == Corpus(
        "a", "A", "S", "L", "guqin", ("a/*.xml",), "F", "unknown", None, None
    )


ARCHIVE = 'name = "a"\n[archive]\nurls = ["https://a.example/a.zip"]\n'
SHA256 = "0123456789abcdef" * 4


def test_where_the_files_are(declare_all):
    about = declare_all(
        f'{ARCHIVE}kind = "tar.gz"\nsize = 7\nsha256 = "{SHA256}"\nat_most = 9\nstrip = 1\nkeep = ["b/*.abc"]\n'
        f'[files]\nnames = ["*.abc"]\ncount = 3\nsha256 = "{SHA256}"\n'
    )
    assert about.origin == Archive(("https://a.example/a.zip",), "tar.gz", 7, SHA256, 9, 1, ("b/*.abc",))
    assert about.contents == Contents(("*.abc",), 3, SHA256)
    assert declare_all(ARCHIVE).origin == Archive(("https://a.example/a.zip",))
    assert declare_all('name = "a"\n[package]\nname = "p"\nfiles = ["*.abc"]').origin == Package("p", ("*.abc",))
    assert declare_all('name = "a"\n[shipped]\nfiles = ["tunes/*.abc"]').origin == Shipped(("tunes/*.abc",))
    assert declare_all('name = "a"').origin is None


def test_what_a_user_should_know(declare_all):
    about = declare_all('name = "a"\npieces = 3\nquirks = ["x", "y"]\ncitation = "c"\nverified = "v"\nparts = "apart"')
    assert (about.name, about.pieces, about.quirks, about.citation, about.verified) == ("a", 3, ("x", "y"), "c", "v")
    assert about.corpus == Corpus("a", parts="apart")


def test_a_conversion_depends_on_the_corpus_alone(declare):
    """A better citation or another mirror converts nothing anew."""
    assert declare(ARCHIVE) == declare('name = "a"')
    assert declare('name = "a"\nquirks = ["x"]\npieces = 2') == declare('name = "a"')


class TestContents:
    @pytest.fixture
    def folder(self, tmp_path):
        (tmp_path / "deep").mkdir()
        (tmp_path / "b.abc").write_bytes(b"two")
        (tmp_path / "deep" / "a.abc").write_bytes(b"one")
        return tmp_path

    def test_the_digest_is_the_one_that_is_documented(self, folder):
        lines = [f"a.abc {hashlib.sha256(b'one').hexdigest()}\n", f"b.abc {hashlib.sha256(b'two').hexdigest()}\n"]
        digest = contents_digest([folder / "b.abc", folder / "deep" / "a.abc"])
        assert digest == hashlib.sha256("".join(lines).encode()).hexdigest()
        check_contents(folder, Contents(("*.abc",), 2, digest))

    def test_folders_and_normal_forms_do_not_count(self, tmp_path):
        for folder, name in (("x", "caf\u00e9"), ("y", "cafe\u0301")):
            (tmp_path / folder).mkdir()
            (tmp_path / folder / name).write_bytes(b"same")
        one, other = (list((tmp_path / folder).iterdir()) for folder in "xy")
        assert contents_digest(one) == contents_digest(other)

    @given(st.dictionaries(st.text("abc", min_size=1, max_size=3), st.binary(max_size=4), min_size=1, max_size=4))
    def test_every_change_changes_it(self, tmp_path_factory, files):
        folder = tmp_path_factory.mktemp("files")
        for name, data in files.items():
            (folder / name).write_bytes(data)
        before = contents_digest(folder.iterdir())
        changed = next(folder.iterdir())
        changed.write_bytes(changed.read_bytes() + b".")
        assert contents_digest(folder.iterdir()) != before

    def test_what_differs_is_named(self, folder):
        with pytest.raises(CorpusError, match="2 of the files that the declaration knows; expected 3 of them"):
            check_contents(folder, Contents(("*.abc",), 3, SHA256))
        with pytest.raises(CorpusError, match=f"2 files with sha256 [0-9a-f]+; expected {SHA256}"):
            check_contents(folder, Contents(("*.abc",), 2, SHA256))


@pytest.mark.parametrize("name", ["guqin-dataset", "essen-china"])
def test_declared_contents_are_those_of_the_research_data(shared_data, name):
    about = {about.name: about for about in read_declarations(corpora_dir())}[name]
    places = {"guqin-dataset": shared_data / "guqin" / "xml", "essen-china": shared_data / "folk" / "essen"}
    check_contents(places[name], about.contents)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name = ", "Invalid value"),
        (b"name = '\xff'", "can't decode byte"),
        ('title = "a"', 'no name; expected name = "..."'),
        ('name = ""', "no name"),
        ("name = 3", "name is 3; expected a text"),
        ('name = "a"\nstile = "b"', "unknown entry 'stile'; expected one of name, title"),
        ('name = "a"\nstyle = "jazz"', "style 'jazz'; expected one of unknown, guqin"),
        ('name = "a"\nmetre = "4/4"', 'metre \'4/4\'; expected "as written" or "bar lines" or'),
        ('name = "a"\ntempo = "80"', 'tempo \'80\'; expected "as written" or "unknown"'),
        ('name = "a"\ngong = "H"', "gong: "),
        ('name = "a"\ngong = 5', "gong is 5; expected a text"),
        ('name = "a"\nmatch = "guqin/*.xml"', "match is 'guqin/\\*.xml'; expected a list of texts"),
        ('name = "a"\nmatch = [1]', "expected a list of texts"),
        ('name = "a"\nmatch = [""]', "empty pattern"),
        ('name = "a/b"', "name is 'a/b'; expected letters, digits, - and _"),
        ('name = "../a"', "expected letters, digits"),
        ('name = "a"\nparts = "split"', 'parts \'split\'; expected "together" or "apart"'),
        ('name = "a"\npieces = 0', "pieces is 0; expected a whole number above 0"),
        ('name = "a"\npieces = true', "pieces is True"),
        ('name = "a"\nquirks = "x"', "quirks is 'x'; expected a list of texts"),
        ('name = "a"\nhomepage = "a.example"', "homepage 'a.example'"),
        ('name = "a"\narchive = 3', "archive is 3; expected a table with urls, kind"),
        ('name = "a"\n[archive]', "no urls in archive"),
        (ARCHIVE + "sized = 3", "unknown entry 'sized' in archive; expected one of urls, kind"),
        ('name = "a"\n[archive]\nurls = ["file:///a"]', "url 'file:///a'; expected an address"),
        ('name = "a"\n[archive]\nurls = ["https://"]', "url 'https://'"),
        (ARCHIVE + 'kind = "rar"', "kind 'rar'; expected one of zip, tar"),
        (ARCHIVE + "size = -1", "size is -1"),
        (ARCHIVE + 'sha256 = "abc"', "sha256 is 'abc'; expected 64 hexadecimal digits"),
        (ARCHIVE + "strip = 9", "strip is 9"),
        (ARCHIVE + 'keep = ["../a"]', "keep is .*; expected patterns of paths within the archive"),
        (ARCHIVE + "[package]\nname = 'p'\nfiles = ['a']", "archive and package; expected one place"),
        ('name = "a"\n[package]\nfiles = ["a"]', "name is None; expected the name of a Python package"),
        ('name = "a"\n[package]\nname = "p.q"\nfiles = ["a"]', "name is 'p.q'"),
        ('name = "a"\n[package]\nname = "p"', "files is .*; expected patterns"),
        ('name = "a"\n[shipped]\nfiles = ["/a"]', "files is .*; expected patterns"),
        ('name = "a"\n[files]\nnames = ["a"]', "files lacks names, count or sha256"),
        ('name = "a"\nsplit = "x"', "expected a table"),
        ('name = "a"\n[split]\nvalidation = [3]', "expected a list of texts"),
        ('name = "a"\n[split]\ntrain = ["x"]', "expected a table with the lists validation and test"),
        ('name = "a"\n[split]\nvalidation = ["1_x"]\ntest = ["X"]', "'x' is in validation and in test"),
    ],
)
def test_mistakes_are_named_in_one_line(declare, text, words):
    with pytest.raises(CorpusError, match=words) as caught:
        declare(text)
    assert "corpus.toml" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_missing_declaration(tmp_path):
    with pytest.raises(CorpusError, match="No such file"):
        read_corpus(Path(tmp_path, "none.toml"))
