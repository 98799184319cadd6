"""Drafts in the making: one by its script, and many side by side, among whose versions an adversary chooses."""
