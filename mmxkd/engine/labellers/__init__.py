"""What labels a student's samples in the step, by what teachers predict."""
from .fused_teacher_labels import FusedTeacherLabels, TeacherLabels
from .teacher_part import TeacherPart

__all__ = ['FusedTeacherLabels', 'TeacherLabels', 'TeacherPart']
