"""A few frames in KITTI's layout, with content that tests can compute."""
from pathlib import Path

import cv2
import numpy as np

WIDTH, HEIGHT = 320, 96
# Focal length 200 pixels; the LiDAR lies 0.3 m behind and 0.1 m above the
# camera, turned by a little, as on the car.
P2 = np.array([[200., 0., 160., 9.], [0., 200., 48., -.2], [0., 0., 1., .003]])
R0 = cv2.Rodrigues(np.array([.010, -.008, .004]))[0]
TR = np.hstack([
    cv2.Rodrigues(np.array([.002, .006, -.003]))[0]
    @ np.array([[0., -1., 0.], [0., 0., -1.], [1., 0., 0.]]),
    [[-.02], [-.1], [-.3]]
])
LABELS = {
    '000000': [
        'Car 0.00 0 1.85 100.50 40.25 160.75 80.50 1.50 1.60 4.00 '
        '-1.50 1.20 9.00 1.70',
        'Van 0.10 1 -1.50 10.00 30.00 60.00 70.00 2.10 1.90 5.10 '
        '-7.00 1.50 12.00 -2.00',
        'Pedestrian 0.00 2 0.30 200.00 30.00 215.00 80.00 1.75 0.60 0.80 '
        '2.50 1.30 8.00 0.60',
        'Truck 0.00 0 -1.00 250.00 10.00 310.00 60.00 3.20 2.50 9.00 '
        '9.00 1.60 20.00 -0.60',
        'DontCare -1 -1 -10 280.00 40.00 319.00 60.00 -1 -1 -1 '
        '-1000 -1000 -1000 -10'
    ],
    '000001': [],
    '000002': [
        'Cyclist 0.00 0 0.50 140.00 20.00 170.00 75.00 1.70 0.50 1.80 '
        '0.20 1.30 7.00 0.53',
        'DontCare -1 -1 -10 1.00 1.00 30.00 90.00 -1 -1 -1 '
        '-1000 -1000 -1000 -10',
        'Person_sitting 0.60 3 0.10 200.00 50.00 214.00 70.00 1.20 0.50 '
        '0.60 3.10 1.40 11.00 0.37',
        'Pedestrian 0.00 3 0.10 220.00 30.00 234.00 70.00 1.70 0.50 '
        '0.60 4.10 1.40 11.00 0.45',
        'Car 0.00 0 0.10 230.00 40.00 255.00 65.00 1.50 1.60 3.90 '
        '9.10 1.40 25.00 0.45'
    ],
    '000003': [
        'Car 0.55 0 -1.90 260.00 30.00 319.00 95.00 1.40 1.60 3.80 '
        '3.80 1.20 5.00 -1.25'
    ],
}
TEST_IDS = ('000000', '000001')


def _matrix(values: np.ndarray) -> str:
    return ' '.join(repr(v) for v in np.ravel(values).tolist())


def write_kitti(root: Path, lists: dict[str, str] | None = None) -> Path:
    """Write four labelled frames and two test frames.

    Args:
        root (Path): Gets ``training/``, ``testing/`` and ``ImageSets/``.
        lists (dict, optional): Frame ids, separated by blanks, of each list.
    """
    rng = np.random.default_rng(0)
    frames = [('training', i) for i in LABELS] + [('testing', i)
                                                  for i in TEST_IDS]
    for folder, frame_id in frames:
        base = root / folder
        for kind in ('image_2', 'calib', 'velodyne'):
            (base / kind).mkdir(parents=True, exist_ok=True)
        image = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8)
        assert cv2.imwrite(str(base / f'image_2/{frame_id}.png'), image)
        (base / f'calib/{frame_id}.txt').write_text(
            f'P0: {_matrix(np.eye(3, 4))}\nP2: {_matrix(P2)}\n'
            f'R0_rect: {_matrix(R0)}\nTr_velo_to_cam: {_matrix(TR)}\n')
        points = rng.uniform((-5, -10, -2, 0), (30, 10, 1.5, 1), (4000, 4))
        points.astype(np.float32).tofile(base / f'velodyne/{frame_id}.bin')
    (root / 'training/label_2').mkdir()
    for frame_id, lines in LABELS.items():
        (root / f'training/label_2/{frame_id}.txt').write_text(''.join(
            f'{line}\n' for line in lines))
    (root / 'ImageSets').mkdir()
    lists = lists or {
        'train': '000000 000002', 'val': '000001 000003',
        'test': '000000 000001'
    }
    for split, ids in lists.items():
        (root / f'ImageSets/{split}.txt').write_text('\n'.join(ids.split()))
    return root
