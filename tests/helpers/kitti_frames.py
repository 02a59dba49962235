"""Label folders and random frames of KITTI, as fixtures."""
import numpy as np
import pytest

SIZES = {
    'Car': (1.5, 1.6, 3.9), 'Pedestrian': (1.8, .7, .9),
    'Cyclist': (1.7, .6, 1.8), 'Van': (2.2, 1.9, 5.),
    'Person_sitting': (1.2, .7, .9), 'Truck': (3.2, 2.6, 10.)
}


@pytest.fixture
def write_folder(tmp_path):
    """Write ``{frame_id: [line]}`` into a folder and return it."""

    def write(name, frames):
        folder = tmp_path / name
        folder.mkdir()
        for frame_id, lines in frames.items():
            (folder / f'{frame_id}.txt').write_text(''.join(line + '\n'
                                                            for line in lines))
        return folder

    return write


def random_frame(rng, scored, near=None):
    """Columns of a crowded frame; some objects lie on those of ``near``."""
    count = int(rng.integers(0, 12))
    names = rng.choice(list(SIZES), count)
    columns = dict(
        name=names, alpha=rng.uniform(-3, 3, count),
        dimensions=np.array([SIZES[name] for name in names]).reshape(-1, 3),
        location=np.column_stack([
            rng.uniform(-2, 2, count),
            np.full(count, 1.65),
            rng.uniform(8, 14, count)
        ]), rotation_y=rng.uniform(-3, 3, count))
    corner = rng.uniform(0, 60, (count, 2))
    columns['bbox'] = np.hstack([
        corner, corner + rng.choice([20., 24.99, 25., 26., 40., 41., 60.],
                                    (count, 2))
    ])
    if near is not None:
        for i in range(count if len(near['name']) else 0):
            j = rng.integers(len(near['name']))
            if near['name'][j] == 'DontCare' or rng.random() < .2:
                continue
            if rng.random() < .8:
                columns['name'][i] = near['name'][j]
            for name, spread in dict(bbox=2, location=.15, dimensions=.03,
                                     rotation_y=.1).items():
                value = near[name][j]
                columns[name][i] = value + spread * rng.normal(
                    size=np.shape(value))
        columns['score'] = rng.choice(np.arange(12) / 12, count)
    else:
        columns['truncated'] = rng.choice([0, .15, .2, .3, .4, .6], count)
        columns['occluded'] = rng.choice(4, count, p=[.6, .2, .1, .1])
        for _ in range(rng.integers(0, 3)):
            add_dont_care(rng, columns)
    return columns


def add_dont_care(rng, columns):
    """One region that nobody looks at."""
    corner = rng.uniform(0, 60, 2)
    region = dict(name='DontCare', alpha=-10, dimensions=[-1.] * 3,
                  location=[-1000.] * 3, rotation_y=-10, truncated=-1,
                  occluded=-1, bbox=[*corner, *corner + 40])
    for name, value in region.items():
        columns[name] = np.concatenate([columns[name], [value]])


@pytest.fixture
def random_frames():
    """``(seed, count) -> (labels, detections)``, columns by frame id."""

    def make(seed, count):
        rng = np.random.default_rng(seed)
        truth = {f'{i:06d}': random_frame(rng, False) for i in range(count)}
        found = {
            i: random_frame(rng, True, columns)
            for i, columns in truth.items()
        }
        return truth, found

    return make
