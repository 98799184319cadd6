"""Composition: the plan of a take, drafts side by side until every promise is kept, and what a take is made of."""
