"""The error family: one line, whatever the words in it."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen import errors
from symgen.errors import ReadError, ScoreError, SymgenError, TokenError, UsageError, one_line

FAMILY = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, SymgenError)]


def test_the_parts_stand_in_order():
    error = ReadError("bar 3 of a.mid ends at tick 7", expected="tick 8", remedy="repair the file")
    assert str(error) == "bar 3 of a.mid ends at tick 7; expected tick 8; repair the file"
    assert str(ReadError("a.mid is empty")) == "a.mid is empty"
    assert str(ReadError("a.mid is empty", remedy="check the path")) == "a.mid is empty; check the path"


@pytest.mark.parametrize("kind", FAMILY)
def test_every_error_has_an_exit_code(kind: type[SymgenError]):
    assert kind.exit_code == (2 if kind is UsageError else 1)
    assert kind.__doc__


@pytest.mark.parametrize("kind", [ScoreError, TokenError])
def test_wrong_values_are_value_errors_too(kind: type[SymgenError]):
    assert issubclass(kind, ValueError)


@given(st.text(), st.text(), st.text())
def test_an_error_is_one_printable_line(found: str, expected: str, remedy: str):
    line = str(SymgenError(found, expected=expected, remedy=remedy))
    assert line.isprintable()
    assert len(line.splitlines()) <= 1


def test_words_of_the_tradition_stay_readable():
    assert one_line("古琴吟 é") == "古琴吟 é"
    assert one_line("a\nb\x1b[2J\u202e") == r"a\nb\x1b[2J\u202e"


@pytest.mark.parametrize("kind", FAMILY)
def test_errors_survive_the_way_between_processes(kind: type[SymgenError]):
    error = kind("found", expected="expected", remedy="remedy")
    again = pickle.loads(pickle.dumps(error))
    assert (type(again), str(again), again.remedy) == (kind, str(error), "remedy")
