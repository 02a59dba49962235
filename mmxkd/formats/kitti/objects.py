"""Labels or detections of many KITTI frames, column by column."""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

from mmxkd.errors import did_you_mean

#: The classes that KITTI evaluates.
CLASSES = ('Car', 'Pedestrian', 'Cyclist')

#: Every name that stands in KITTI's labels.
NAMES = (*CLASSES, 'Van', 'Truck', 'Person_sitting', 'Tram', 'Misc',
         'DontCare')

#: Columns after the name: how many numbers, and what an absent one is.
COLUMNS: dict[str, tuple[int, float]] = {
    'truncated': (1, -1), 'occluded': (1, -1), 'alpha': (1, -10),
    'bbox': (4, -1), 'dimensions': (3, -1), 'location': (3, -1000),
    'rotation_y': (1, -10), 'score': (1, np.nan)
}


@dataclass(frozen=True)
class KittiObjects:
    """N objects of any number of frames, sorted by frame.

    Inside of a frame they keep the order of the file, on which KITTI's
    matching depends. All numbers are float64: at float32 a box of exactly 25
    or 40 pixels changes its difficulty.

    Attributes:
        frame_ids (tuple[str, ...]): All frames, those without objects too.
        frame (np.ndarray): (N, ) index into ``frame_ids``, ascending.
        name (np.ndarray): (N, ) class names, spelt as in :data:`NAMES`.
        truncated (np.ndarray): (N, ) share outside of the image, 0..1; -1
            where unknown.
        occluded (np.ndarray): (N, ) 0 visible, 1 partly, 2 largely occluded,
            3 unknown; -1 where not given.
        alpha (np.ndarray): (N, ) observation angle, radians; -10: none.
        bbox (np.ndarray): (N, 4) x1, y1, x2, y2, pixels from 0.
        dimensions (np.ndarray): (N, 3) height, width, length, metres; -1
            where not given.
        location (np.ndarray): (N, 3) centre of the bottom in the rectified
            camera frame, x right, y down, z forward, metres; -1000 where not
            given.
        rotation_y (np.ndarray): (N, ) heading about y, radians; -10: none.
        score (np.ndarray, optional): (N, ) of detections, any range.

    Examples:
        >>> objects = KittiObjects.from_frames({
        ...     '000001': dict(name=['Car'], bbox=[[0, 0, 9, 9]]),
        ...     '000002': dict(name=[])})
        >>> len(objects), objects.of_frame('000002').name.tolist()
        (1, [])
    """

    frame_ids: tuple[str, ...]
    frame: np.ndarray
    name: np.ndarray
    truncated: np.ndarray
    occluded: np.ndarray
    alpha: np.ndarray
    bbox: np.ndarray
    dimensions: np.ndarray
    location: np.ndarray
    rotation_y: np.ndarray
    score: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.frame)

    @classmethod
    def from_frames(cls, frames: Mapping[str, Mapping[str, Any]],
                    scored: bool = False) -> 'KittiObjects':
        """Objects from one mapping of columns for each frame.

        Args:
            frames (Mapping): From frame id to columns: ``name`` and any of
                the attributes, with one row for each object. A column that
                is not given holds what KITTI writes for 'unknown'.
            scored (bool): Whether these are detections, with a ``score``.

        Raises:
            ValueError: A column of a frame is unknown, missing, has the wrong
                length, or an object that :func:`find_fault` refuses.
        """
        known = [name for name in COLUMNS if scored or name != 'score']
        parts: dict[str, list[np.ndarray]] = {name: [] for name in known}
        names: list[str] = []
        counts = []
        for frame_id, columns in frames.items():
            for column in set(columns) - {'name', *known}:
                raise ValueError(f'frame {frame_id}: unknown column '
                                 f'{column!r}; {did_you_mean(column, known)}')
            for column in {'name', 'score'} & {'name', *known} - set(columns):
                raise ValueError(f'frame {frame_id}: no {column!r} is given')
            count = len(columns['name'])
            for column in known:
                parts[column].append(
                    _column(frame_id, column, columns.get(column), count))
            names.extend(map(str, columns['name']))
            counts.append(count)
        stacked = {
            column: np.concatenate(part or [_column('', column, None, 0)])
            for column, part in parts.items()
        }
        objects = cls(tuple(frames), np.repeat(np.arange(len(counts)), counts),
                      canonical_names(names), **stacked)
        return objects.checked()

    def checked(self) -> 'KittiObjects':
        """Itself, if all objects can be evaluated.

        Raises:
            ValueError: Names the frame and the object, counted from 0.
        """
        fault = find_fault(self)
        if fault is None:
            return self
        index, reason = fault
        frame = self.frame[index]
        number = index - np.searchsorted(self.frame, frame)
        raise ValueError(
            f'frame {self.frame_ids[frame]}, object {number}: {reason}')

    def of_frame(self, frame_id: str) -> 'KittiObjects':
        """The objects of one frame."""
        return self.of_frames([frame_id])

    def of_frames(self, frame_ids: Iterable[str]) -> 'KittiObjects':
        """The objects of these frames, in this order.

        Raises:
            KeyError: A frame is not there; offers the nearest.
        """
        wanted = tuple(frame_ids)
        position = {name: i for i, name in enumerate(self.frame_ids)}
        for frame_id in wanted:
            if frame_id not in position:
                raise KeyError(f'no frame {frame_id!r}; '
                               + did_you_mean(frame_id, self.frame_ids))
        chosen = np.array([position[name] for name in wanted], dtype=np.intp)
        edges = np.searchsorted(self.frame, np.arange(len(position) + 1))
        counts = edges[chosen + 1] - edges[chosen]
        rows = ranges(edges[chosen], counts)
        columns = {
            field.name: getattr(self, field.name)[rows]
            for field in fields(self) if field.name not in (
                'frame_ids', 'frame') and getattr(self, field.name) is not None
        }
        return replace(self, frame_ids=wanted, **columns,
                       frame=np.repeat(np.arange(len(wanted)), counts))


