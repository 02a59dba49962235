"""The heart: a student, its teachers, and what flows between them."""
from .algorithm import CrossModalDistill
from .connectors import AlignConnector, ConvConnector
from .distiller import Distiller
from .heads import ChenDenseHeadLoss, ChenRoIHeadLoss, CrossKDLoss, HeadLoss
from .hook_points import HookPoint
from .recorders import Recorder, RecordError, Tape
from .teacher import Teacher

__all__ = [
    'AlignConnector', 'ChenDenseHeadLoss', 'ChenRoIHeadLoss', 'ConvConnector',
    'CrossKDLoss', 'CrossModalDistill', 'Distiller', 'HeadLoss', 'HookPoint',
    'RecordError', 'Recorder', 'Tape', 'Teacher'
]
