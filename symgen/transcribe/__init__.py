"""Transcription: recordings in, notes out. Importing this package is cheap."""
