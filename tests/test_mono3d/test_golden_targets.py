"""From files to targets, against the data sets of DID-M3D and MonoSKD."""
from functools import cache

import numpy as np
import pytest
import torch
from mmengine.dataset import Compose
from mmengine.registry import init_default_scope

from mmxkd.mono3d import (
    Mono3DDataPreprocessor,
    MonoKittiDataset,
    MonoTargetEncoder,
)
from mmxkd.mono3d.mean_sizes import MEAN_SIZES
from mmxkd.mono3d.targets import draw_gaussians, gaussian_radius
from mmxkd.mono3d.transforms.flip import mirrored_camera
from tests.helpers.golden_mono import Golden
from tests.helpers.mono_tree import write_infos_of

SIZES = torch.tensor([MEAN_SIZES[n] for n in ('Pedestrian', 'Car', 'Cyclist')])
CLASSES = ('Pedestrian', 'Car', 'Cyclist')
KEYS = ('img', 'depth', 'gt_bboxes', 'gt_bboxes_labels', 'gt_bboxes_3d',
        'gt_labels_3d')
SLOTS = ('depth', 'size_2d', 'offset_2d', 'size_3d', 'offset_3d',
         'heading_bin', 'heading_res', 'vis_depth')


def pipeline(flip: bool) -> list[dict]:
    return [
        dict(type='LoadImageFromFileMono3D'),
        dict(type='mmxkd.LoadDepth', pad_to_img=True),
        dict(type='LoadAnnotations3D', with_bbox=True, with_label=True,
             with_bbox_3d=True, with_label_3d=True),
        dict(type='mmxkd.RandomFlip3D', projection='by_z',
             flip_ratio_bev_horizontal=float(flip)),
        SetCrop(),
        dict(type='mmxkd.AffineResize', img_scale=(1280, 384), down_ratio=4,
             depth='linear', released_range=True),
        dict(type='mmxkd.Pack3DDetInputs', keys=KEYS, depth_target=True),
    ]


class SetCrop:
    """The crop that the golden case has drawn."""
    crop: tuple | None = None

    def __call__(self, results: dict) -> dict:
        if self.crop is not None:
            scale, dx, dy = self.crop
            size = np.array(results['img'].shape[1::-1], float)
            results.update(center=size / 2 + size * [dx, dy],
                           size=size * scale)
        return results


def load_case(dataset: MonoKittiDataset, case: np.ndarray) -> dict:
    frame, flip, *crop = case.tolist()
    steps = pipeline(bool(flip))
    steps[4].crop = None if crop[0] < 0 else crop
    return Compose(steps)(dataset.get_data_info(int(frame)))


def line_numbers(folder, frame: int) -> list[int]:
    """The label line of each object of the classes."""
    path = folder / f'kitti_tree/training/label_2/{frame:06d}.txt'
    lines = path.read_text().splitlines()
    return [i for i, line in enumerate(lines) if line.split()[0] in CLASSES]


@cache
def compare(folder, infos) -> tuple[Golden, Golden]:
    init_default_scope('mmdet3d')
    golden, depths = Golden(folder, 'targets'), Golden(folder, 'teacher_depth')
    dataset = MonoKittiDataset(str(folder / 'kitti_tree'), str(infos),
                               data_prefix=dict(depth='training/depth_dense'),
                               metainfo=dict(classes=CLASSES))
    view = Mono3DDataPreprocessor(('depth', ), 'monoskd')
    colours = Mono3DDataPreprocessor(mean=[123.675, 116.28, 103.53],
                                     std=[58.395, 57.12, 57.375],
                                     bgr_to_rgb=True)
    encoder = MonoTargetEncoder(3, fill_holes=False)
    for i, case in enumerate(golden['cases_frame_flip_scale_shiftx_shifty']):
        packed = load_case(dataset, case)
        lines = line_numbers(folder, int(case[0]))
        compare_case(golden, f'case{i}_', packed, lines, encoder)
        batch = dict(inputs={k: [v] for k, v in packed['inputs'].items()},
                     data_samples=[packed['data_samples']])
        image = colours(dict(batch))['inputs']['imgs'][0]
        compare_picture(golden, f'case{i}_img', image, 0.005)
        depth = view(dict(batch))['inputs']['imgs'][0, 0]
        compare_picture(depths, f'case{i}_monoskd_depth', depth, 2e-6)
        boxes = np.zeros(depths[f'case{i}_box2d_gt'].shape)
        sample = packed['data_samples']
        kept = sample.gt_instances_3d.kept.numpy()
        rows = np.array(lines)[kept]
        boxes[rows] = sample.gt_instances.bboxes[kept].numpy()
        depths.check(f'case{i}_box2d_gt', boxes, 1e-6)
    return golden, depths


def compare_picture(golden: Golden, key: str, found: torch.Tensor,
                    bar: float) -> None:
    """By the mean difference: pixels at borders may differ by more."""
    expected = golden.arrays[f'{key}_at']
    own = found.double().numpy()
    shape = tuple(golden.arrays[f'{key}_shape'])
    golden.note(f'{key}_shape', own.shape != shape, 0.5)
    gap = np.abs(own.reshape(-1)[golden[f'{key}_idx']] - expected).mean()
    golden.note(f'{key}_at', gap, bar)
    sums = golden.arrays[f'{key}_sums']
    gap = np.abs(own).sum() - sums[1]
    golden.note(f'{key}_sums', abs(gap) / own.size, bar)


