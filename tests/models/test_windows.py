"""Windows cut from pieces: what is in them, and that the same seed cuts the same ones."""

from itertools import islice

import numpy as np
import pytest

from symgen.corpus.dataset import Dataset, Entry
from symgen.corpus.writer import write_dataset
from symgen.errors import CorpusError
from symgen.models.columns import piece_features
from symgen.models.context import Context
from symgen.models.features import FEATURES
from symgen.models.metres import metre_classes
from symgen.models.mixture import Mixture
from symgen.models.windows import Piece, Pieces, Selection, pieces_by_style
from symgen.models.wishes import passage_levels
from symgen.score import Metre
from tests.models.music import TWO_FOUR, random_tune

REMAINING = list(FEATURES).index("remaining")


@pytest.fixture(scope="module")
def pools():
    """Return pieces of two styles, of very different lengths."""
    return {
        style: Pieces(random_tune(seed, notes, style=style) for seed, notes in enumerate((1, 5, 20, 60), start))
        for style, start in (("guqin", 0), ("folk", 10))
    }


def test_a_window_holds_the_steps_of_its_piece():
    tune = random_tune(1)
    batch = Pieces([tune]).batch([(0, 0), (0, 10), (0, len(tune) - 3)], window=8)
    assert batch.mask.tolist() == [[True] * 8, [True] * 8, [True] * 3 + [False] * 5]
    assert batch.steps[0, 0].tolist() == [0, 0, 0]
    assert np.array_equal(batch.steps[0, 1:], tune.steps()[:8])
    assert np.array_equal(batch.steps[1], tune.steps()[9:18])
    assert np.array_equal(batch.features[1], piece_features(tune)[10:18])
    assert not batch.steps[2, 4:].any()
    assert batch.prefix.tolist() == [list(tune.prefix.numbers())] * 3


def test_whole_pieces_are_covered_once(pools):
    pieces = pools["guqin"]
    batches = list(pieces.whole(16, rows=3))
    assert sum(int(batch.mask.sum()) for batch in batches) == pieces.lengths.sum()
    assert max(batch.mask.shape[1] for batch in batches) == 16
    seen = np.sort(np.concatenate([batch.steps[:, 1:][batch.mask][:, 1] for batch in batches]))
    assert np.array_equal(seen, np.sort(np.concatenate([piece.steps[1:, 1] for piece in pieces])))


def test_places_are_drawn_by_length(pools):
    pieces = pools["guqin"]
    drawn = pieces.draw(np.random.default_rng(0), 4000)
    assert all(0 <= step < pieces.lengths[piece] for piece, step in drawn)
    counts = np.bincount([piece for piece, _ in drawn], minlength=4) / 4000
    assert np.abs(counts - pieces.lengths / pieces.lengths.sum()).max() < 0.03


def test_places_with_room_on_both_sides(pools):
    pieces = pools["guqin"]
    drawn = pieces.places(np.random.default_rng(0), 300, before=10, after=12)
    assert len(drawn) == 300
    assert all(10 <= step <= pieces.lengths[piece] - 12 for piece, step in drawn)
    assert {step for _, step in drawn} >= {10}
    assert pieces.places(np.random.default_rng(0), 5, before=500, after=500) == []
    assert Pieces([]).places(np.random.default_rng(0), 5, before=1, after=1) == []


def test_the_context_of_a_place_is_that_of_the_piece(pools):
    pieces = pools["folk"]
    for step in (0, 1, 17):
        assert list(pieces.context(2, step).features()) == pieces[2].features[step].tolist()


def batches(pools, seed, **options):
    mixture = Mixture(pools, {"guqin": 0.7, "folk": 0.3}, window=24, steps=200, **options)
    return [mixture.batch(np.random.default_rng([seed, number])) for number in range(40)]


def test_the_same_seed_draws_the_same_batches(pools):
    for one, two in zip(batches(pools, 3), batches(pools, 3), strict=True):
        for name in ("steps", "features", "prefix", "mask"):
            assert np.array_equal(getattr(one, name), getattr(two, name))
    sizes = [[batch.steps.tobytes() for batch in batches(pools, seed)] for seed in (3, 4)]
    assert sizes[0] != sizes[1]


