"""From MAVD's folders to one sound array per frame and an index per split.

Each file of each frame is read and checked. One that cannot be used does not
end the conversion: all are reported at its end, and then no index is written,
unless frames with bad files are to be left out. A conversion that was stopped
at any moment goes on where it was, and writes the same bytes.
"""
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeAlias

from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.folders import SUFFIXES, Folders
from mmxkd.formats.mavd.index import IndexedFrame, index_content, with_truth
from mmxkd.formats.mavd.layout import (
    CAMERAS,
    MICROPHONES,
    PICTURE_SUFFIXES,
    UNKNOWN,
    FrameId,
    audio_path,
    frame_time_key,
    picture_path,
)
from mmxkd.formats.mavd.pictures import frame_columns
from mmxkd.formats.mavd.sound_array import SPECTROGRAM
from mmxkd.formats.pseudo_labels import format_coco
from mmxkd.io.atomic import remove_partial, write_json, write_text
from mmxkd.io.claims import claim
from mmxkd.io.journal import Journal
from mmxkd.io.parallel import parallel_map
from mmxkd.io.text import read_json

from .mavd_frame import FrameJob, SoundSettings, convert_frame
from .mavd_report import (
    NO_DEPTH,
    NO_LIGHTING,
    NO_THERMAL,
    SHORT,
    BadFilesError,
    Report,
)

PROGRESS = '.mavd'
REPORT = 'annotations/mavd_report.json'


@dataclass(frozen=True)
class MavdSettings:
    """How to convert.

    Attributes:
        sound: What determines the sound arrays; its ``source`` may be
            ``'auto'``: sound files where there is one, else pickles.
        columns: Of :func:`mmxkd.formats.mavd.pictures.frame_columns`.
        decode: Whether pictures are decoded, not their headers alone.
        leave_out_bad: Write the index without frames that have bad files.
    """

    sound: SoundSettings
    columns: str | tuple[int, int] = 'published'
    decode: bool = False
    leave_out_bad: bool = False


# What was to be done for a frame, and what came of it.
_Done: TypeAlias = tuple[FrameJob, dict[str, Any]]


def convert(root: Path, splits: Mapping[str, Sequence[FrameId]],
            settings: MavdSettings, out: Path | None = None,
            truth: Path | None = None, label_train: bool = False,
            num_workers: int = 0) -> Report:
    """Convert the frames of some splits.

    Args:
        root (Path): Of the published folders.
        splits (Mapping): Frames of each split, in any order.
        settings (MavdSettings): How.
        out (Path, optional): Where to write; ``root`` by default.
        truth (Path, optional): Boxes of synthetic drives: see
            :mod:`mmxkd.formats.mavd.layout`. All splits but ``train``, and
            its parts such as ``train_night``, get an index with them,
            ``annotations/SPLIT_truth.json``.
        label_train (bool): These too, so that teachers can learn from
            these drives.
        num_workers (int): Processes; the result does not depend on it.

    Returns:
        Report: Also written to :data:`REPORT`.

    Raises:
        ConfigError: ``out`` holds arrays that were made otherwise, or no
            frame is left in a split.
        BadFilesError: A file cannot be used, and frames with such files are
            not left out. The report is written, no index is.
    """
    root, out = Path(root), Path(out or root)
    if not root.is_dir():
        raise ConfigError(f'{root}: no such folder')
    # It is read at the end; that it can be is known before hours of work.
    known = None if truth is None else read_json(truth, 'truth')
    report, folders = Report(), Folders(root)
    kept = {
        split: _whole(split, frames, report)
        for split, frames in splits.items()
    }
    every = sorted({f for frames in kept.values() for f in frames},
                   key=frame_time_key)
    sound = _resolved(settings.sound, every, folders)
    claim(out / PROGRESS / 'settings.json', asdict(sound))
    _remove_torn(out, every)
    jobs = _jobs(every, folders, out, settings, sound, report)
    found = _convert_all(jobs, out, num_workers, report)
    indices = _indices(kept, found, settings, out, report)
    if truth is not None:
        unlabelled = () if label_train else [
            split for split in splits if split.partition('_')[0] == 'train'
        ]
        indices |= _true(indices, known, truth, unlabelled, report)
    # Nothing is written before all of it is right.
    for name, content in indices.items():
        write_text(out / 'annotations' / f'{name}.json', format_coco(content))
    write_json(out / REPORT, asdict(report))
    return report


def _whole(split: str, frames: Iterable[FrameId],
           report: Report) -> list[FrameId]:
    """Frames with stamps that can be trusted, in the order of time."""
    kept = []
    for frame in sorted(frames, key=frame_time_key):
        if frame.is_short:
            report.tell(split, SHORT, frame)
        else:
            kept.append(frame)
    return kept


def _resolved(sound: SoundSettings, frames: Iterable[FrameId],
              folders: Folders) -> SoundSettings:
    """With the source that there is, and what that source can give."""
    values = asdict(sound)
    if sound.source == 'auto':
        heard = any(
            folders.sound('sound', frame, microphone) for frame in frames
            for microphone in range(MICROPHONES))
        values['source'] = 'sound' if heard else 'pickles'
    if values['source'] == 'pickles':
        values['store'] = 'spectrogram'
    return SoundSettings(**values)


def _remove_torn(out: Path, frames: Iterable[FrameId]) -> None:
    """Remove what was being written when a conversion was killed."""
    for drive in sorted({frame.drive for frame in frames}):
        remove_partial(out / drive / 'sound')
    remove_partial(out / 'annotations')
    remove_partial(out / PROGRESS)


