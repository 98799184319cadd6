"""Keys that say what is heard."""

from __future__ import annotations

from dataclasses import replace

from symgen.score import Key, Score

__all__ = ["in_gong"]


def in_gong(score: Score, gong: int, mode: str) -> Score:
    """Return a score whose keys say the gong and the mode that were found; its own stay where they agree on the gong.

    Key signatures of files are often those of a habit or of a host, and jianpu counts its degrees from them.
    """
    keys = score.keys if score.keys and score.keys[0].gong == gong else (Key(0, gong, mode),)
    named = (replace(key, mode=mode) if key.gong == gong else key for key in keys)
    return replace(score, keys=tuple(named))
