"""Own plans in a short text: ``sanqi4 A8 B8^ A'8@1.2 coda4o``.

Each word is a section: its name, its bars, and signs.

- A capital letter is a theme; it comes back under the same letter: as it was, or varied with ``'``, more with ``''``
  and ``'''``. A longer word is the name of a section, such as ``sanqi`` or ``coda``, and may have a theme behind a
  colon: ``fuqi:A'8``.
- ``@0.8`` is the tempo as a factor of the piece's, ``@0.8>1.2`` goes from one to the other.
- ``^`` and ``_`` are a higher and a lower register, ``+`` and ``-`` more and fewer notes; twice is more.
- ``o`` is in harmonics, ``~`` in free time, ``#`` and ``b`` go a fifth up and down for this section, ``!`` closes on
  the final, ``,`` on its fifth. The last section closes on the final anyway.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from symgen.errors import UsageError
from symgen.forms.base import FEWEST_BARS, Cadence, Form, SectionForm
from symgen.instruments.sections import ROLES, role_of

VARIATIONS = (0.0, 0.35, 0.6, 0.85)
"""How much a theme is changed, by number of primes. Ours."""

DIAL_STEP = 0.15
"""What one ``^`` or ``+`` adds to a dial of 0.5. Ours."""

MOST_WORDS = 64
MOST_SECTION_BARS = 400
TEMPO = (0.25, 4.0)

EXAMPLE = 'a plan such as "sanqi4 A8 B8^ A\'8@1.2 coda4o"'

_WORD = re.compile(r"(?:(?P<name>[A-Za-z]{2,20}):)?(?P<theme>[A-Z])(?P<primes>'{0,3})(?P<tail>[0-9].*)", re.ASCII)
_NAMED = re.compile(r"(?P<name>[A-Za-z]{2,20})(?P<tail>[0-9].*)", re.ASCII)
_TAIL = re.compile(r"(?P<bars>[0-9]{1,4})(?P<signs>.*)", re.ASCII)
_NUMBER = r"[0-9]{1,2}(?:\.[0-9]{1,3})?"
_SIGN = re.compile(
    rf"(?P<tempo>@({_NUMBER})(?:>({_NUMBER}))?)|(?P<register>\^{{1,2}}|_{{1,2}})|(?P<density>\+{{1,2}}|-{{1,2}})"
    r"|(?P<harmonics>o)|(?P<free>~)|(?P<modulation>[#b])|(?P<cadence>[!,])",
    re.ASCII,
)


def parse_plan(text: str) -> Form:
    """Return the form that a short text describes.

    Raises
    ------
    UsageError
        At the first word that is no section: the word, and what was expected.
    """
    words = text.split()
    if not words:
        raise UsageError("a plan without sections", expected=EXAMPLE)
    if len(words) > MOST_WORDS:
        raise UsageError(f"a plan of {len(words)} sections", expected=f"at most {MOST_WORDS}")
    stated: set[str] = set()
    sections = tuple(_section(word, stated) for word in words)
    return Form(name="own", chinese="", doc="an own plan", sections=sections)


def _refuse(word: str, found: str, expected: str) -> UsageError:
    shown = word if len(word) <= 40 else f"{word[:37]}..."
    return UsageError(f"in the plan, {shown!r}: {found}", expected=expected)


def _section(word: str, stated: set[str]) -> SectionForm:
    plain = word.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'").replace("\N{PRIME}", "'")
    match = _WORD.fullmatch(plain) or _NAMED.fullmatch(plain)
    tail = _TAIL.fullmatch(match["tail"]) if match else None
    if match is None or tail is None:
        raise _refuse(word, "no section", "a letter or name, bars and signs, as in A'8@1.2 or coda4")
    parts = match.groupdict()
    theme, primes = parts.get("theme") or "", len(parts.get("primes") or "")
    bars = int(tail["bars"])
    if not FEWEST_BARS <= bars <= MOST_SECTION_BARS:
        raise _refuse(word, f"{bars} bars", f"{FEWEST_BARS} to {MOST_SECTION_BARS}")
    if primes and theme not in stated:
        raise _refuse(word, f"theme {theme} comes back before it is stated", f"{theme} without ' the first time")
    if theme:
        stated.add(theme)
    signs = _signs(word, tail["signs"])
    role = role_of(parts.get("name") or "")
    if parts.get("name") and role is None:
        raise _refuse(word, "no known name of a section", f"one of {', '.join(ROLES)}, coda, or a capital letter")
    plain_tempo = role.tempo if role else 1.0
    harmonics = "harmonics" in signs
    return SectionForm(
        name=(parts.get("name") or f"{theme}{chr(39) * primes}").upper(),
        chinese=role.chinese if role else "",
        bars=bars,
        tempo=_tempo(word, signs["tempo"]) if "tempo" in signs else (plain_tempo, plain_tempo),
        register=_dial(signs.get("register", ""), "^"),
        density=_dial(signs.get("density", ""), "+"),
        harmonics=harmonics,
        free="free" in signs or (role is not None and role.name == "sanqi"),
        theme=theme,
        variation=VARIATIONS[primes],
        modulation={"#": 1, "b": -1}.get(signs.get("modulation", ""), 0),
        cadence=_cadence(signs.get("cadence", "")),
    )


def _signs(word: str, text: str) -> dict[str, str]:
    """Return the signs behind the bars by what they are."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _SIGN.match(text, at)
        kind = next(name for name, value in match.groupdict().items() if value) if match else ""
        if match is None:
            raise _refuse(word, f"the sign {text[at]!r}", "@tempo, ^ _ + - o ~ # b ! or ,")
        if kind in found:
            raise _refuse(word, f"{match[0]!r} beside {found[kind]!r}", f"one sign for the {kind}")
        found[kind] = match[0]
        at = match.end()
    return found


def _tempo(word: str, sign: str) -> tuple[float, float]:
    factors: Sequence[float] = [float(number) for number in sign[1:].split(">")]
    for factor in factors:
        if not TEMPO[0] <= factor <= TEMPO[1]:
            raise _refuse(word, f"tempo factor {factor:g}", f"{TEMPO[0]:g} to {TEMPO[1]:g}")
    return factors[0], factors[-1]


def _dial(sign: str, up: str) -> float:
    return round(0.5 + DIAL_STEP * len(sign) * (1 if sign.startswith(up) else -1), 2)


def _cadence(sign: str) -> Cadence:
    if sign == "!":
        return "final"
    return "fifth" if sign == "," else "open"
