"""A small dataset and a small recipe that the tests of training share."""

from dataclasses import replace

from symgen.corpus.dataset import Entry
from symgen.corpus.writer import write_dataset
from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.discriminator import AdversaryConfig
from symgen.train import Recipe
from tests.models.music import TINY, random_tune

SPLITS = ("train",) * 4 + ("validation",) * 2
ADVERSARIAL = AdversarialStage(
    updates=2,
    contexts=2,
    siblings=2,
    seen=16,
    length=16,
    warm_up=1,
    memory=1,
    evaluate_every=1,
    adversary=AdversaryConfig(folds=2, members=1, width=8, hidden=8),
)
RECIPE = Recipe(
    ear=None,
    stages=tuple(replace(stage, steps=2, evaluate_every=1, batch_steps=100) for stage in Recipe().stages),
    adversarial=ADVERSARIAL,
    config=TINY,
)


def dataset(path, style="guqin", notes=60, seed=0, splits=SPLITS):
    """Write a dataset of random tunes of one style."""
    rows = []
    for number, split in enumerate(splits):
        tune = random_tune(seed + number, notes, style=style)
        facts = {"path": f"{seed + number}.mid", "sha256": "", "part": 0, "corpus": "own", "licence": "", "title": ""}
        facts |= {"style": style, "split": split, "mode": tune.prefix.mode, "metre": tune.prefix.metre}
        facts |= {"gong": tune.gong, "confidence": 1.0, "metres": [[0, 2, 4]], "tempi": [], "notes": notes}
        rows.append((Entry(**facts, seconds=1.0), tune))
    write_dataset(path, rows, [], "")
    return path


TOML = """
[network]
width = 16
layers = 1
heads = 2
window = 32

[[stage]]
kind = "likelihood"
name = "first"
steps = 4
shares = { guqin = 1 }
judge = "guqin"
batch_steps = 100
evaluate_every = 2
average = 0.9

[[stage]]
kind = "adversarial"
updates = 3
contexts = 2
siblings = 2
seen = 16
length = 16
warm_up = 1
memory = 1
evaluate_every = 2
adversary = { folds = 2, members = 1, width = 8, hidden = 8 }
"""
"""A recipe of both kinds of stage that takes a second."""


def recipe_file(folder, text=TOML):
    """Write a recipe and return its file."""
    path = folder / "recipe.toml"
    path.write_text(text)
    return path
