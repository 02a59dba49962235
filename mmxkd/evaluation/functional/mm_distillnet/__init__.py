"""How MM-DistillNet makes its labels and measures its detections."""
from .average_precision import THRESHOLDS, average_precision, true_positives
from .centre_distance import centre_distance
from .pseudo_labels import fuse_rows, rows_of_outputs

__all__ = [
    'THRESHOLDS', 'average_precision', 'centre_distance', 'fuse_rows',
    'rows_of_outputs', 'true_positives'
]
