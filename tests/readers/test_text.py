"""Text of unknown encoding comes back as it was meant."""

from __future__ import annotations

import codecs

import pytest
from hypothesis import given
from hypothesis import strategies as st

from symgen.readers._text import clean_name, decode_text, decode_texts, title_or_stem

CHINESE = [
    "古筝",
    "古琴",
    "高山流水",
    "平沙落雁（古琴）",
    "《梅花三弄》",
    "漁舟唱晚",
    "左手",
    "Guzheng 古筝",
    "Guqin古琴",
]
JAPANESE = [
    "春の海",
    "六段の調",
    "千鳥の曲",
    "さくらさくら",
    "アメイジング・グレイス",
    "宮城道雄",
    "津軽三味線",
    "尺八",
]
GERMAN_AND_FRENCH = ["Frühlingslied", "Für Elise", "Größe", "Übung für Köln", "Café", "À la claire fontaine", "Straße"]
OTHERS_IN_UTF_8 = ["Песня", "«Весна»", "Ελλάδα", "Dvořák", "gǔqín gāoshān liúshuǐ", "§ ©", "古琴", "é"]


@pytest.mark.parametrize("text", CHINESE)
@pytest.mark.parametrize("encoding", ["gbk", "gb18030", "utf-8"])
def test_chinese(text, encoding):
    assert decode_text(text.encode(encoding))[0] == text


@pytest.mark.parametrize("text", JAPANESE)
@pytest.mark.parametrize("encoding", ["cp932", "utf-8"])
def test_japanese(text, encoding):
    assert decode_text(text.encode(encoding))[0] == text


@pytest.mark.parametrize("text", GERMAN_AND_FRENCH)
@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-8"])
def test_latin(text, encoding):
    assert decode_text(text.encode(encoding))[0] == text


@pytest.mark.parametrize("text", OTHERS_IN_UTF_8)
def test_utf_8_stays_utf_8(text):
    assert decode_text(text.encode()) == (text, "utf-8")


@pytest.mark.parametrize("text", ["双喜", "小毛驴", "祝英台", "织女叹"])
def test_gbk_that_is_valid_utf_8_by_chance(text):
    raw = text.encode("gbk")
    raw.decode("utf-8")  # valid, and gibberish
    assert decode_text(raw) == (text, "gb18030")


def test_byte_order_marks():
    assert decode_text(codecs.BOM_UTF8 + "古琴".encode()) == ("古琴", "utf-8-sig")
    assert decode_text("古琴".encode("utf-16")) == ("古琴", "utf-16")


def test_names_of_one_file_share_an_encoding():
    # 箏 alone in Shift-JIS is also a hanzi in GBK; beside kana it is not.
    names = ["箏", "春の海", "Koto", "尺八"]
    assert decode_text("箏".encode("cp932"))[0] != "箏"
    assert decode_texts([name.encode("cp932") for name in names]) == names


def test_a_file_may_mix_utf_8_with_another_encoding():
    assert decode_texts(["古琴".encode(), "高山流水".encode("gbk"), b"plain"]) == ["古琴", "高山流水", "plain"]


@given(st.binary(max_size=200))
def test_any_bytes_decode_and_say_how(raw):
    text, encoding = decode_text(raw)
    assert raw.decode(encoding, errors="replace") == text
    assert decode_texts([raw]) == [text]


@given(st.text(alphabet=st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12))
def test_every_hanzi_survives_in_utf_8(text):
    assert decode_text(text.encode()) == (text, "utf-8")


def test_padding_goes_and_the_stem_stands_in_for_a_missing_title():
    assert clean_name("Guqin \x00\x00") == "Guqin"
    assert title_or_stem(" \x00", "folder/高山流水.mid") == "高山流水"
    assert title_or_stem("流水", "x.mid") == "流水"