def test_a_batch_is_of_one_style_and_of_bounded_size(pools):
    found = batches(pools, 0)
    assert all(len(set(batch.prefix[:, 0].tolist())) == 1 for batch in found)
    assert all(batch.mask.size <= 200 or len(batch.mask) == 1 for batch in found)
    assert all(batch.mask.shape[1] <= 24 and batch.mask.any(axis=1).all() for batch in found)
    share = np.mean([batch.prefix[0, 0] == 1 for batch in found])
    assert 0.5 < share < 0.9


def test_windows_need_not_be_the_last_few_steps(pools):
    """A start near the end of a piece is moved back by half a window, so that short windows stay rare."""
    pieces = {"guqin": pools["guqin"]}
    mixture = Mixture(pieces, {"guqin": 1.0}, window=24, steps=200)
    lengths = [n for i in range(60) for n in mixture.batch(np.random.default_rng(i)).mask.sum(axis=1)]
    assert np.mean(np.array(lengths) >= 12) > 0.8


def test_what_is_asked_is_hidden_now_and_then(pools):
    found = batches(pools, 1, blank=0.5)
    prefixes = np.concatenate([batch.prefix for batch in found])
    assert (prefixes[:, 0] > 0).all()  # the style never
    for field in (1, 2):
        assert 0.3 < np.mean(prefixes[:, field] == 0) < 0.7
    hidden = [not row.any() for batch in found for row in batch.features[:, :, REMAINING]]
    assert 0.3 < np.mean(hidden) < 0.7
    shown = batches(pools, 1, blank=0.0)
    assert all((batch.prefix > 0).all() for batch in shown)
    assert not (pools["guqin"][3].features[:, REMAINING] == 0).any()  # the pieces themselves stay as they are


def test_styles_without_pieces_take_no_share(pools):
    mixture = Mixture({**pools, "guzheng": Pieces([])}, {"guqin": 0.5, "guzheng": 0.5}, window=24, steps=100)
    assert mixture.names == ["guqin"]
    assert mixture.shares.tolist() == [1.0]


STYLES = ("folk", "guqin", "folk", "guzheng")
SPLITS = ("train", "train", "validation", "train", "test")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    """Return a dataset of 40 random tunes, styles and splits mixed, lengths from 5 steps on, one metre in three."""
    rows = []
    for number in range(40):
        style, metres = STYLES[number % len(STYLES)], ((), TWO_FOUR, (Metre(0, 3, 4), Metre(2880, 6, 8)))[number % 3]
        tune = random_tune(number, 4 + number % 7 * 9, metres, style)
        facts = {"path": f"{number}.mid", "sha256": "", "part": 0, "corpus": "own", "licence": "", "title": ""}
        facts |= {"style": style, "split": SPLITS[number % len(SPLITS)], "gong": tune.gong, "confidence": 1.0}
        facts |= {"mode": tune.prefix.mode, "metre": tune.prefix.metre, "notes": 1, "seconds": 1.0, "tempi": []}
        facts["metres"] = [[metre.tick, metre.numerator, metre.denominator] for metre in metres]
        rows.append((Entry(**facts), tune))
    folder = tmp_path_factory.mktemp("mixed") / "mixed.symgen"
    write_dataset(folder, rows, [], "")
    return folder


class Eager(Pieces):
    """Pieces worked out at once and step by step, all of them kept."""

    def __init__(self, sequences):
        sequences = list(sequences)
        super().__init__(sequences)
        self.all = []
        for sequence in sequences:
            context, features = Context(sequence.metres, sequence.end), []
            for tokens in sequence.steps().tolist():
                features.append(context.features())
                context.append(*tokens)
            steps = np.concatenate([np.zeros((1, 3), np.int16), sequence.steps()])
            levels = passage_levels(sequence)
            classes = metre_classes(sequence.metres, sequence.onsets())
            ready = np.array(features, np.int16)
            self.all.append(Piece(steps, ready, levels, classes, sequence.metres, sequence.end))

    def __getitem__(self, number):
        return self.all[number]


