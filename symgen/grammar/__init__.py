"""The grammar: what a piece has to be, and what may come next in it so that it will be."""
