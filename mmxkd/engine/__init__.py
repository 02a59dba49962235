"""What runs around the training loop."""
from . import hooks

__all__ = ['hooks']
