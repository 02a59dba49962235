"""Pictures of KITTI frames with labels and LiDAR depth."""
import importlib.util

import cv2
import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.kitti import KittiCalibration, write_calibration, write_scan

LABEL = 'Car 0 0 0.3 40 20 90 60 1.5 1.6 3.9 0 1.7 12.0 0.2\n'


@pytest.fixture
def folder(tmp_path):
    """Four frames of 128x64 before a wall at 12 m."""
    folder = tmp_path / 'training'
    for name in ('image_2', 'label_2'):
        (folder / name).mkdir(parents=True)
    calibration = KittiCalibration(
        P2=np.array([[60., 0, 64, 0], [0, 60, 32, 0], [0, 0, 1, 0]]),
        R0_rect=np.eye(3), Tr_velo_to_cam=np.array([[0, -1, 0,
                                                     0], [0, 0, -1, 0],
                                                    [1, 0, 0, 0]]))
    y, z = np.meshgrid(np.linspace(-12, 12, 40), np.linspace(-3, 3, 10))
    wall = np.stack([np.full(y.shape, 12.), y, z, y * 0], -1).reshape(-1, 4)
    for i in range(4):
        cv2.imwrite(str(folder / f'image_2/{i:06d}.png'),
                    np.full((64, 128, 3), 40, np.uint8))
        (folder / f'label_2/{i:06d}.txt').write_text(LABEL)
        write_calibration(folder / f'calib/{i:06d}.txt', calibration)
        write_scan(folder / f'velodyne/{i:06d}.bin', wall)
    return folder


@pytest.fixture
def browse(repo, folder, tmp_path):
    """The command, drawing frames of the folder to ``out``."""
    path = repo / 'tools/analysis_tools/browse_kitti.py'
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    out = tmp_path / 'out'

    def run(*args):
        module.main([str(folder), str(out), *args])
        return sorted(out.iterdir())

    return run


def test_frames_are_drawn(browse, capsys):
    pictures = browse('--number', '2')
    assert [path.name for path in pictures] == ['000000.png', '000003.png']
    assert capsys.readouterr().out.split() == [str(p) for p in pictures]
    picture = cv2.imread(str(pictures[0]))[..., ::-1]
    yellow = (np.abs(picture.astype(int) - (240, 228, 66)) < 40).all(axis=2)
    assert np.count_nonzero(yellow) > 200


def test_folder_without_labels(browse, folder):
    for path in (folder / 'label_2').iterdir():
        path.unlink()
    (folder / 'label_2').rmdir()
    assert [p.name for p in browse('--frames', '000002')] == ['000002.png']


def test_errors_name_the_file(browse, folder, tmp_path):
    with pytest.raises(
            ConfigError, match="--frames: '00002' is not in.*"
            "did you mean '000002'"):
        browse('--frames', '00002')
    with pytest.raises(ConfigError, match='--number 0: expected 1 or more'):
        browse('--number', '0')
    with pytest.raises(ConfigError, match='--max-depth 0.0: expected metres'):
        browse('--max-depth', '0')
    (folder / 'velodyne/000001.bin').write_bytes(bytes(20))
    with pytest.raises(CorruptSampleError,
                       match='velodyne/000001.bin: has 20 bytes'):
        browse('--frames', '000001')
    assert not (tmp_path / 'out').exists()
