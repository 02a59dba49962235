"""All that must be known of a family of detectors, one file each."""
from .base import Family, Step, serves
from .registry import asked_names, family_of, register_family

__all__ = [
    'Family', 'Step', 'asked_names', 'family_of', 'register_family', 'serves'
]
