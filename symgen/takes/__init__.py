"""Takes: what a verb makes, what it promises, which of many to hear first, and the folder that keeps them."""
