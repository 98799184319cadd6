"""Tokens: pentatonic-aware rhythm, melody and chord sequences.

A token family is one file with ``NAME`` and ``VOCABULARY``; :mod:`symgen.tokens.codec` turns Scores into
:class:`~symgen.tokens.sequence.TokenSequence` and back.
"""
