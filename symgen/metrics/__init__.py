"""Measures: how surprising, how tellable and how alike composed music is, beside real music.

Three siblings, each of which needs token pieces only: :mod:`symgen.metrics.ngram` (what a table of counts
achieves), :mod:`symgen.metrics.twosample` (whether a classifier tells composed from real), and
:mod:`symgen.metrics.statistics` (shares and distributions that a musician can read).
"""
