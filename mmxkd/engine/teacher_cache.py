"""What a teacher gives, kept on disk and read instead of running it."""
import copy
import hashlib
import json
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.structures import InstanceData
from torch import Tensor

from mmxkd.errors import ConfigError, check_keys, check_known
from mmxkd.io.array_file import DamagedFileError
from mmxkd.recording.cached_records import CachedRecords, point_key
from mmxkd.recording.fingerprint import weights_sha256
from mmxkd.recording.frame_store import FrameStore
from mmxkd.recording.packing import Skeleton, pack, stored, take, unpack
from mmxkd.recording.recorders import RecordError, tensors_in

from .seen_frames import Seen, choose, seen_frames, why_not

DTYPES = dict(float32=torch.float32, float16=torch.float16)
#: Shares of the largest value: what is one frame's own, and what is not.
APART = 1e-2

#: Runs a teacher on a view; its records and predictions.
Run = Callable[[dict[str, Any]], tuple[Any, list | None]]
#: Arrays and note of one frame.
Kept = tuple[list, dict[str, Any]]


@dataclass
class Counts:
    """How many frames were read, computed, and computed again."""
    hits: int = 0
    misses: int = 0
    damaged: int = 0

    def __str__(self) -> str:
        text = f'{self.hits} frames read, {self.misses} computed'
        if self.damaged:
            text += f' ({self.damaged} of them because a file was damaged)'
        return text


