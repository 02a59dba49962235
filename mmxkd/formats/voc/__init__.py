"""PASCAL VOC as published: folders, lists, annotations. Read and written."""
from .annotations import (
    VocAnnotation,
    VocObject,
    format_annotation,
    parse_annotation,
    read_annotation,
)
from .layout import CLASSES, VocLayout

__all__ = [
    'CLASSES', 'VocAnnotation', 'VocLayout', 'VocObject', 'format_annotation',
    'parse_annotation', 'read_annotation'
]
