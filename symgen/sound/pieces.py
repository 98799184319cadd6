"""Pieces as sounding notes: scores and performances, and music that is invented."""

from symgen.sound.invent import random_music

__all__ = ["random_music"]