@dataclass
class TeacherCache:
    """Keeps what one teacher gives for each frame.

    A frame whose output is on disk is not run; the others of its batch are,
    together. Each read compares a checksum, and the fingerprint of what the
    teacher sees with that of what it saw.

    Args:
        teacher (Teacher): The teacher.
        dir (str): A folder; the cache is in its sub-folder ``<teacher>``.
        dtype (str): ``'float32'``, or ``'float16'`` for half the size.
            Predictions are kept in float32 anyway.

    Attributes:
        counts (Counts): Since they were reset last.
        expected (int | None): Frames that the training data have, where
            known; a frame counts once per direction of flipping.

    Raises:
        ConfigError: The dtype is another one, or the teacher runs in mode
            ``'loss'``.
    """
    teacher: Any
    dir: str
    dtype: str = 'float32'
    counts: Counts = field(default_factory=Counts)
    expected: int | None = None

    def __post_init__(self) -> None:
        self.key = f'teachers.{self.teacher.name}.cache'
        check_known(f'{self.key}.dtype', self.dtype, DTYPES)
        if not isinstance(self.dir, str) or not self.dir:
            raise ConfigError(f'{self.key}.dir={self.dir!r}: expected the '
                              'path of a folder')
        if self.teacher.mode != 'predict':
            raise ConfigError(
                f"{self.key}: a teacher of mode='loss' draws samples anew in "
                f"each step; use mode='predict', or remove {self.key}")
        self._store: FrameStore | None = None
        self._known: set[str] = set()

    def supply(self, view: dict[str, Any], predict: bool,
               run: Run) -> tuple[CachedRecords, list | None]:
        """Records and predictions of a batch.

        Args:
            view (dict): ``inputs`` and ``data_samples`` of the batch, as the
                teacher's data preprocessor gave them.
            predict (bool): Whether somebody asks for predictions.
            run (callable): Runs the teacher on such a view.

        Raises:
            ConfigError: The cache is of another teacher, or of other frames.
            RecordError: A record cannot be kept per frame.
            OSError: The disk is full; it names the file.
        """
        name = self.teacher.name
        names, seen = seen_frames(view, name)
        store = self._store or self._open(predict)
        kept = [
            self._read(store, frame, now)
            for frame, now in zip(names, seen, strict=True)
        ]
        missing = [i for i, found in enumerate(kept) if found is None]
        self.counts.hits += len(kept) - len(missing)
        self.counts.misses += len(missing)
        if missing:
            fresh = self._run(view, missing, run)
            self._tell(store, fresh)
            for i, (arrays, note) in zip(missing, fresh, strict=True):
                note['seen'] = seen[i].as_json()
                store.write(names[i], arrays, note)
                kept[i] = arrays, note
        self._known.update(names)
        return self._join([found for found in kept if found is not None], view,
                          predict)

    def _open(self, predict: bool) -> FrameStore:
        """The folder, once the teacher has its weights."""
        teacher = self.teacher
        teacher.check_loaded()
        config = json.dumps(dict(teacher.cfg), sort_keys=True, default=str)
        reads = sorted({point_key(point) for point in teacher.tape.points})
        precision = 'float32' if teacher.dtype is None else str(
            teacher.dtype).removeprefix('torch.')
        self._store = FrameStore(
            os.path.join(self.dir, teacher.name),
            dict(dtype=self.dtype, precision=precision,
                 reads=', '.join(reads + ['predictions'] * predict),
                 weights=weights_sha256(teacher.model.state_dict()),
                 model=hashlib.sha256(config.encode()).hexdigest()))
        return self._store

    def _read(self, store: FrameStore, name: str, now: Seen) -> Kept | None:
        try:
            found = store.read(name)
        except DamagedFileError as error:
            self.counts.damaged += 1
            print_log(f'{self.key}: {error}; the teacher runs again for it',
                      logger='current', level=logging.WARNING)
            return None
        if found is not None and found[1]['seen'] != now.as_json():
            raise ConfigError(
                why_not(self.teacher.name, name, found[1]['seen'], now, name
                        in self._known))
        return found

    def _run(self, view: dict[str, Any], frames: Sequence[int],
             run: Run) -> list[Kept]:
        """Run the teacher on some frames of a batch."""
        if not self._known:
            self._check_apart(view, frames, run)
        tensors, skeletons, predictions = self._record(view, frames, run)
        dtype, kept = DTYPES[self.dtype], []
        for i in range(len(frames)):
            where = f'teacher {self.teacher.name!r}'
            arrays = [stored(t[i], dtype, where) for t in tensors]
            note: dict[str,
                       Any] = {'records': skeletons, 'tensors': len(tensors)}
            if predictions is not None:
                found: list[Tensor] = []
                note['predictions'] = pack(_plain(predictions[i]), found,
                                           f'{where}: predictions')
                arrays += [stored(t, torch.float32, where) for t in found]
            kept.append(([tensor.numpy() for tensor in arrays], note))
        return kept

    def _record(
            self, view: dict[str, Any], frames: Sequence[int],
            run: Run) -> tuple[list[Tensor], dict[str, Skeleton], list | None]:
        """Tensors (N, …) and their places, of N frames of a batch."""
        samples = view['data_samples']
        where = f'teacher {self.teacher.name!r}: input'
        # A copy: predictions are written into samples, and one may be there
        # twice.
        records, predictions = run(
            dict(view, inputs=take(view['inputs'], frames, len(samples),
                                   where),
                 data_samples=copy.deepcopy(choose(samples, frames))))
        tensors: list[Tensor] = []
        skeletons: dict[str, Skeleton] = {}
        for point in self.teacher.tape.points:
            if point_key(point) in skeletons:
                continue
            where = f'{self.teacher.name}:{point.text}'
            begin = len(tensors)
            skeletons[point_key(point)] = pack(records.read(point), tensors,
                                               where)
            for tensor in tensors[begin:]:
                if not tensor.ndim or len(tensor) != len(frames):
                    raise RecordError(
                        f'{where} gave a tensor {tuple(tensor.shape)} for '
                        f'{len(frames)} frames: not one part per frame, so '
                        f'it cannot be cached; remove {self.key}')
        return tensors, skeletons, predictions

    def _check_apart(self, view: dict[str, Any], frames: Sequence[int],
                     run: Run) -> None:
        """What a frame gives must not depend on the others of its batch."""
        one = self._record(view, frames[:1], run)[0]
        two = self._record(view, [frames[0], frames[-1]], run)[0]
        for alone, both in zip(one, two, strict=True):
            if alone.shape[1:] != both.shape[1:] or not torch.allclose(
                    alone[0].float(), both[0].float(), rtol=APART,
                    atol=APART * float(alone.abs().max() or 1)):
                raise RecordError(
                    f'teacher {self.teacher.name!r}: what it gives for one '
                    'frame depends on the other frames of the batch '
                    f'({tuple(alone.shape)}), so it cannot be cached; remove '
                    f'{self.key}')

    def _tell(self, store: FrameStore, fresh: Sequence[Kept]) -> None:
        """Say how large the cache will be, before its first file."""
        if self._known:
            return
        size = sum(array.nbytes for array in fresh[0][0])
        there, free = store.frames(), store.free()
        text = f'{self.key}: {_megabytes(size)} per frame in {store.folder}'
        if self.expected is not None:
            more = size * max(0, self.expected - there)
            text += (f'; {there} of {self.expected} frames are there, '
                     f'{_megabytes(more)} to come')
            if more > free:
                raise OSError(
                    f'{text}, but the disk has {_megabytes(free)} left. Free '
                    "some, name another dir, use dtype='float16', or read "
                    'fewer or smaller levels')
        print_log(f'{text}; the disk has {_megabytes(free)} left',
                  logger='current')

    def _join(self, kept: Sequence[Kept], view: dict[str, Any],
              predict: bool) -> tuple[CachedRecords, list | None]:
        """Put frames together to what a batch gives."""
        device = next(tensors_in(view['inputs'])).device
        skeletons = kept[0][1]['records']
        number = kept[0][1]['tensors']
        tensors = [
            _batched([arrays[i] for arrays, _ in kept]).to(device)
            for i in range(number)
        ]
        records = CachedRecords({
            name: unpack(skeleton, tensors)
            for name, skeleton in skeletons.items()
        })
        if not predict:
            return records, None
        for sample, (arrays, note) in zip(view['data_samples'], kept,
                                          strict=True):
            own = [
                _batched([array])[0].to(device) for array in arrays[number:]
            ]
            for name, fields in unpack(note['predictions'], own).items():
                setattr(sample, name, InstanceData(**fields))
        return records, view['data_samples']


