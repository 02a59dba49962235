"""What a teacher sees of each frame of a batch, as names and fingerprints."""
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor

from mmxkd.errors import ConfigError
from mmxkd.recording.fingerprint import fingerprint, joined
from mmxkd.recording.packing import take
from mmxkd.recording.recorders import tensors_in

#: Meta keys that tell frames apart, for mmdet and mmdet3d.
_IDS = ('img_path', 'lidar_path', 'img_id', 'sample_idx')


@dataclass(frozen=True)
class Seen:
    """What the output of a teacher for one frame depends on.

    Attributes:
        padded (list[int]): Shape of the input, with the padding.
        size (list[int]): ``img_shape``: what of it is the picture.
        pixels (str): Fingerprint of the input.
    """
    padded: list[int]
    size: list[int]
    pixels: str

    def as_json(self) -> dict[str, Any]:
        """A dict that JSON gives back as it was."""
        return asdict(self)


def frame_name(meta: Mapping[str, Any], teacher: str) -> str:
    """The name of a frame in a cache; a flipped frame has its own.

    Args:
        meta (dict): Meta information of its data sample.
        teacher (str): For messages.

    Raises:
        ConfigError: Nothing there says which frame it is.

    Examples:
        >>> frame_name(dict(img_path='a.png', img_id=3), 'big')
        'a.png 3'
        >>> frame_name(dict(img_id=3, flip=True, flip_direction='vertical'),
        ...            'big')
        '3 flipped vertical'
    """
    ids = [str(meta[key]) for key in _IDS if meta.get(key) not in (None, '')]
    if not ids:
        raise ConfigError(
            f'teachers.{teacher}.cache: nothing says which frame a sample '
            f'is; add one of {_IDS} to meta_keys of the packing transform')
    if meta.get('flip'):
        ids.append(f'flipped {meta.get("flip_direction")}')
    return ' '.join(ids)


def seen_frames(view: Mapping[str, Any],
                teacher: str) -> tuple[list[str], list[Seen]]:
    """Names of the frames of a batch, and what is seen of each.

    Args:
        view (dict): ``inputs`` and ``data_samples``, as the teacher's data
            preprocessor gave them.
        teacher (str): For messages.

    Raises:
        ConfigError: Samples do not say which frame they are.
        RecordError: The inputs are not one part per frame.
    """
    metas = [sample.metainfo for sample in view.get('data_samples') or []]
    if not metas:
        raise ConfigError(f'teachers.{teacher}.cache: the batch has no '
                          'data_samples, which say what each frame is')
    names = [frame_name(meta, teacher) for meta in metas]
    seen = []
    for i, meta in enumerate(metas):
        own = one_frame(view['inputs'], i, len(metas), teacher)
        seen.append(
            Seen(list(own[0].shape),
                 [int(side) for side in meta.get('img_shape', ())],
                 joined(map(fingerprint, own))))
    return names, seen


def one_frame(inputs: Any, index: int, size: int,
              teacher: str) -> list[Tensor]:
    """The tensors of one frame; views where the batch is one tensor."""
    if isinstance(inputs, Tensor) and len(inputs) == size:
        return [inputs[index]]
    parts = take(inputs, [index], size, f'teacher {teacher!r}: input')
    return list(tensors_in(parts))


def why_not(teacher: str, name: str, before: Mapping[str, Any], now: Seen,
            drawn: bool) -> str:
    """Why what was kept of a frame is not what is asked for now.

    Args:
        teacher, name (str): The teacher and the frame.
        before (dict): What the kept output was made from.
        now (Seen): What the teacher sees now.
        drawn (bool): Whether this process has seen it the other way.
    """
    key = f'teachers.{teacher}.cache'
    if before['padded'] != now.padded and before['size'] == now.size:
        return (
            f'{key}: frame {name!r} was padded to {before["padded"]}, now to '
            f'{now.padded}, and features near the border depend on it. Bring '
            "all pictures to one size (mmxkd.Pad(size=…) in the pipeline), "
            f'or remove {key}, so that the teacher runs in each step')
    what = (f'has the size {now.size}, which was {before["size"]}' if
            before['size'] != now.size else 'has other values than')
    ways = (f'remove {key}, so that the teacher runs in each step; or take '
            'transforms without random numbers for what the teacher sees '
            '(a RandomFlip may stay: each direction is cached)')
    if not drawn:
        ways = ('if the pictures, the pipeline or the data preprocessor '
                'changed, remove the folder or name another dir. If the '
                f'pipeline draws random numbers: {ways}')
    return (f'{key}: what the teacher sees of frame {name!r} {what} when it '
            f'was cached; {ways}')


def choose(values: Sequence[Any], indices: Sequence[int]) -> list[Any]:
    """Some elements of a list."""
    return [values[i] for i in indices]
