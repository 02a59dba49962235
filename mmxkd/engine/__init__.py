"""What runs around the training loop."""
from . import hooks, optim
from .worker_seed import seed_worker

__all__ = ['hooks', 'optim', 'seed_worker']
