"""Requests as JSON: what comes back is the same, and what does not fit its type is refused, never run."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import ReadError, SymgenError, UsageError
from symgen.instruments import get_instrument
from symgen.instruments.base import Tuning
from symgen.origin import from_plain, plain, to_plain
from symgen.origin.plain import embed_score, score_of
from symgen.planning.request import ComposeRequest
from symgen.score import Key, Metre, Score, Section, Technique, Tempo, Text, make_notes
from symgen.writers import Options, read_articulations


@dataclass(frozen=True)
class Wish:
    """A request of a verb with a source."""

    source: Path | Score
    keep: Literal["rhythm", "pitch"] = "rhythm"
    amount: float = 0.5
    bars: tuple[int, int] | None = None
    marks: tuple[str, ...] = ()
    counts: Mapping[int, float] = field(default_factory=dict)
    technique: Technique | None = None
    tuning: str | Tuning | None = None
    bold: bool = False


def there_and_back(value, kind, **options):
    return from_plain(json.loads(json.dumps(to_plain(value))), kind, **options)


def random_score(seed, notes=200):
    rng = np.random.default_rng(seed)
    rows = make_notes(
        onset=rng.integers(0, 9600, notes),
        duration=rng.integers(1, 960, notes),
        pitch=rng.integers(0, 128, notes),
        velocity=rng.integers(1, 128, notes),
        voice=rng.integers(0, 3, notes),
        technique=rng.integers(0, len(Technique), notes),
    )
    return Score(
        rows,
        ticks_per_quarter=int(rng.choice([96, 480, 960])),
        tempi=(Tempo(0, 60.1), Tempo(960, 1 / 3 * 200)),
        metres=(Metre(0, 3, 4),),
        keys=(Key(0, 5, "yu"), Key(960, 0)),
        sections=(Section(0, "段 1"),),
        texts=(Text(5, "词 \ud800 é\n", "lyric"),),
        title="流水",
        end=20_000,
    )


@pytest.mark.parametrize("seed", range(5))
def test_a_score_comes_back_without_loss(seed):
    score = random_score(seed)
    again = score_of(embed_score(score))
    assert again == score
    assert again.notes.tobytes() == score.notes.tobytes()


def test_an_empty_score_comes_back():
    assert score_of(embed_score(Score(make_notes()))) == Score(make_notes())


def test_a_score_too_long_is_not_carried(monkeypatch):
    monkeypatch.setattr(plain, "MOST_BYTES", 1000)
    with pytest.raises(UsageError, match="200 notes, is too long to be carried"):
        embed_score(random_score(0))
    with pytest.raises(ReadError, match="too long"):
        score_of(base64.b64encode(zlib.compress(b"0" * 1001)).decode())


def test_a_bomb_is_not_unpacked():
    """Some hundred kilobytes of text that unpack to more than the cap: no more than that is ever unpacked."""
    packed = zlib.compress(b"\0" * (plain.MOST_BYTES + 2**20), 1)
    with pytest.raises(ReadError, match="is too long; expected at most 16 MiB"):
        score_of(base64.b64encode(packed).decode())


def test_every_kind_of_field_comes_back(tmp_path):
    tuning = get_instrument("guqin").tunings["manjiao"]
    wish = Wish(random_score(1, 3), "pitch", 1, (5, 8), ("a", "b"), {1: 0.5}, Technique.HARMONIC, tuning, bold=True)
    again = there_and_back(wish, Wish)
    assert again == wish
    assert type(again.amount) is int
    assert again.tuning.gongs == tuning.gongs


def test_a_compose_request_comes_back_with_its_articulations(tmp_path):
    file = tmp_path / "library.toml"
    file.write_text("bend_range = 12\n[technique.harmonic]\nkeyswitch = 12\ncc = { 32 = 5 }\n", encoding="utf-8")
    request = ComposeRequest("guqin", bars=8, layout=Options("merged", articulations=read_articulations(file)))
    assert there_and_back(request, ComposeRequest) == request


def test_paths_come_back_only_where_they_may():
    request = ComposeRequest("guqin", output=Path("a.mid"))
    assert there_and_back(request, ComposeRequest, paths=True) == request
    with pytest.raises(ReadError, match=r"'a.mid' for output"):
        there_and_back(request, ComposeRequest)


WRONG = [
    ({}, "no field source|nothing"),
    ({"source": 5}, "'5' for source"),
    ({"source": {"score": "###"}}, "carried in the record is damaged"),
    ({"keep": "form"}, "'form' for keep"),
    ({"amount": True}, "'True' for amount"),
    ({"amount": "1"}, "'1' for amount"),
    ({"amount": float("nan")}, "'nan' for amount"),
    ({"bars": [5]}, "for bars"),
    ({"bars": [5, 8.5]}, "for bars"),
    ({"marks": "ab"}, "for marks"),
    ({"counts": {"a": 1}}, "for counts"),
    ({"technique": "__class__"}, "for technique"),
    ({"tuning": {"name": "x"}}, "for tuning"),
    ({"tuning": 3}, "'3' for tuning"),
    ({"bold": 1}, "'1' for bold"),
    ({"more": 1}, "'more' for the request"),
]


@pytest.mark.parametrize(("change", "words"), WRONG, ids=[str(change) for change, _ in WRONG])
def test_what_does_not_fit_is_refused(change, words):
    data = to_plain(Wish(random_score(0, 2))) | change if change else {}
    with pytest.raises(ReadError, match=words) as caught:
        from_plain(data, Wish)
    assert "\n" not in str(caught.value)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4),
    max_leaves=12,
)


@settings(deadline=None)
@given(st.sampled_from(list(ComposeRequest.__dataclass_fields__)), json_values)
def test_any_json_is_a_request_or_refused(name, value):
    data = to_plain(ComposeRequest("guqin")) | {name: value}
    try:
        from_plain(data, ComposeRequest)
    except SymgenError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most damage is refused, some is no damage


@settings(deadline=None)
@given(st.data())
def test_a_damaged_source_is_refused_or_another_score(data):
    """Bytes changed, cut or added, packed anew or not."""
    raw = bytearray(zlib.decompress(base64.b64decode(embed_score(random_score(2, 5)))))
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(raw) - 1))
        raw[place : place + data.draw(st.integers(0, 3))] = data.draw(st.binary(max_size=3))
    text = base64.b64encode(zlib.compress(bytes(raw)))[: data.draw(st.one_of(st.none(), st.integers(0, 300)))]
    try:
        score_of(text.decode())
    except ReadError as error:
        assert "\n" not in str(error)  # noqa: PT017 - most damage is refused, some is no damage


def test_what_has_no_place_is_said():
    with pytest.raises(UsageError, match=r"object .* has no place in a record"):
        to_plain(object())
