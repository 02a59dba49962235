"""The heart: a student, its teachers, and what flows between them."""
from mmxkd.engine.labellers import FusedTeacherLabels, TeacherLabels

from .algorithm import CrossModalDistill
from .connectors import AlignConnector, ConvConnector
from .distiller import Distiller
from .teacher import Teacher

__all__ = [
    'AlignConnector', 'ConvConnector', 'CrossModalDistill', 'Distiller',
    'FusedTeacherLabels', 'Teacher', 'TeacherLabels'
]
