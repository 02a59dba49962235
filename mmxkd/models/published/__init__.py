"""Weights of published files under the names of our models."""
