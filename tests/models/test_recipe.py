"""A recipe is read as it stands; whatever else stands in its place is told in one line."""

import contextlib
import json
from dataclasses import fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symgen.errors import UsageError
from symgen.models.adversarial_stage import AdversarialStage
from symgen.models.generator import GeneratorConfig
from symgen.models.likelihood import Stage
from symgen.models.recipe import SHIPPED, Recipe, read_recipe, recipe_of
from tests.training import TOML, recipe_file

STAGE = {"kind": "likelihood", "name": "a", "steps": 4, "shares": {"guqin": 1}, "judge": "guqin"}
DUEL = {"kind": "adversarial"}


def refused(table, words):
    with pytest.raises(UsageError, match=words) as caught:
        recipe_of(table, "box")
    assert str(caught.value).startswith("box")
    assert "\n" not in str(caught.value)


def test_the_shipped_recipe_is_the_default():
    assert Recipe() == read_recipe(SHIPPED)
    assert [stage.name for stage in Recipe().stages] == ["folk", "zither"]
    assert Recipe().adversarial.name == "adversarial"


def test_what_is_written_is_what_is_meant(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path))
    assert recipe.config.width == 16
    assert recipe.stages[0].shares == {"guqin": 1.0}
    assert recipe.stages[0].average == 0.9
    assert recipe.adversarial.adversary.hidden == 8
    assert recipe.adversarial.limits == AdversarialStage().limits


@pytest.mark.parametrize("path", [SHIPPED, None])
def test_plain_data_and_back(tmp_path, path):
    recipe = read_recipe(path or recipe_file(tmp_path))
    plain = json.loads(json.dumps(recipe.as_json()))
    assert recipe_of(plain, "json") == recipe
    assert set(plain["stage"][0]) == {"kind", *(field.name for field in fields(Stage))}, "every entry is filled in"


def test_a_recipe_that_names_no_ear_makes_none(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path))
    assert recipe.ear is None
    assert "ear" not in recipe.as_json()
    assert recipe_of({**recipe.as_json(), "ear": {"takes": 20}}, "box").ear.takes == 20
    refused({**recipe.as_json(), "ear": {"takes": 3}}, "takes is 3")


def test_a_checkpoint_names_the_recipe_it_keeps(tmp_path):
    recipe = read_recipe(recipe_file(tmp_path))
    (tmp_path / "checkpoint.json").write_text(json.dumps({"recipe": recipe.as_json()}))
    assert read_recipe(tmp_path) == recipe


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({}, "has no stage"),
        ({"stage": []}, "has no stage"),
        ({"stage": 3}, "has no stage"),
        ({"stage": [3]}, "stage 1 is 3; expected a table"),
        ({"stages": [STAGE]}, "unknown entry 'stages'; expected some of network, stage, ear; did you mean stage?"),
        ({"stage": [{}]}, "kind is None; expected one of likelihood, adversarial"),
        ({"stage": [{"kind": "luck"}]}, "kind is 'luck'"),
        ({"stage": [{"kind": []}]}, r"kind is \[\]"),
        ({"stage": [{"kind": "likelihood"}]}, "has no name; expected a text"),
        ({"stage": [{**STAGE, "learnig_rate": 1}]}, r"stage 1 \(a\): unknown entry 'learnig_rate'.*mean learning_rate"),
        ({"stage": [{**STAGE, "steps": "many"}]}, "steps is 'many'; expected a whole number"),
        ({"stage": [{**STAGE, "steps": 1.5}]}, "steps is 1.5; expected a whole number"),
        ({"stage": [{**STAGE, "steps": True}]}, "steps is True; expected a whole number"),
        ({"stage": [{**STAGE, "steps": 0}]}, "steps is 0; expected a number from 1"),
        ({"stage": [{**STAGE, "steps": 10**5000}]}, "steps is a huge number"),
        ({"stage": [{**STAGE, "learning_rate": float("nan")}]}, "learning_rate is not a number"),
        ({"stage": [{**STAGE, "learning_rate": float("inf")}]}, "learning_rate is infinite"),
        ({"stage": [{**STAGE, "weight_decay": -1}]}, "weight_decay is -1; expected 0 or a positive number"),
        ({"stage": [{**STAGE, "dropout": 1}]}, "dropout is 1; expected a number from 0 to 0.95"),
        ({"stage": [{**STAGE, "shares": 1}]}, "shares is 1; expected a table, each entry a number"),
        ({"stage": [{**STAGE, "shares": {"guqin": "all"}}]}, "shares.guqin is 'all'; expected a number"),
        ({"stage": [{**STAGE, "shares": {}}]}, "shares name no style"),
        ({"stage": [{**STAGE, "shares": {"jazz": 1}}]}, "style 'jazz'; expected one of"),
        ({"stage": [{**STAGE, "judge": "jazz"}]}, "style 'jazz'"),
        ({"stage": [{**STAGE, "name": "../../x"}]}, "name is '../../x'; expected small letters"),
        ({"stage": [STAGE, STAGE]}, "2 stages are called a"),
        ({"stage": [DUEL]}, "stage 1 is adversarial; expected a likelihood stage before it"),
        ({"stage": [STAGE, DUEL, {**STAGE, "name": "b"}]}, "stand behind the adversarial stage"),
        ({"stage": [STAGE, {**DUEL, "siblings": 1}]}, "siblings is 1"),
        ({"stage": [STAGE, {**DUEL, "heard": 33}]}, "heard is 33; expected at most seen, 16"),
        ({"stage": [STAGE, {**DUEL, "adversary": {"hiden": 3}}]}, "adversary: unknown entry 'hiden'.*mean hidden"),
        ({"stage": [STAGE], "network": {"width": 10, "heads": 3}}, "width is 10; expected a multiple of twice the 3"),
        ({"stage": [STAGE], "network": {"features": ["luck"]}}, "feature 'luck'"),
        ({"stage": [STAGE], "network": {"features": [1]}}, "features is 1; expected a text"),
        ({"stage": [STAGE], "network": {"window": 10**9}}, "window is 1000000000; expected a number from 2 to 16384"),
    ],
)
def test_what_is_wrong_is_told(table, words):
    refused(table, words)


