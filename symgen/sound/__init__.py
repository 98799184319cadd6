"""The sound of plucked zithers: a model of strings and body, rooms, invented music, and what a transcriber should hear.

One model serves the rendering of compositions and the training of the transcriber. See docs/SOUND.md.
"""
