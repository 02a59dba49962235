"""Scenes in fog, in the layout of Seeing Through Fog."""
