"""What an experiment measures: a file per benchmark."""
from .base import Benchmark
from .coco_boxes import CocoBoxes
from .kitti_boxes import KittiBoxes
from .kitti_cars_3d import KittiCars3D
from .sound_boxes import SoundBoxes
from .voc_boxes import VocBoxes

COCO_BOXES = CocoBoxes()
#: By the word for ``benchmark`` in the config of an experiment.
BENCHMARKS: dict[str, Benchmark] = dict(coco_boxes=COCO_BOXES,
                                        voc_boxes=VocBoxes(),
                                        kitti_boxes=KittiBoxes(),
                                        kitti_cars_3d=KittiCars3D(),
                                        sound_boxes=SoundBoxes())

__all__ = ['BENCHMARKS', 'COCO_BOXES', 'Benchmark']
