"""Classes of a conversion: those that are there, and what is left out."""
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import SequenceMatcher

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.formats.stf.coco import LabelledFrame
from mmxkd.formats.stf.labels import read_labels
from mmxkd.formats.stf.layout import FrameFiles

from .left_out import LeftOut

SMALL = 'is smaller than a pixel (kept in the file; mmdet does not use it)'
# From here on a name is taken for a misspelt class, in the table only.
_ALIKE = .8


def count_classes(frames: Sequence[FrameFiles]) -> Counter[str]:
    """Objects of each class in the labels of some frames.

    Raises:
        CorruptSampleError: A label file cannot be read.
    """
    return Counter(label.base_name for frame in frames
                   if frame.labels is not None
                   for label in read_labels(frame.labels))


def check_classes(classes: Sequence[str], found: Mapping[str, int]) -> None:
    """Refuse to make a data set without objects of a class.

    Args:
        classes (Sequence[str]): What becomes a category.
        found (Mapping[str, int]): Objects of each class in the labels.

    Raises:
        ConfigError: A class is not among them; names those that are. Or two
            classes become one category.
    """
    folded = Counter(name.lower() for name in classes)
    twice = [name for name, count in folded.items() if count > 1]
    if twice or not classes:
        raise ConfigError(f'classes {tuple(classes)}: expected at least one, '
                          'and each category once')
    for name in classes:
        # Label files without any object make a set of empty frames.
        if found and name not in found:
            shown = ', '.join(f'{k!r} ({n})' for k, n in found.items())
            raise ConfigError(
                f'classes: no label is of the class {name!r}, they have '
                f'{shown}; {did_you_mean(name, found)}')


def tell(left_out: LeftOut, split: str, frames: Sequence[FrameFiles],
         told: Mapping[str, Sequence[Sequence[str]]],
         labelled: Sequence[LabelledFrame], classes: Sequence[str]) -> None:
    """Count what the annotations of a split do not hold.

    Args:
        left_out (LeftOut): Counts here.
        split (str): The split.
        frames (Sequence[FrameFiles]): Its frames.
        told (Mapping): For each frame id class and reason of the labels that
            were left out or cut when they were moved.
        labelled (Sequence[LabelledFrame]): Its frames with moved labels.
        classes (Sequence[str]): What becomes a category.
    """
    left_out.add(split, '', '', 0)
    for frame in frames:
        if frame.labels is None:
            left_out.add(split, '(frame)',
                         'has no label file (kept, without objects)')
        for name, why in told[frame.frame_id]:
            left_out.add(split, name, why)
    for label in (label for frame in labelled for label in frame.labels):
        x1, y1, x2, y2 = label.box
        if label.base_name not in classes:
            left_out.add(split, label.base_name,
                         _not_a_class(label.base_name, classes))
        elif min(x2 - x1, y2 - y1) < 1:
            left_out.add(split, label.base_name, SMALL)


def _not_a_class(name: str, classes: Sequence[str]) -> str:
    for wanted in classes:
        likeness = SequenceMatcher(None, name.lower(), wanted.lower()).ratio()
        if likeness > _ALIKE:
            return f'is not in --classes; is it a {wanted}?'
    return 'is not in --classes'
