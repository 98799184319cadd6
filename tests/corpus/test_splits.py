"""Splits: what is nearly the same music, or of one title, stands together; a share of every corpus is held out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.corpus.catalogue import Corpus, normalise_title
from symgen.corpus.splits import SplitPlanner

OWN = Corpus("own")


def plan(titles, families=None, corpora=None):
    """Return the splits of pieces of these titles, each its own family unless told."""
    corpora = corpora or [OWN] * len(titles)
    names = {corpus.name: corpus for corpus in corpora}
    planner = SplitPlanner(lambda path: names[path.split("/")[0]])
    for title, corpus in zip(titles, corpora, strict=True):
        planner.add({"path": f"{corpus.name}/{title}.mid", "title": title, "corpus": corpus.name})
    return planner.plan(np.arange(len(titles)) if families is None else np.array(families))


@pytest.mark.parametrize("count", [5, 8, 12, 40])
def test_a_small_corpus_has_something_to_judge_by(count):
    for series in range(20):
        splits = plan([f"{series} tune {chr(97 + n % 26)}{n}" for n in range(count)])
        assert "validation" in splits
        assert "train" in splits


def test_fewer_than_five_are_left_as_they_fall():
    titles = ["a", "b", "c"]
    assert plan(titles) == [OWN.split_of(title) for title in titles]


def test_a_piece_alone_stands_where_its_title_falls():
    titles = [f"song {chr(0x4E00 + i)}" for i in range(2000)]
    assert plan(titles) == [OWN.split_of(title) for title in titles]


def test_groups_are_held_out_no_more_often_than_single_pieces():
    titles = [f"song {chr(0x4E00 + i)}" for i in range(6000)]
    splits = plan(titles, [3 * (number // 3) for number in range(6000)])
    assert 0.07 < splits.count("validation") / 6000 < 0.13


@given(
    st.lists(st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 11)), min_size=1, max_size=12),
    st.sampled_from(["", "validation", "test"]),
)
def test_families_and_titles_stay_together(rows, held_out):
    titles = [title for title, _ in rows]
    families = [min(link, number) for number, (_, link) in enumerate(rows)]
    families = [families[family] for family in families]  # a family's number is that of its first piece
    families = [number if families[family] != family else family for number, family in enumerate(families)]
    declared = {held_out: frozenset({normalise_title(titles[-1])})} if held_out else {}
    corpus = Corpus("own", **({"validation": frozenset(), "test": frozenset()} | declared if held_out else {}))
    splits = plan(titles, families, [corpus] * len(titles))
    assert len(splits) == len(titles)
    for one in range(len(titles)):
        for other in range(one):
            if titles[one] == titles[other] or families[one] == families[other]:
                assert splits[one] == splits[other]
    if held_out:
        assert splits[-1] == held_out


def test_what_is_held_out_anywhere_takes_its_family_along():
    declared = Corpus("declared", validation=frozenset({"a"}), test=frozenset({"b"}))
    titles = ["a", "a variant", "b", "its twin", "free"]
    corpora = [declared, OWN, declared, OWN, declared]
    splits = plan(titles, [0, 0, 2, 2, 4], corpora)
    assert splits == ["validation", "validation", "test", "test", "train"]


def test_one_title_in_two_corpora_need_not_be_one_tune():
    other = Corpus("other")
    titles = ["山歌"] * 2 + [f"t{n}" for n in range(20)]
    splits = plan(titles, corpora=[OWN, other, *[OWN] * 20])
    assert splits[:2] == [OWN.split_of("山歌")] * 2  # by the same hash, not by belonging together


def test_a_declared_split_is_kept():
    corpus = Corpus("own", validation=frozenset(), test=frozenset())
    assert set(plan([f"t{n}" for n in range(30)], corpora=[corpus] * 30)) == {"train"}


def test_no_piece_no_split():
    assert plan([]) == []
