"""Draw what the depth branch of a monocular student learns and doubts.

    python tools/analysis_tools/browse_depth_branch.py \\
        configs/monommkd/mmkd_tiny.py work_dirs/mmkd_tiny/epoch_20.pth OUT

Of each frame: boxes in the picture, the depth that the teacher sees, the
target of the branch, its uncertainty U, and boxes from above. Needs a
checkpoint of the training, epoch_*.pth: the best one holds the student alone.
"""
import argparse
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmengine.runner import checkpoint as checkpoints

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.families import family_of
from mmxkd.families.base import Step
from mmxkd.io.atomic import write_bytes
from mmxkd.io.escape import escape
from mmxkd.io.images import encode_image
from mmxkd.losses import DepthBranchDualKLLoss, depth_uncertainty
from mmxkd.losses.depth.targets import depth_target
from mmxkd.recording.hook_points import parse
from mmxkd.recording.tape import Tape
from mmxkd.registry import DATASETS, MODELS
from mmxkd.visualization.depth_branch import (
    DepthBranchFrame,
    Outlines,
    draw_depth_branch,
)
from mmxkd.visualization.solid_boxes import SolidBoxes, solid_boxes_of


def parse_args(argv=None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='of the distillation')
    parser.add_argument('checkpoint', type=launch.existing_file,
                        help='epoch_*.pth of its training')
    parser.add_argument('out', type=Path, help='folder for the pictures')
    parser.add_argument(
        '--frames', nargs='+', type=int, default=[0, 1, 2],
        help='indices in the training set '
        '(default: %(default)s)')
    parser.add_argument(
        '--score', type=float, default=0.2,
        help='least score of a box of the student '
        '(default: %(default)s)')
    parser.add_argument('--data-root', help='instead of that of the config')
    return parser.parse_args(argv)


def branch_of(model: Any) -> tuple[Any, str]:
    """The loss with a depth branch, and where the branch reads."""
    for bound in model.distiller.losses.values():
        if isinstance(bound.module, DepthBranchDualKLLoss):
            address = bound.inputs.readings['depth_feature'].address
            return bound.module, address.removeprefix('student:')
    raise ConfigError('model.distiller: no loss is a DepthBranchDualKLLoss')


def load(cfg: Config, path: str) -> Any:
    """The whole algorithm in eval mode; its teachers stay as they are."""
    model: Any = MODELS.build(cfg.model)
    content = checkpoints.CheckpointLoader.load_checkpoint(
        path, map_location='cpu')
    state = content.get('state_dict', content)
    if not any(name.startswith('distiller.') for name in state):
        raise CheckpointError(
            f'{path} holds no distiller: take an epoch_*.pth '
            'of the training')
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        raise CheckpointError(f'{path} does not fit the config. '
                              f'{error}') from error
    return model.eval()


def plain_test(pipeline: list) -> list:
    """A pipeline of training without what draws."""
    drawn = ('RandomFlip3D', 'ClippedNormalShiftScale', 'ColourJitter')

    def kind(step: dict) -> str:
        return step['type'].split('.')[-1]

    found = [step for step in pipeline if kind(step) not in drawn]
    if not {'AffineResize', 'Resize'} & {kind(step) for step in found}:
        # Heads of mmdet3d read the scale of the picture where they predict.
        found.insert(-1, dict(type='mmxkd.Resize', scale_factor=1.0))
    return found


@torch.no_grad()
def frame_of(model: Any, sample: dict, score: float) -> DepthBranchFrame:
    """Run the student and its branch on one packed sample."""
    loss, address = branch_of(model)
    student = model.student
    data = student.data_preprocessor(pseudo_collate([sample]), False)
    tape = Tape(student, 'student')
    point = parse(address, student, 'student')
    tape.add(point)
    with tape.listen():
        found = student.predict(data['inputs'], data['data_samples'])[0]
    own = sample['data_samples']
    # As in training, padding and all.
    family = family_of(student)
    step = Step(student, data['data_samples'], torch.device('cpu'))
    depth = family.serve('depth', step)
    focal = family.serve('input_focal', step)
    logits = loss.branch(tape.read(point))
    target = depth_target('branch', loss.bins, logits,
                          loss.seen_depth(depth, focal), loss.downsample)
    doubt = depth_uncertainty(logits, target, target < loss.bins.number,
                              'hard')
    seen = found.pred_instances_3d
    seen = seen[seen.scores_3d >= score]
    found.gt_instances_3d = seen
    picture = sample['inputs']['img'].permute(1, 2, 0).numpy()
    # The axis is scaled as the focal length is.
    camera = np.asarray(own.metainfo['cam2img'])
    axis = focal.item() / camera[0][0] * camera[0][2]
    return DepthBranchFrame(
        np.ascontiguousarray(picture[..., ::-1]).astype(np.uint8),
        own.gt_depth.data[0].numpy(), target[0].numpy(), loss.bins.number,
        doubt[0, 0].numpy(), outlines(solid_boxes_of(own, 4)),
        outlines(solid_boxes_of(found, 4)), (focal.item(), float(axis)),
        depth.shape[-2:])


def outlines(boxes: SolidBoxes) -> Outlines:
    """Edges in the picture, and the bottom seen from above."""
    corners = boxes.corners
    if not len(corners):
        return Outlines()
    # y points down: the four corners with the largest are the bottom.
    order = np.argsort(-corners[..., 1], axis=1)[:, :4]
    bottom = np.take_along_axis(corners, order[..., None], 1)[..., [0, 2]]
    middle = bottom.mean(1, keepdims=True)
    angle = np.arctan2(*(bottom - middle).transpose(2, 0, 1))
    around = np.take_along_axis(bottom, np.argsort(angle, 1)[..., None], 1)
    return Outlines(boxes.edges, np.concatenate([around, around[:, :1]], 1))


def main(argv=None) -> None:
    """Run the command."""
    args = parse_args(argv)
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.default_scope)
    dataset = cfg.train_dataloader.dataset
    while 'dataset' in dataset:  # repeated, or balanced
        dataset = dataset.dataset
    if args.data_root:
        dataset.data_root = args.data_root
    dataset.pipeline = plain_test(dataset.pipeline)
    model = load(cfg, args.checkpoint)
    data: Any = DATASETS.build(dataset)
    for index in args.frames:
        if not 0 <= index < len(data):
            raise ConfigError(f'--frames {index}: there are {len(data)}')
        sample = data[index]
        name = Path(sample['data_samples'].metainfo['img_path']).stem
        picture = draw_depth_branch(frame_of(model, sample, args.score), name)
        path = args.out / f'{name}.png'
        write_bytes(path, encode_image(picture[..., ::-1], '.png'))
        print(path)


if __name__ == '__main__':
    try:
        main()
    except (CheckpointError, ConfigError, OSError) as error:
        raise SystemExit(f'error: {escape(error)}') from None
