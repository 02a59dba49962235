"""Drives in the layout of MAVD: cars that are seen and heard."""