def build_cache(teacher: Any, cfg: Mapping[str, Any]) -> TeacherCache:
    """The cache of a teacher, as its config says.

    Args:
        teacher (Teacher): The teacher.
        cfg (dict): ``dir`` and ``dtype``.

    Raises:
        ConfigError: A key is unknown, or ``dir`` is missing.
    """
    key = f'teachers.{teacher.name}.cache'
    if not isinstance(cfg, Mapping):
        raise ConfigError(f"{key}={cfg!r}: expected a dict with 'dir'")
    check_keys(key, cfg, ('dir', 'dtype'))
    if 'dir' not in cfg:
        raise ConfigError(f"{key}: 'dir' is missing")
    return TeacherCache(teacher, **cfg)


def _batched(arrays: Sequence[np.ndarray]) -> Tensor:
    """(N, …) of N arrays; halves become float32, as losses read them."""
    kind = arrays[0].dtype
    batch = np.empty((len(arrays), *arrays[0].shape),
                     np.float32 if kind.kind == 'f' else kind)
    for i, array in enumerate(arrays):
        batch[i] = array
    return torch.from_numpy(batch)


def _plain(sample: Any) -> dict[str, dict[str, Any]]:
    """All predictions of a data sample, by name and field."""
    return {
        name: dict(sample.get(name).items()) for name in sample.keys()
        if name.startswith('pred')
    }


def _megabytes(size: float) -> str:
    return f'{size / 1e6:,.1f} MB'