def compare_case(golden: Golden, start: str, packed: dict, lines: list[int],
                 encoder: MonoTargetEncoder) -> None:
    sample = packed['data_samples']
    meta = sample.metainfo
    matrix = np.diag([4, 4, 1]) @ meta['trans_mat']
    golden.check(f'{start}trans', matrix[:2], 1e-6)
    golden.check(f'{start}trans_inv', np.linalg.inv(matrix)[:2], 1e-6)
    camera = np.asarray(meta['cam2img'])[:3]
    camera = np.vstack([camera[:2], golden.arrays[f'{start}P2'][2]])
    golden.check(f'{start}P2', camera, 1e-3 / 700)
    golden.check(f'{start}coord_range', meta['crop_range'], 1e-6)
    golden.check(f'{start}img_size', np.array(meta['ori_shape'][::-1]))
    golden.check(f'{start}bbox_downsample_ratio',
                 np.array(meta['ori_shape'][::-1]) / [320, 96])

    found = encoder([sample], (96, 320), SIZES, 'by_z')
    where = found.heatmap[0].nonzero().numpy()
    expected = golden.arrays[f'{start}heatmap_nonzero_chw']
    # What is drawn with less than half of a step of float32 is 0 there.
    golden.note(
        f'{start}heatmap_nonzero_chw',
        float(len(where) != len(expected) or (where != expected).any()), 0.0)
    at = tuple(torch.from_numpy(expected.astype(int)).T)
    golden.check(f'{start}heatmap_values', found.heatmap[0][at], 1e-6)

    kept = sample.gt_instances_3d.kept
    rows = row_slots(found, sample, kept, lines)
    mask = np.zeros(golden.arrays[f'{start}mask_2d'].shape, np.uint8)
    mask[rows] = 1
    golden.check(f'{start}mask_2d', mask)
    order = torch.tensor(rows)

    def slots(values: torch.Tensor, like: np.ndarray) -> np.ndarray:
        whole = np.zeros(like.shape, values.numpy().dtype)
        whole[order] = values.numpy().reshape(len(values), *like.shape[1:])
        return whole

    for key, values in (('indices', found.cells.index), ('cls_ids',
                                                         found.cells.label)):
        golden.check(start + key, slots(values, golden.arrays[start + key]))
    z = found.depth[:, None, None]
    valid = found.depth_valid
    wanted = golden.arrays[f'{start}depth_mask']
    other = slots(valid, wanted) != wanted
    golden.note(f'{start}depth_mask', other.mean(), 1 / 200)
    compare_regions(golden, start, 'vis_depth', slots(found.vis_depth, wanted),
                    other)
    # Unlike the original's, where a cell is not valid it is 0.
    compare_regions(golden, start, 'att_depth',
                    slots((z - found.vis_depth) * valid, wanted),
                    other | ~wanted)
    for key in SLOTS[:-1]:
        values = getattr(found, key)
        expected = golden.arrays[start + key]
        own = slots(values, expected)
        if key == 'heading_bin':
            golden.check(start + key, own)
        else:
            golden.note(start + key, np.abs(own - expected).max(), 2e-4)


def compare_regions(golden: Golden, start: str, key: str, own: np.ndarray,
                    other: np.ndarray) -> None:
    gap = np.abs(own - golden.arrays[start + key])
    golden.note(start + key, gap[~other].max(initial=0), 2e-3)


def row_slots(found, sample, kept, lines) -> list[int]:
    """The label line of each row: by its depth and label box."""
    rows = []
    bottom = sample.gt_instances_3d.bboxes_3d.tensor
    for z, size in zip(found.depth, found.size_2d, strict=True):
        boxes = sample.gt_instances.bboxes
        extent = (boxes[:, 2:] - boxes[:, :2]) / 4
        near = (bottom[:, 2] - z).abs() + (extent - size).abs().sum(1)
        rows.append(lines[int((near + 1e9 * ~kept).argmin())])
    return rows


@pytest.fixture(scope='module')
def infos(mono_golden, tmp_path_factory):
    folder = tmp_path_factory.mktemp('mono_infos')
    return write_infos_of(mono_golden / 'kitti_tree', 'train',
                          folder / 'kitti_infos_train.json')


@pytest.mark.parametrize('case', range(6))
def test_golden_targets(mono_golden, infos, case):
    compare(mono_golden, infos)[0].assert_good(f'case{case}_')


@pytest.mark.parametrize('case', range(6))
def test_golden_teacher_depth(mono_golden, infos, case):
    compare(mono_golden, infos)[1].assert_good(f'case{case}_')


def test_golden_targets_use_the_whole_file(mono_golden, infos):
    for golden in compare(mono_golden, infos):
        assert not set(golden.arrays) - golden.used, golden.name


def test_a_mirrored_camera_sees_the_mirrored_scene(mono_golden):
    golden = Golden(mono_golden, 'losses_decode')
    exact = mirrored_camera(golden['calib_P2'], 1242, 'exact')
    points = np.random.default_rng(0).uniform([-9, -2, 4, 1], [9, 2, 60, 1],
                                              (50, 4))
    points[:, 3] = 1
    q = points @ golden['calib_P2'].astype(float).T
    r = points * [-1, 1, 1, 1] @ exact.T
    assert np.abs(1242 - q[:, 0] / q[:, 2] - r[:, 0] / r[:, 2]).max() < 1e-9


def test_a_gaussian_of_radius_0_marks_its_cell():
    drawn = torch.zeros(1, 4, 5)
    draw_gaussians(drawn, torch.tensor([[3, 1]]), torch.tensor([0]),
                   gaussian_radius(torch.tensor([[.1, .1]])).long())
    assert drawn.nonzero().tolist() == [[0, 1, 3]] and drawn.max() == 1
