"""Guqin 古琴: seven strings over thirteen marks (hui), open, stopped or touched.

Tunings after the usual pitch with string 1 = C2 and string 5 = A2; players of silk strings tune the
whole set lower. Handbooks give several of the names to different tunings, so the strings decide.
Reach and ring lengths are what players and acoustic studies report; figures in seconds are estimates.
"""

from __future__ import annotations

from types import MappingProxyType

from symgen.instruments.base import Costs, Hands, Instrument, Ornament, Slide, Tuning, Vibrato
from symgen.score import Technique

HUI = (1 / 8, 1 / 6, 1 / 5, 1 / 4, 1 / 3, 2 / 5, 1 / 2, 3 / 5, 2 / 3, 3 / 4, 4 / 5, 5 / 6, 7 / 8, 1.0)
"""Hui 1 to 13 and the nut, as fractions of the speaking length from the bridge."""

HARMONICS = MappingProxyType(
    {
        12: (7.0,),
        19: (9.0, 5.0),
        24: (10.0, 4.0),
        28: (6.0, 8.0, 11.0, 3.0),
        31: (12.0, 2.0),
        36: (13.0, 1.0),
    }
)
"""Partials 2, 3, 4, 5, 6 and 8 and the hui at which they are touched; partial 7 has no hui."""

_TUNINGS = (
    Tuning(
        "zhengdiao",
        "正调",
        (36, 38, 41, 43, 45, 48, 50),
        (5, 0, 10, 7, 3),
        "",
        ("zhonglü", "zhonglv", "仲吕均", "jiediao", "借调"),
    ),
    Tuning("manjiao", "慢角", (36, 38, 40, 43, 45, 48, 50), (0,), "3-", ("mansan", "慢三", "黄钟均")),
    Tuning("ruibin", "蕤宾", (36, 38, 41, 43, 46, 48, 50), (10,), "5+", ("jinwu", "紧五", "jinyu", "紧羽")),
    Tuning(
        "qiliang", "凄凉", (36, 39, 41, 43, 46, 48, 50), (10, 3), "2+ 5+", ("jinerwu", "紧二五", "chushang", "楚商")
    ),
    Tuning(
        "qingshang",
        "清商",
        (36, 39, 41, 43, 46, 48, 51),
        (3,),
        "2+ 5+ 7+",
        ("guxian", "姑洗", "jinerwuqi", "紧二五七"),
    ),
    Tuning(
        "mangong", "慢宫", (35, 38, 40, 43, 45, 47, 50), (7,), "1- 3- 6-", ("manyisanliu", "慢一三六", "yize", "夷则")
    ),
    Tuning("huangzhong", "黄钟", (34, 38, 41, 43, 46, 48, 50), (10,), "5+ 1--", ("jinwumanyi", "紧五慢一", "黄钟调")),
    Tuning("manshang", "慢商", (36, 36, 41, 43, 45, 48, 50), (0, 5), "2--"),
    Tuning("mansanliu", "慢三六", (36, 38, 40, 43, 45, 47, 50), (7,), "3- 6-", ("wumei", "无媒")),
    Tuning("yunü", "玉女", (35, 38, 40, 43, 45, 48, 50), (0,), "1- 3-", ("yunv", "yunu")),
)

INSTRUMENT = Instrument(
    name="guqin",
    chinese="古琴",
    track="Guqin",
    tunings=MappingProxyType({tuning.name: tuning for tuning in _TUNINGS}),
    default_tuning="zhengdiao",
    program=107,
    low=34,
    high=87,
    hands=Hands(
        plucking_hands=1,
        notes_per_hand=2,
        strings_per_hand=6,  # da cuo: thumb outward on 7, middle finger on 1
        stops=2,
        stop_span=0.134,  # thumb and ring finger: about 15 cm of 112 cm
        everyday=(24,) * 7,  # hui 4
        everyday_harmonic=28,  # partial 5; those of hui 12, 13, 1 and 2 are rare
        extreme=(31,) * 7,  # hui 2
        jump_marks=1.5,
        jump_seconds=0.15,
    ),
    harmonics=HARMONICS,
    marks=HUI,
    velocity=(30, 95),
    ring_seconds=MappingProxyType(
        {Technique.OPEN: (7.5, 5.0), Technique.STOPPED: (3.5, 2.0), Technique.HARMONIC: (4.5, 3.0)}
    ),
    ornaments=(
        Ornament(
            name="chuo",
            chinese="绰",
            technique=Technique.SLIDE_UP,
            on=(Technique.STOPPED,),
            share=0.10,
            seconds=0.35,
            curve=Slide(cents=(-200.0, -100.0), seconds=(0.06, 0.20)),
        ),
        Ornament(
            name="zhu",
            chinese="注",
            technique=Technique.SLIDE_DOWN,
            on=(Technique.STOPPED,),
            share=0.08,
            seconds=0.35,
            curve=Slide(cents=(100.0, 200.0), seconds=(0.06, 0.20)),
        ),
        Ornament(
            name="yin",
            chinese="吟",
            technique=Technique.VIBRATO,
            on=(Technique.STOPPED,),
            share=0.30,
            seconds=0.80,
            curve=Vibrato(
                cents=(25.0, 45.0), hertz=(3.0, 4.0), delay=(0.15, 0.25), until=0.7, upward=False, decays=True
            ),
        ),
    ),
    costs=Costs(per_semitone=0.04),  # thick strings are seldom stopped high
    habitual=MappingProxyType({0: "zhengdiao"}),  # 17 of 18 pieces with 1=C in a corpus of 71
)