@pytest.mark.parametrize("text", ["steps = ", "\0", "[" * 5000, "[[stage]]\nsteps = 1\nsteps = 2"])
def test_files_that_are_no_toml(tmp_path, text):
    with pytest.raises(UsageError, match=r"recipe.toml"):
        read_recipe(recipe_file(tmp_path, text))


def test_files_that_are_not_there(tmp_path):
    with pytest.raises(UsageError, match="No such file"):
        read_recipe(tmp_path / "nowhere.toml")
    with pytest.raises(UsageError, match="no recipe in"):
        read_recipe(tmp_path)
    (tmp_path / "checkpoint.json").write_text("{}")
    with pytest.raises(UsageError, match="keeps no recipe"):
        read_recipe(tmp_path)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
NAMES = [field.name for kind in (Stage, AdversarialStage, GeneratorConfig) for field in fields(kind)]


@given(
    st.dictionaries(st.sampled_from([*NAMES, "kind"]), PLAIN, max_size=3),
    st.sampled_from(["stage", "duel", "network"]),
)
@settings(max_examples=200, deadline=None)
def test_any_entry_is_taken_or_refused(change, where):
    stage, duel = {**STAGE, **(change if where == "stage" else {})}, {**DUEL, **(change if where == "duel" else {})}
    table = {"stage": [stage, duel], "network": change if where == "network" else {}}
    with contextlib.suppress(UsageError):
        assert isinstance(recipe_of(table, "box"), Recipe)


@given(st.integers(0, len(TOML) - 1), st.characters(codec="utf-8"))
@settings(max_examples=100, deadline=None)
def test_any_character_is_taken_or_refused(tmp_path_factory, place, character):
    path = tmp_path_factory.getbasetemp() / "damaged.toml"
    path.write_bytes((TOML[:place] + character + TOML[place + 1 :]).encode())
    with contextlib.suppress(UsageError):
        assert isinstance(read_recipe(Path(path)), Recipe)


def test_more_steps_than_the_network_sees_are_refused(tmp_path):
    text = TOML.replace("length = 16", "length = 17")
    with pytest.raises(
        UsageError, match="seen and length are 33 steps; expected at most the window of the network, 32"
    ):
        read_recipe(recipe_file(tmp_path, text))
