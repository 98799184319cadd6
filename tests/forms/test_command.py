"""``symgen forms`` lists every form."""

import json

from symgen.forms import forms


def test_lists_every_form(python):
    result = python("-m", "symgen", "forms")
    assert result.returncode == 0, result.stderr
    assert all(form.name in result.stdout and form.chinese in result.stdout for form in forms())


def test_json_holds_name_styles_and_sections(python):
    found = json.loads(python("-m", "symgen", "forms", "--json").stdout)["forms"]
    assert [form["name"] for form in found] == [form.name for form in forms()]
    guqin = next(form for form in found if form["name"] == "guqin")
    assert guqin["chinese"] == "琴曲"
    assert guqin["styles"] == ["guqin"]
    assert guqin["least_bars"] == 8
    assert [section["name"] for section in guqin["sections"]][-1] == "WEISHENG"


def test_a_broken_form_is_one_line(python, tmp_path):
    (tmp_path / "bad.toml").write_text("name = 1\n")
    result = python("-m", "symgen", "forms", SYMGEN_FORMS=str(tmp_path))
    assert result.returncode == 2
    assert len(result.stderr.strip().splitlines()) == 1
    assert "bad.toml" in result.stderr
