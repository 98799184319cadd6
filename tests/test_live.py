"""What is printed while a piece is composed is the piece, and comes before its end."""

import pytest

from symgen.compose import ComposeRequest, compose_takes
from symgen.live import Jianpu
from symgen.readers import read_pieces


class Heard:
    """Notes lines, and how many steps were composed when each came."""

    def __init__(self):
        self.lines, self.steps_at = [], []
        self.steps = 0

    def listener(self):
        heard = self

        class Counting(Jianpu):
            def step(self, *tokens):
                heard.steps += 1
                super().step(*tokens)

        return Counting(self.emit)

    def emit(self, line):
        self.lines.append(line)
        self.steps_at.append(self.steps)


def bars_of(lines):
    """Return the bars of the last try, without their numbers."""
    last = max(number for number, line in enumerate(lines) if line.startswith(("take", "again")))
    return lines[last + 1].strip(), [line[4:].strip() for line in lines[last + 2 :]]


@pytest.fixture(scope="module", params=["guqin", "guzheng", "folk"])
def composed(request):
    heard = Heard()
    asked = ComposeRequest(request.param, bars=16, seed=5)
    result = compose_takes(asked, listener=heard.listener())
    return heard, result.takes[0], compose_takes(asked).takes[0]


def test_listening_changes_nothing(composed):
    _, listened, alone = composed
    assert listened.tokens == alone.tokens


def test_every_bar_is_printed_once(composed):
    heard, take, _ = composed
    _, bars = bars_of(heard.lines)
    assert len(bars) == take.bars
    assert all(bar.endswith("|") for bar in bars)


def test_bars_come_as_they_are_composed(composed):
    heard, take, _ = composed
    assert heard.steps_at[2] < len(take.tokens) / 4  # the first bar, long before the end
    assert heard.steps_at == sorted(heard.steps_at)


def test_what_is_printed_is_the_piece(composed, tmp_path):
    heard, take, _ = composed
    head, bars = bars_of(heard.lines)
    path = tmp_path / "heard.jianpu"
    path.write_text(f"{head} {' '.join(bars)}|\n", "utf-8")
    (piece,) = read_pieces(path)
    read, written = piece.score.resampled(480).notes, take.score.notes
    assert read[["onset", "pitch", "duration"]].tolist() == written[["onset", "pitch", "duration"]].tolist()


def test_a_try_that_is_given_up_is_told():
    heard = Heard()
    writer = heard.listener()
    take = compose_takes(ComposeRequest("folk", bars=4, seed=1), listener=writer).takes[0]
    writer.broken(["sounds in yu mode"])
    assert heard.lines[-1] == "not kept, it sounds in yu mode"
    assert heard.lines[0].startswith("take 1: folk")
    assert take.bars == 4


def test_takes_are_heard_one_after_the_other():
    heard = Heard()
    compose_takes(ComposeRequest("folk", bars=2, seed=1, takes=3), listener=heard.listener())
    assert [line.split(":")[0] for line in heard.lines if line.startswith("take")] == ["take 1", "take 2", "take 3"]
