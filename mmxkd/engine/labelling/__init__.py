"""A teacher's labels, written: what ``tools/label.py`` runs."""
