"""Measures: ``functional`` of arrays, ``metrics`` for mmengine."""
