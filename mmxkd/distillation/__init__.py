"""The heart: a student, its teachers, and what flows between them."""
from .algorithm import CrossModalDistill
from .connectors import AlignConnector, ConvConnector
from .distiller import Distiller
from .supply import TeacherLabels
from .teacher import Teacher

__all__ = [
    'AlignConnector', 'ConvConnector', 'CrossModalDistill', 'Distiller',
    'Teacher', 'TeacherLabels'
]