def canonical_names(names: Sequence[str]) -> np.ndarray:
    """Names as KITTI spells them: its own program ignores case.

    Examples:
        >>> canonical_names(['car', 'DONTCARE', 'Bus']).tolist()
        ['Car', 'DontCare', 'Bus']
    """
    known = {name.lower(): name for name in NAMES}
    spelt = {name: known.get(name.lower(), name) for name in set(names)}
    return np.array([spelt[name] for name in names], dtype=str)


def ranges(starts: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """``counts[i]`` numbers up from ``starts[i]``, for every i, in a row.

    Examples:
        >>> ranges(np.array([5, 0]), np.array([2, 3])).tolist()
        [5, 6, 0, 1, 2]
    """
    ends = np.cumsum(counts)
    first = np.repeat(starts - ends + counts, counts)
    return np.arange(len(first)) + first


#: What no number of a frame comes near: products of three stay finite.
_LARGEST = 1e100


def find_fault(objects: KittiObjects) -> tuple[int, str] | None:
    """The first object that cannot be evaluated, and why.

    Refused are names that KITTI does not know, NaN and infinite numbers,
    numbers of 1e100 and more (areas and angles would be infinite), boxes
    whose end lies before their start, and negative sizes. The -1 that KITTI
    writes for an unknown size is none.
    """
    faults: list[tuple[int, str]] = []

    def look(bad: np.ndarray, reason: str) -> None:
        if bad.any():
            faults.append((int(bad.argmax()), reason))

    unknown = np.ones(len(objects), dtype=bool)
    for name in NAMES:
        unknown &= objects.name != name
    if unknown.any():
        name = str(objects.name[unknown.argmax()])
        look(unknown, f'unknown class {name!r}; {did_you_mean(name, NAMES)}')
    for column in COLUMNS:
        values = getattr(objects, column)
        if values is not None:
            bad = ~(np.abs(values) < _LARGEST)
            look(bad if bad.ndim == 1 else bad.any(axis=1),
                 f'{column} is not a finite number below {_LARGEST:.0e}')
    x1, y1, x2, y2 = objects.bbox.T
    look((x2 < x1) | (y2 < y1), 'the box ends before it begins')
    look(((objects.dimensions < 0) & (objects.dimensions != -1)).any(axis=1),
         'negative size')
    return min(faults, default=None)


def _column(frame_id: str, column: str, values: Sequence | np.ndarray | None,
            count: int) -> np.ndarray:
    width, absent = COLUMNS[column]
    shape = (count, ) if width == 1 else (count, width)
    if values is None:
        return np.full(shape, absent, dtype=np.float64)
    array = np.asarray(values, dtype=np.float64)
    if array.size == 0 and count == 0:
        return np.empty(shape)
    if array.shape != shape:
        raise ValueError(f'frame {frame_id}: {column} has the shape '
                         f'{array.shape}, expected {shape}')
    return array
