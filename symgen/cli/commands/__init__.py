"""The commands of ``symgen``: a file each, with a function of its name, or with the app of a group."""
