"""Variation: bars as strokes, what stays of them and what is free, and drafts until all that stays has stayed."""
