"""Listening to layers and methods of a model while it runs."""
from .hook_points import HookPoint
from .recorders import Recorder, RecordError
from .tape import Tape

__all__ = ['HookPoint', 'RecordError', 'Recorder', 'Tape']
