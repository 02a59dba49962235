"""Twenty bad files of each kind: noticed with the file, or a known blind spot.

A blind spot is damage that leaves a valid file: no reader can notice it
without a checksum of its own. docs/reliability.md lists them;
``python -m tests.test_faults.test_bad_files`` prints the table.
"""
import io
import random
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from mmxkd.datasets.transforms import LoadGatedSlices
from mmxkd.errors import CorruptSampleError
from mmxkd.formats.kitti import (
    read_calibration,
    read_label_file,
    read_scan,
)
from mmxkd.formats.kitti.depth_maps import read_depth, write_depth
from mmxkd.formats.stf.labels import read_labels
from mmxkd.io.images import encode_image, read_image
from mmxkd.io.text import read_json
from tests.helpers.kitti_tree import LABELS, write_kitti

TRIALS = 20
STF_LINE = ('Pedestrian 0 0 0 10.5 20 30 80.25' + ' -1' * 3 + ' -1000' * 3
            + ' 0 0 0 0 1' + ' -1000' * 4 + ' True True False False\n')


def picture(dtype=np.uint8, channels=3, top=256):
    draw = np.random.default_rng(0)
    shape = (48, 80, channels) if channels > 1 else (48, 80)
    return cv2.GaussianBlur(draw.integers(0, top, shape, dtype), (0, 0), 2)


def scan():
    draw = np.random.default_rng(0)
    points = draw.uniform((-40, -40, -2, 0), (60, 40, 2, 1), (500, 4))
    return points.astype(np.float32).tobytes()


def depth_file():
    with tempfile.TemporaryDirectory() as folder:
        write_depth(Path(folder, 'a.png'), picture(np.uint16, 1, 20_000) / 256)
        return Path(folder, 'a.png').read_bytes()


def calibration_file():
    with tempfile.TemporaryDirectory() as folder:
        root = write_kitti(Path(folder, 'kitti'))
        return (root / 'training/calib/000000.txt').read_bytes()


def gated(path):
    """The slice between two good ones."""
    good = path.parent / 'good.tiff'
    good.write_bytes(FILES['gated TIFF'][0])
    paths = [str(good), str(path), str(good)]
    return LoadGatedSlices().transform(dict(gated_paths=paths))['gated']


# Bytes of a good file, and what reads it.
FILES: dict[str, tuple[bytes, Callable]] = {
    'PNG': (encode_image(picture(), '.png'), lambda p: read_image(p, 'img')),
    'JPEG': (cv2.imencode('.jpg', picture())[1].tobytes(),
             lambda p: read_image(p, 'img')),
    'gated PNG': (encode_image(picture(np.uint16, 1, 1024),
                               '.png'), lambda p: read_image(p, 'gated')),
    'gated TIFF': (encode_image(picture(np.uint16, 1, 1024), '.tiff'), gated),
    'depth map': (depth_file(), read_depth),
    'LiDAR scan': (scan(), read_scan),
    'KITTI labels': (('\n'.join(LABELS['000000']) + '\n').encode(),
                     read_label_file),
    'STF labels': (STF_LINE.encode() * 3, read_labels),
    'calibration': (calibration_file(), read_calibration),
    'JSON': (b'{"images": [1, 2, 3], "annotations": [4.5, 6.25]}\n',
             lambda p: read_json(p, 'annotations')),
}


def truncated(whole, draw):
    return whole[:draw.randrange(1, len(whole) - 1)]


def flipped(whole, draw):
    broken = bytearray(whole)
    broken[draw.randrange(len(whole))] ^= 1 << draw.randrange(8)
    return bytes(broken)


def garbage(whole, draw):
    return draw.randbytes(len(whole))


DAMAGES: dict[str, Callable] = {
    'missing': lambda whole, draw: None,
    '0 bytes': lambda whole, draw: b'',
    'truncated': truncated,
    'garbage': garbage,
    'a flipped bit': flipped,
}

PNG = ('PNG', 'gated PNG', 'depth map')

