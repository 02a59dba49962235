"""The 27-field label lines of Seeing Through Fog.

``class truncated occluded alpha x1 y1 x2 y2 h w l X Y Z orient3d rotx roty
rotz score qx qy qz qw visRGB visGated visLidar visRadar``

Some class names have two words (``traffic light``), which shifts the columns:
lines are therefore read from the right.
"""
import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from mmxkd.errors import CorruptSampleError
from mmxkd.io.text import parse_number, read_lines

NUM_FIELDS = 27
_FLAGS = {'True': True, 'False': False, '-1': None}
GROUP_SUFFIX = '_is_group'


@dataclass(frozen=True)
class StfLabel:
    """One labelled object.

    Attributes:
        name: Class, e.g. ``'Pedestrian'`` or ``'Pedestrian_is_group'``.
        truncated: Share of the object outside of the image, 0..1.
        occluded: 0 fully visible, 1 partly, 2 largely occluded.
        alpha: Observation angle, radians.
        box: x1, y1, x2, y2 in pixels.
        size: Height, width, length in metres; -1 where not annotated.
        location: X, Y, Z in metres, camera frame; -1000 where not annotated.
        orient3d: Heading, radians.
        rotation: Rotations about x, y, z, radians.
        score: Confidence; labels carry -1 or 1.
        quaternion: x, y, z, w; -1000 where not annotated.
        visible: Seen in RGB, gated, LiDAR, radar; None: not annotated. The
            flags of the published labels are known to be unreliable.
    """

    name: str
    box: tuple[float, ...]
    truncated: float = 0.0
    occluded: int = 0
    alpha: float = 0.0
    size: tuple[float, ...] = (-1.0, -1.0, -1.0)
    location: tuple[float, ...] = (-1000.0, -1000.0, -1000.0)
    orient3d: float = 0.0
    rotation: tuple[float, ...] = (0.0, 0.0, 0.0)
    score: float = 1.0
    quaternion: tuple[float, ...] = (-1000.0, ) * 4
    visible: tuple[bool | None, ...] = (None, None, None, None)

    @property
    def is_group(self) -> bool:
        """Whether the box holds several objects."""
        return self.name.endswith(GROUP_SUFFIX)

    @property
    def base_name(self) -> str:
        """The class without the mark of a group."""
        return self.name.removesuffix(GROUP_SUFFIX)

    def with_box(self, box: Iterable[float]) -> 'StfLabel':
        """The same object with another 2-D box."""
        return replace(self, box=tuple(float(v) for v in box))


def parse_label(line: str) -> StfLabel:
    """Read one line.

    Raises:
        ValueError: Too few or too many fields, a field that is not a finite
            number, an occlusion that is not whole, or an unknown visibility
            flag.

    Examples:
        >>> text = 'traffic light 0 0 0 1 2 3 4' + ' -1' * 3
        >>> text += ' -1000' * 3 + ' 0 0 0 0 -1' + ' -1000' * 4
        >>> label = parse_label(text + ' True False -1 -1')
        >>> label.name, label.box, label.visible
        ('traffic light', (1.0, 2.0, 3.0, 4.0), (True, False, None, None))
    """
    tokens = line.split()
    if len(tokens) < NUM_FIELDS:
        raise ValueError(f'expected {NUM_FIELDS} fields, found {len(tokens)}')
    name = ' '.join(tokens[:1 - NUM_FIELDS])
    if parse_number(tokens[-NUM_FIELDS]) is not None:
        # Read from the right, a field more would become a part of the name.
        raise ValueError(f'expected {NUM_FIELDS} fields, found {len(tokens)} '
                         f'and the class name {name!r}')
    fields = tokens[1 - NUM_FIELDS:]
    numbers = []
    for index, token in enumerate(fields[:22], start=1):
        value = parse_number(token)
        if value is None or not math.isfinite(value):
            raise ValueError(
                f'field {index} of {name!r} is not a finite number: '
                f'{token!r}')
        numbers.append(value)
    if not numbers[1].is_integer():
        raise ValueError(f'the occlusion of {name!r} must be a whole number, '
                         f'found {fields[1]!r}')
    for token in fields[22:]:
        if token not in _FLAGS:
            raise ValueError(
                f'visibility of {name!r} must be True, False or -1, found '
                f'{token!r}')
    return StfLabel(name=name, truncated=numbers[0], occluded=int(numbers[1]),
                    alpha=numbers[2], box=tuple(numbers[3:7]),
                    size=tuple(numbers[7:10]), location=tuple(numbers[10:13]),
                    orient3d=numbers[13], rotation=tuple(numbers[14:17]),
                    score=numbers[17], quaternion=tuple(numbers[18:22]),
                    visible=tuple(_FLAGS[token] for token in fields[22:]))


def format_label(label: StfLabel) -> str:
    """Write one line; the inverse of :func:`parse_label`."""
    numbers = (label.truncated, label.occluded, label.alpha, *label.box,
               *label.size, *label.location, label.orient3d, *label.rotation,
               label.score, *label.quaternion)
    flags = ('-1' if flag is None else str(flag) for flag in label.visible)
    return ' '.join([label.name, *(f'{n:.10g}' for n in numbers), *flags])


def read_labels(path: Path) -> list[StfLabel]:
    """Read a label file; an empty one is a frame without objects.

    Raises:
        CorruptSampleError: The file or a line cannot be read; names file and
            line.
    """
    labels = []
    for number, line in read_lines(path, 'labels'):
        try:
            labels.append(parse_label(line))
        except ValueError as error:
            raise CorruptSampleError(f'{path}:{number}', 'labels',
                                     str(error)) from error
    return labels


def format_labels(labels: list[StfLabel]) -> str:
    """The text of a label file."""
    return ''.join(format_label(label) + '\n' for label in labels)
