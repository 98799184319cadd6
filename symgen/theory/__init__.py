"""Theory: degrees, modes, sonorities and gong detection, as tables and pure functions."""
