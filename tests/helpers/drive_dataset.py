"""Synthetic drives as a dataset of wav files, for tests of what follows."""
import json
import os.path as osp

from mmdet.datasets import CocoDataset
from mmengine.registry import DATASETS

from mmxkd.formats.mavd.layout import audio_path, parse_id, picture_path


@DATASETS.register_module()
class WavDrives(CocoDataset):
    """``truth.json`` of a folder of drives, with all files of each frame."""

    METAINFO = dict(classes=('car', ), palette=[(0, 60, 255)])

    def load_data_list(self):
        with open(self.ann_file, encoding='utf-8') as file:
            names = {
                image['id']: image['frame_id']
                for image in json.load(file)['images']
            }
        data_list = super().load_data_list()
        for info in data_list:
            name = names[info['img_id']]
            frame = parse_id(name, self.ann_file)
            info.update(
                frame_id=name, drive=frame.drive, time=frame.time,
                audio_paths=[
                    osp.join(self.data_root, audio_path(frame, k, '.wav'))
                    for k in range(8)
                ],
                thermal_path=osp.join(self.data_root,
                                      picture_path('thermal', frame, '.png')))
        return data_list
