"""Verbs that take up music that exists."""
