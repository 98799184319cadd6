"""Declarations of corpora: which files are theirs, and which pieces are held out."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.corpus.catalogue import UNDECLARED, Corpus, normalise_title, read_catalogue, read_corpus, split_titles
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
        ('name = "a"\nmetre = "4/4"', "metre '4/4'; expected one of as written, bar lines, unknown"),
        ('name = "a"\ntempo = "80"', "tempo '80'; expected one of as written, unknown"),
        ('name = "a"\ngong = "H"', "gong: "),
        ('name = "a"\ngong = 5', "gong is 5; expected a text"),
        ('name = "a"\nmatch = "guqin/*.xml"', "match is 'guqin/\\*.xml'; expected a list of texts"),
        ('name = "a"\nmatch = [1]', "expected a list of texts"),
        ('name = "a"\nmatch = [""]', "empty pattern"),
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


class TestSplitTitles:
    @pytest.mark.parametrize("count", [5, 8, 12, 40])
    def test_a_small_corpus_has_something_to_judge_by(self, count):
        for series in range(20):
            titles = [f"{series} tune {chr(97 + n % 26)}{n}" for n in range(count)]
            splits = split_titles(Corpus("own"), titles)
            assert set(splits) == set(titles)
            assert "validation" in splits.values()
            assert "train" in splits.values()

    def test_fewer_than_five_are_left_as_they_fall(self):
        titles = ["a", "b", "c"]
        assert split_titles(Corpus("own"), titles) == {title: Corpus("own").split_of(title) for title in titles}

    def test_a_declared_split_is_kept(self):
        corpus = Corpus("own", validation=frozenset(), test=frozenset())
        assert set(split_titles(corpus, [f"t{n}" for n in range(30)]).values()) == {"train"}
