"""symgen: a composition engine for guqin and guzheng."""