# Blind spots: how many of 20 are noticed at least, and what the others are.
BLIND = {
    # As published: a frame without objects has an empty file.
    ('KITTI labels', '0 bytes'): (0, 'a frame without objects'),
    ('STF labels', '0 bytes'): (0, 'a frame without objects'),
    ('KITTI labels', 'truncated'): (18, 'cut at a line end or in a number'),
    ('LiDAR scan', 'truncated'): (19, 'cut between two points'),
    # Formats without a checksum: another value that is as good.
    ('JPEG', 'a flipped bit'): (3, 'other pixels'),
    ('gated TIFF', 'a flipped bit'): (0, 'other pixels'),
    ('LiDAR scan', 'a flipped bit'): (2, 'another coordinate'),
    ('KITTI labels', 'a flipped bit'): (12, 'another digit'),
    ('STF labels', 'a flipped bit'): (15, 'another digit or class'),
    ('calibration', 'a flipped bit'): (11, 'another digit'),
    ('JSON', 'a flipped bit'): (14, 'another digit or key'),
}


def count(kind: str, damage: str, folder: Path) -> Counter:
    """What became of 20 bad files: ``noticed``, ``unharmed``, ``blind``."""
    whole, read = FILES[kind]
    path = folder / 'file.bin'
    path.write_bytes(whole)
    expected = _content(read(path))
    draw = random.Random(f'{kind}, {damage}')
    outcome: Counter = Counter()
    for _ in range(TRIALS):
        content = DAMAGES[damage](whole, draw)
        path.unlink(missing_ok=True)
        if content is not None:
            path.write_bytes(content)
        try:
            found = read(path)
        except CorruptSampleError as error:
            assert str(path) in str(error)
            assert str(error).isprintable()
            outcome['noticed'] += 1
        else:
            same = _content(found) == expected
            outcome['unharmed' if same else 'blind'] += 1
    path.unlink(missing_ok=True)
    return outcome


def _content(value) -> str:
    """Equal for equal results, to the last bit."""
    if isinstance(value, np.ndarray):
        return f'{value.dtype} {value.shape} {value.tobytes().hex()}'
    if hasattr(value, '__dataclass_fields__'):
        return str([
            _content(getattr(value, name))
            for name in value.__dataclass_fields__ if name != 'frame_ids'
        ])
    return str(value)


@pytest.mark.parametrize('kind', FILES)
@pytest.mark.parametrize('damage', DAMAGES)
def test_bad_files(tmp_path, kind, damage, record_property):
    record_property('trials', TRIALS)
    outcome = count(kind, damage, tmp_path)
    assert sum(outcome.values()) == TRIALS
    least, _ = BLIND.get((kind, damage), (TRIALS, ''))
    noticed = outcome['noticed']
    if kind in PNG and damage == 'a flipped bit':
        # In the check sum after the last pixel: newer OpenCV only warns.
        noticed += outcome['unharmed']
    assert noticed >= least
    # What is no blind spot any more has to leave the table.
    assert (noticed == TRIALS) == ((kind, damage) not in BLIND)


def test_no_garbage_and_no_missing_file_is_taken():
    assert not [key for key in BLIND if key[1] in ('missing', 'garbage')]


def bad_scans():
    good = np.frombuffer(scan(), np.float32).reshape(-1, 4)
    draw = random.Random(0)
    for _ in range(TRIALS):
        points = good.copy()
        points[draw.randrange(500), draw.randrange(4)] = draw.choice(
            [np.nan, np.inf, -np.inf, 1e30, -1e4])
        yield 'a value', points.tobytes()
    for _ in range(TRIALS):
        size = draw.randrange(1, len(scan()))
        yield 'odd size', scan()[:size + (size % 16 == 0)]
    for k in range(TRIALS):
        yield 'all zero', bytes(16 * (k + 1))
    for _ in range(TRIALS):
        rows = draw.randrange(100, 500)
        dtype = draw.choice(['<f8', '>f4', '<f2'])
        yield 'another dtype', good[:rows].astype(dtype).tobytes()
    for _ in range(TRIALS):
        buffer = io.BytesIO()
        np.save(buffer, good[:draw.randrange(100, 500)])
        yield 'npy', buffer.getvalue()
    for _ in range(TRIALS):
        rows, more = draw.randrange(25, 125) * 4, draw.choice([1, 2, 3])
        columns = np.zeros((rows, more), np.float32)
        yield 'columns', np.hstack([good[:rows], columns]).tobytes()


