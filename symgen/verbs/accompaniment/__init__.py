"""Accompaniment: chords, octaves and second voices below a melody, from figures that are data."""
