"""Text that is data, set into Markdown and YAML: it shows as it is, and does nothing."""

from __future__ import annotations

from symgen.errors import one_line

_MARKDOWN = str.maketrans(
    {character: f"\\{character}" for character in "\\`*_[]#~$!"}
    | {"&": "&amp;", "<": "&lt;", ">": "&gt;", "|": "&#124;", "@": "&#64;"}
)


def yaml_text(text: str) -> str:
    """Return text as a YAML scalar in double quotes that nothing in it can leave."""
    return '"' + "".join(map(_in_quotes, text)) + '"'


def _in_quotes(character: str) -> str:
    if character in '"\\':
        return "\\" + character
    if character.isprintable():
        return character
    return "\ufffd" if "\ud800" <= character <= "\udfff" else f"\\U{ord(character):08X}"


def md_text(text: str) -> str:
    """Return text as Markdown that shows it, on one line, in a cell of a table too."""
    return one_line(text).translate(_MARKDOWN)
