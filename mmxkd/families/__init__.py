"""All that must be known of a family of detectors, one file each."""
from .base import Detector, Family, Step, serves
from .registry import asked_names, family_of, register_family

__all__ = [
    'Detector', 'Family', 'Step', 'asked_names', 'family_of',
    'register_family', 'serves'
]
