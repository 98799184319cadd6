"""The commands of ``symgen``, a file each."""
