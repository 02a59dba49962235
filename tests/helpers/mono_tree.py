"""Info files of folders that have no scans."""
import json
from pathlib import Path

import numpy as np

from mmxkd.formats.kitti import read_calibration, read_labels
from mmxkd.formats.kitti.frame_info import frame_info, metainfo_of
from mmxkd.formats.kitti.layout import png_size


def write_infos_of(root: Path, split: str, path: Path) -> Path:
    """Infos of all frames in ``root/training``, as the converter's."""
    folder = root / 'training'
    infos = []
    for label in sorted((folder / 'label_2').glob('*.txt')):
        frame_id = label.stem
        infos.append(
            frame_info(frame_id, png_size(folder / f'image_2/{frame_id}.png'),
                       read_calibration(folder / f'calib/{frame_id}.txt'),
                       np.zeros((0, 4), np.float32),
                       read_labels(folder / 'label_2', [frame_id])))
    path.write_text(
        json.dumps(dict(metainfo=metainfo_of(split), data_list=infos)))
    return path