def test_bad_scans(tmp_path, record_property):
    """Odd, all zero, NaN, Inf, far away, of another layout: all of them."""
    path, noticed = tmp_path / '000000.bin', Counter()
    for kind, content in bad_scans():
        path.write_bytes(content)
        with pytest.raises(CorruptSampleError, match='000000.bin: '):
            read_scan(path)
        noticed[kind] += 1
    assert set(noticed.values()) == {TRIALS} and len(noticed) == 6
    record_property('trials', sum(noticed.values()))


def gated_damages():
    good = picture(np.uint16, 1, 1024)
    yield 'missing', None
    yield '8 bits', encode_image((good // 4).astype(np.uint8), '.tiff')
    yield 'another size', encode_image(good[:-1], '.tiff')
    yield 'in colour', encode_image(picture(), '.png')
    yield 'turned', encode_image(np.ascontiguousarray(good.T), '.tiff')


@pytest.mark.parametrize('place', range(3))
@pytest.mark.parametrize('kind, content', gated_damages())
def test_a_slice_that_does_not_fit(tmp_path, place, kind, content):
    paths = [tmp_path / f'gated{k}.tiff' for k in range(3)]
    for path in paths:
        path.write_bytes(FILES['gated TIFF'][0])
    paths[place].unlink()
    if content is not None:
        paths[place].write_bytes(content)
    with pytest.raises(CorruptSampleError) as caught:
        LoadGatedSlices().transform(dict(gated_paths=list(map(str, paths))))
    # The first slice is what the others are compared with.
    assert str(paths[place]) in str(caught.value)


LABEL_DAMAGES = {
    'NaN': ('10.5', 'nan'),
    'Inf': ('10.5', 'inf'),
    'a word': ('10.5', 'left'),
    'an underscore': ('10.5', '1_0.5'),
    'digits of another script': ('10.5', '١٠'),
    'a field less': ('10.5 ', ''),
    'a field more': ('10.5', '10.5 11'),
    'a NUL byte': ('10.5', '10\0.5'),
    'a comma': ('10.5', '10,5'),
}


@pytest.mark.parametrize('damage', LABEL_DAMAGES)
@pytest.mark.parametrize('kind', ['KITTI labels', 'STF labels'])
def test_bad_labels(tmp_path, kind, damage, record_property):
    """Twenty files with the damage in another line of each: file and line."""
    record_property('trials', TRIALS)
    line, read = {
        'KITTI labels': ('Car 0 0 1.85 10.5 40.25 160.75 80.5 1.5 1.6 4.0 '
                         '-1.5 1.2 9.0 1.7', read_label_file),
        'STF labels': (STF_LINE.strip(), read_labels)
    }[kind]
    before, after = LABEL_DAMAGES[damage]
    assert line.count(before) == 1
    path = tmp_path / '000000.txt'
    for number in range(TRIALS):
        lines = [line] * TRIALS
        lines[number] = line.replace(before, after)
        path.write_text('\n'.join(lines), encoding='utf-8')
        with pytest.raises(CorruptSampleError) as caught:
            read(path)
        text = str(caught.value)
        assert (f'{path}:{number + 1}:' in text
                or f'line {number + 1}: ' in text), text


def main() -> None:
    """Print the table that stands in docs/reliability.md."""
    print('| 20 files each, noticed | ' + ' | '.join(DAMAGES) + ' |')
    print('|---' * (len(DAMAGES) + 1) + '|')
    with tempfile.TemporaryDirectory() as folder:
        for kind in FILES:
            cells = []
            for damage in DAMAGES:
                outcome = count(kind, damage, Path(folder))
                cell = str(outcome['noticed'])
                if outcome['unharmed']:
                    cell += f', {outcome["unharmed"]} unharmed'
                cells.append(cell)
            print(f'| {kind} | ' + ' | '.join(cells) + ' |')


if __name__ == '__main__':
    main()
