"""Recordings of plucked zithers become notes."""