def _jobs(frames: Iterable[FrameId], folders: Folders, out: Path,
          settings: MavdSettings, sound: SoundSettings,
          report: Report) -> list[FrameJob]:
    """What is to be done; a frame without its files is bad."""
    jobs = []
    for frame in frames:
        pictures = {
            camera: folders.picture(camera, frame) for camera in CAMERAS
        }
        sounds = [
            folders.sound(sound.source, frame, microphone)
            for microphone in range(MICROPHONES)
        ]
        missing = [
            audio_path(frame, k, SUFFIXES[sound.source][0])
            for k, path in enumerate(sounds) if path is None
        ]
        if pictures['rgb'] is None:
            missing.insert(0, picture_path('rgb', frame))
        bad = [(path, _absent(path)) for path in missing]
        ninth = folders.sound(sound.source, frame, MICROPHONES)
        if ninth is not None:
            bad.append((ninth, f'is of a microphone more than {MICROPHONES}'))
        for path, reason in bad:
            report.bad.append(dict(frame=str(frame), file=path, reason=reason))
        if not bad:
            jobs.append(
                FrameJob(frame, folders.root, out,
                         tuple(folders.root / path for path in sounds if path),
                         pictures, sound, settings.decode))
    return jobs


def _absent(path: str) -> str:
    """Says which other names the file might have."""
    first, *others = next(suffixes for suffixes in (*SUFFIXES.values(),
                                                    PICTURE_SUFFIXES)
                          if path.endswith(suffixes))
    nor = f', nor one in {" or ".join(others)}' if others else ''
    return f'there is no such file{nor}'


def _convert_all(jobs: Sequence[FrameJob], out: Path, num_workers: int,
                 report: Report) -> dict[FrameId, _Done]:
    """Job and result of each frame that is good."""
    journal = Journal(out / PROGRESS / 'progress.jsonl')
    done: dict[FrameId, _Done] = {}
    pending = []
    for job in jobs:
        result = journal.get(_entry(job), job.files())
        if result is None or _is_old(result, job.settings):
            pending.append(job)
        else:
            done[job.frame] = job, result
    if done:
        print(f'{len(done)} of {len(jobs)} frames were done before')
    results = parallel_map(convert_frame, pending, num_workers, 'frames')
    for job, result in zip(pending, results, strict=True):
        if 'bad' in result:
            # It is looked at again in the next run: it may be repaired.
            path, reason = result['bad']
            report.bad.append(
                dict(frame=str(job.frame), file=_relative(path, job.root),
                     reason=reason))
        else:
            result = journal.add(_entry(job), job.files(), result)
            done[job.frame] = job, result
    return done


def _is_old(result: Mapping[str, Any], settings: SoundSettings) -> bool:
    """Whether an earlier version noted less of a frame than is told now."""
    spectrograms = SPECTROGRAM == settings.store or (settings.source
                                                     == 'pickles')
    # The rate of one microphone alone; no length of a spectrogram.
    return 'rates' not in result or (spectrograms and 'windows' not in result)


def _entry(job: FrameJob) -> str:
    """The name of a result; pictures that were decoded are another one."""
    return f'{job.frame} decoded' if job.decode else str(job.frame)


def _relative(path: str, root: Path) -> str:
    # Of a file that is not below: as it is.
    return path.removeprefix(f'{root}/')


def _indices(kept: Mapping[str, Sequence[FrameId]],
             found: Mapping[FrameId, _Done], settings: MavdSettings, out: Path,
             report: Report) -> dict[str, Any]:
    """Write the report and, if all is good, make the indices."""
    indices: dict[str, Any] = {}
    for split, frames in kept.items():
        indexed = [
            _indexed(*found[frame], settings, split, report)
            for frame in frames if frame in found
        ]
        report.frames[split] = len(indexed)
        indices[split] = index_content(indexed)
    for _, result in found.values():
        report.count(result)
    report.bad.sort(key=lambda bad: (bad['frame'], bad['file']))
    write_json(out / REPORT, asdict(report))
    if report.bad and not settings.leave_out_bad:
        raise BadFilesError(report, out / REPORT)
    for split, count in report.frames.items():
        if not count:
            raise ConfigError(f'no frame of {split} is left: see '
                              f'{out / REPORT}')
    return indices


def _true(indices: Mapping[str, Any], truth: Any, path: Path,
          unlabelled: Sequence[str], report: Report) -> dict[str, Any]:
    """The indices of all but some splits with true boxes."""
    found = {}
    for split, index in indices.items():
        if split not in unlabelled:
            found[f'{split}_truth'], outside = with_truth(index, truth, path)
            report.add('true boxes outside of the frame', outside)
    return found


def _indexed(job: FrameJob, result: Mapping[str, Any], settings: MavdSettings,
             split: str, report: Report) -> IndexedFrame:
    if job.frame.lighting == UNKNOWN:
        report.tell(split, NO_LIGHTING, job.frame)
    for camera, what in (('thermal', NO_THERMAL), ('depth', NO_DEPTH)):
        if job.pictures[camera] is None:
            report.tell(split, what, job.frame)
    path = job.root / str(job.pictures['rgb'])
    columns = frame_columns(result['width'], settings.columns, path)
    return IndexedFrame(job.frame, job.pictures, result['width'],
                        result['height'], columns, result['thermal_bits'])
