"""A few synthetic drives, by the commands of the docs, for short trainings."""
import json
from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from tests.helpers.commands import load_tool

FOLDER = 'configs/mm_distillnet'


def draw_drives(repo: Path, root: Path) -> Path:
    """Twelve frames to train on, six to validate and six to test with.

    ``annotations/train_truth.json`` is there for teachers.
    """
    tools = {
        name: load_tool(repo / f'tools/dataset_converters/{name}.py').main
        for name in ('synthetic_sound', 'mavd')
    }
    tools['synthetic_sound']([
        str(root), '--train', '4', '--val', '2', '--test', '2', '--frames',
        '3', '--num-workers', '1'
    ])
    tools['mavd']([
        str(root), '--sample-rate', '16000', '--columns', 'all', '--workers',
        '1', '--label-train'
    ])
    return root


def write_pseudo_labels(root: Path) -> dict[str, int]:
    """All true boxes of the frames to train on, with scores, but for one
    frame in which the teachers find nothing. The number of each frame.
    """
    truth = json.loads((root / 'truth.json').read_text())
    index = json.loads((root / 'annotations/train.json').read_text())
    ids = {i['id']: i['frame_id'] for i in truth['images']}
    own = {i['frame_id']: i['id'] for i in index['images']}
    boxes, counts = [], dict.fromkeys(own, 0)
    for k, box in enumerate(truth['annotations']):
        name = ids[box['image_id']]
        if name in own and name != index['images'][1]['frame_id']:
            boxes.append(dict(box, image_id=own[name], id=k, score=0.75))
            counts[name] += 1
    index.update(annotations=boxes,
                 info=dict(teacher=dict(config='three_teachers.py')))
    (root / 'annotations/train_pseudo.json').write_text(json.dumps(index))
    return counts


def on_drives(path: Path, root: Path, work_dir: Path) -> Config:
    """A config of one epoch on such drives; it does not validate by itself."""
    cfg = Config.fromfile(path)
    # A run writes its config four times, and yapf takes a second for each.
    cfg = Config(cfg.to_dict(), filename=cfg.filename,
                 format_python_code=False)
    for split in ('train', 'val', 'test'):
        cfg[f'{split}_dataloader'].dataset.data_root = str(root)
    evaluators = cfg.test_evaluator
    for entry in evaluators if isinstance(evaluators, list) else [evaluators]:
        if 'ann_file' in entry:
            entry.ann_file = str(root / 'annotations/test_truth.json')
    cfg.work_dir = str(work_dir)
    cfg.train_cfg = dict(type='EpochBasedTrainLoop', max_epochs=1, val_begin=9)
    cfg.log_level = 'ERROR'
    return cfg


def teacher_to_learn_from(cfg: Config, path: Path) -> Path:
    """Write a teacher's config by which it finds three boxes in each frame,
    however little it has learned.
    """
    cfg.model.test_cfg.update(score_thr=0., max_per_img=3)
    cfg.dump(path)
    return path


def student_of(path: Path, root: Path, work_dir: Path,
               teachers: Mapping[str, tuple[Path, Path]]) -> Config:
    """A distilled config on such drives; batches of four frames.

    Args:
        path (Path): The config.
        root (Path): The drives.
        work_dir (Path): Of the run.
        teachers (dict): Camera → config, and checkpoint or its folder.
    """
    cfg = on_drives(path, root, work_dir)
    cfg.train_dataloader.batch_size = 4
    for camera, teacher in cfg.model.teachers.items():
        teacher.cfg, teacher.checkpoint = map(str, teachers[camera])
    for part in cfg.model.distiller.labels.boxes.teachers.values():
        part.score_thr = 0.
    # So little trained, it is sure of nothing.
    cfg.model.student.test_cfg.score_thr = 0.
    return cfg
