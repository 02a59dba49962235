"""Packed samples, as a model gets them, as arrays and boxes to draw."""
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from torch import Tensor

from mmxkd.modalities import MODALITIES

from .solid_boxes import SolidBoxes, solid_boxes_of

#: What a LiDAR's points are called in ``inputs`` of mmdet3d.
POINTS = 'points'


@dataclass(frozen=True)
class FlatBoxes:
    """2-D boxes of a sample.

    Attributes:
        corners: (N, 4) xyxy, pixels of the packed picture.
        labels: (N, ) numbers of classes.
        ignored: (N, ) bool: neither object nor background.
        scores: (N, ) of a teacher; NaN for labels of humans.
    """

    corners: np.ndarray
    labels: np.ndarray
    ignored: np.ndarray
    scores: np.ndarray


@dataclass(frozen=True)
class ShownSample:
    """One picture of a packed sample, with all that lies on it.

    Attributes:
        title: What a user needs to know of it.
        arrays: By modality, as a loader gives them: (H, W) or (H, W, C);
            sounds (C, …).
        boxes: Boxes in the picture.
        solids: 3-D boxes.
        points: (N, 3+) of a LiDAR, metres; None without.
    """

    title: str
    arrays: dict[str, np.ndarray]
    boxes: FlatBoxes
    solids: SolidBoxes = field(default_factory=SolidBoxes)
    points: np.ndarray | None = None


def shown_samples(packed: Mapping[str, Any], in_file: bool = False,
                  map_stride: float = 1.0) -> Iterator[ShownSample]:
    """The pictures of what a pipeline returns.

    Mostly one; each branch of mmdet's ``MultiBranch`` and each frame of a
    video is one of its own.

    Args:
        packed (Mapping): ``inputs``: a picture, or a dict of modalities; and
            ``data_samples`` of mmdet or mmdet3d.
        in_file (bool): Boxes are in pixels of the file, since the pipeline
            loads them after it has resized the picture.
        map_stride (float): Pixels per cell of ``trans_mat``, which mmdet3d's
            ``AffineResize`` leaves in the sample.

    Yields:
        ShownSample: Each picture.

    Raises:
        ValueError: The inputs are not what a packing transform makes.
    """
    inputs, samples = packed['inputs'], packed['data_samples']
    if isinstance(samples, Mapping):
        for branch, sample in samples.items():
            for shown in shown_samples(
                    dict(inputs=inputs[branch], data_samples=sample), in_file,
                    map_stride):
                yield ShownSample(f'{branch}: {shown.title}', shown.arrays,
                                  shown.boxes, shown.solids, shown.points)
        return
    if not isinstance(inputs, Mapping):
        inputs = dict(img=inputs)
    frames = getattr(samples, 'video_data_samples', None)
    if frames is not None:
        for number, frame in enumerate(frames):
            yield _shown({key: value[number] for key, value in inputs.items()},
                         frame, in_file, map_stride)
        return
    yield _shown(inputs, samples, in_file, map_stride)


def _shown(inputs: Mapping[str, Any], sample: Any, in_file: bool,
           map_stride: float) -> ShownSample:
    meta = sample.metainfo
    points = inputs.get(POINTS)
    arrays: dict[str, np.ndarray] = {}
    for name, tensor in inputs.items():
        if name != POINTS:
            arrays.update(_arrays(name, tensor))
    boxes = _flat_boxes(sample)
    if in_file:
        factors = np.tile(meta.get('scale_factor', (1.0, 1.0)), 2)
        boxes = FlatBoxes(boxes.corners * factors, boxes.labels, boxes.ignored,
                          boxes.scores)
    return ShownSample(_title(meta, arrays, boxes), arrays, boxes,
                       solid_boxes_of(sample, map_stride),
                       None if points is None else _numpy(points))


def _arrays(name: str, tensor: Any) -> dict[str, np.ndarray]:
    """The arrays of a modality; one per camera where there are several."""
    array = _numpy(tensor)
    known = MODALITIES.get(name)
    if known is not None and not known.spatial:
        return {name: array}
    if array.ndim == 4:
        return {
            f'{name}[{k}]': part.transpose(1, 2, 0)
            for k, part in enumerate(array)
        }
    if array.ndim != 3:
        raise ValueError(f'inputs[{name!r}] has the shape {array.shape}, '
                         'expected (C, H, W), as packing transforms make it')
    return {name: array.transpose(1, 2, 0)}


def _flat_boxes(sample: Any) -> FlatBoxes:
    parts = []
    for key, ignored in (('gt_instances', False), ('ignored_instances', True)):
        instances = getattr(sample, key, None)
        if instances is None or 'bboxes' not in instances:
            continue
        corners = _numpy(instances.bboxes).reshape(-1, 4).astype(float)
        number = len(corners)
        labels = (_numpy(instances.labels).astype(int) if 'labels' in instances
                  else np.zeros(number, int))
        scores = (_numpy(instances.scores).astype(float) if 'scores'
                  in instances else np.full(number, np.nan))
        parts.append((corners, labels, np.full(number, ignored), scores))
    if not parts:
        return FlatBoxes(np.zeros((0, 4)), np.zeros(0, int), np.zeros(0, bool),
                         np.zeros(0))
    return FlatBoxes(*map(np.concatenate, zip(*parts, strict=True)))


def _numpy(values: Any) -> np.ndarray:
    """Of a tensor, or of the boxes or points of mmdet and mmdet3d."""
    tensor = getattr(values, 'tensor', values)
    if isinstance(tensor, Tensor):
        return tensor.detach().cpu().numpy()
    return np.asarray(tensor)


def _title(meta: Mapping[str, Any], arrays: Mapping[str, np.ndarray],
           boxes: FlatBoxes) -> str:
    path = meta.get('img_path') or meta.get('lidar_path') or ''
    # Some views of mmdet3d have a list of them.
    name = path if isinstance(path, str) else ', '.join(map(str, path))
    words = [name.rpartition('/')[2] or 'a sample']
    first = next(iter(arrays.values()), None)
    if first is not None and first.ndim == 3:
        words.append(f'{first.shape[1]}x{first.shape[0]}')
    words.append(_count(np.count_nonzero(~boxes.ignored), 'box', 'boxes'))
    if boxes.ignored.any():
        words.append(f'{np.count_nonzero(boxes.ignored)} ignored')
    if meta.get('flip'):
        words.append(f'flipped: {meta.get("flip_direction") or "yes"}')
    if meta.get('label_source'):
        words.append(f'labelled by: {meta["label_source"]}')
    elif meta.get('labelled') is False:
        words.append('without labels')
    return ' · '.join(words)


def _count(number: int, one: str, several: str) -> str:
    return f'{number} {one if number == 1 else several}'


def step_names(pipeline: Sequence[Any]) -> list[str]:
    """Class names of the transforms of a pipeline."""
    return [type(step).__name__ for step in pipeline]


def boxes_in_file(pipeline: Sequence[Any]) -> bool:
    """Whether a pipeline loads boxes after it has resized the picture.

    Pipelines for testing do, so that metrics compare in pixels of the file.
    """
    names = step_names(pipeline)
    loads = [k for k, name in enumerate(names) if 'LoadAnnotations' in name]
    resizes = [k for k, name in enumerate(names) if 'Resize' in name]
    return bool(loads and resizes) and min(resizes) < min(loads)
