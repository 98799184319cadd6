"""Corpora: declarations of public ones, and the token dataset on disk."""