def eager(dataset, split, most_folk=None):
    """Return the pieces of a split by style, every index line read for it."""
    return {
        style: Eager(islice(dataset.sequences(split=split, style=style), most_folk if style == "folk" else None))
        for style in sorted({entry.style for entry in dataset.entries})
    }


@pytest.mark.parametrize("kept", [1, 150, 10**6])
def test_batches_are_the_same_whether_pieces_are_read_at_once_or_late(dataset, kept):
    """For all sizes of the store: with almost none, with one that overflows, and with room for all."""
    data = Dataset(dataset)
    early = eager(data, "train")
    late = {style: Pieces(Selection(data, data.numbers(split="train", style=style)), kept=kept) for style in early}
    assert list(late) == list(pieces_by_style(data, "train")) == ["folk", "guqin", "guzheng"]
    mixtures = [
        Mixture(pools, {"guqin": 0.4, "folk": 0.4, "guzheng": 0.2}, window=24, steps=200) for pools in (early, late)
    ]
    for step in range(30):
        one, two = (mixture.batch(np.random.default_rng([7, step])) for mixture in mixtures)
        for name in ("steps", "features", "prefix", "mask"):
            assert getattr(one, name).dtype == getattr(two, name).dtype
            assert np.array_equal(getattr(one, name), getattr(two, name))
    for style, pieces in early.items():
        for one, two in zip(pieces.whole(16), late[style].whole(16), strict=True):
            assert np.array_equal(one.features, two.features)
        assert pieces.context(1, 9).features() == late[style].context(1, 9).features()


def test_only_the_first_pieces_of_a_style(dataset):
    data = Dataset(dataset)
    few = pieces_by_style(data, "validation", {"folk": 2})
    assert [len(few[style]) for style in few] == [2, 2, 2]
    assert len(pieces_by_style(data, "validation")["folk"]) == 4
    for one, two in zip(eager(data, "validation", 2)["folk"].all, few["folk"], strict=True):
        assert np.array_equal(one.steps, two.steps)


def test_lengths_and_prefixes_need_no_line_of_the_index(dataset, tmp_path):
    for file in dataset.iterdir():
        if file.name != "index.jsonl":
            (tmp_path / file.name).write_bytes(file.read_bytes())
    early, late = eager(Dataset(dataset), "train"), pieces_by_style(Dataset(tmp_path), "train")
    for style, pieces in early.items():
        assert np.array_equal(pieces.lengths, late[style].lengths)
        assert np.array_equal(pieces.prefixes, late[style].prefixes)
    with pytest.raises(CorpusError, match=r"index\.jsonl"):
        late["folk"].batch([(0, 0)], 8)


def test_a_piece_of_no_known_style_is_refused(dataset, tmp_path):
    for file in dataset.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    columns = np.load(tmp_path / "pieces.npy")
    columns["mode"][5] = 200
    np.save(tmp_path / "pieces.npy", columns)
    with pytest.raises(CorpusError, match="piece 5"):
        Selection(Dataset(tmp_path), range(10))


def test_the_pieces_asked_for_last_are_kept():
    tunes = [random_tune(seed, 12) for seed in range(6)]
    longest = max(len(tune) for tune in tunes)
    pieces = Pieces(tunes, kept=3 * longest)
    first = pieces[0]
    for number in range(1, 6):
        pieces[number]
        assert pieces[0] is first  # asked for again and again
    assert pieces[5] is pieces[5]
    for number in range(1, 6):
        pieces[number]
    assert pieces[0] is not first
    assert np.array_equal(pieces[0].features, first.features)
    assert pieces[-1] is pieces[5]
    with pytest.raises(IndexError):
        pieces[6]


def test_a_piece_longer_than_the_store_is_kept_alone():
    pieces = Pieces([random_tune(0, 60), random_tune(1, 60)], kept=10)
    first = pieces[0]
    assert pieces[0] is first
    pieces[1]
    assert pieces[0] is not first
