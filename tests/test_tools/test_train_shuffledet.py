"""Teacher, then imitation, by the commands that a user types."""
import json
import os
import re

import pytest
import torch
from mmdet.apis import init_detector

from tests.helpers.forked import main_of, run_forked, run_ranks
from tests.helpers.kitti_tree import write_kitti

CONFIG = 'configs/fine_grained/shuffledet_{}_kitti_tiny.py'


def options(data, epochs=1):
    found = [
        f'train_cfg.max_epochs={epochs}', 'train_cfg.val_interval=1',
        'default_hooks.checkpoint.interval=1',
        'default_hooks.logger.interval=1', 'train_dataloader.batch_size=2'
    ]
    for name in ('train', 'val', 'test'):
        found += [f'{name}_dataloader.dataset.data_root={data}/']
    return found + [
        f'{name}_evaluator.ann_file={data}/kitti_infos_val.json'
        for name in ('val', 'test')
    ]


@pytest.mark.slow
def test_teacher_then_student(repo, tmp_path, tool):
    data = write_kitti(tmp_path / 'kitti')
    tool('dataset_converters/kitti.py', data)
    teacher = tmp_path / 'teacher'
    tool('train.py', repo / CONFIG.format('x1'), '--work-dir', teacher,
         '--cfg-options', *options(data))
    (checkpoint, ) = teacher.glob('epoch_1.pth')
    runs = []
    for name in ('whole', 'resumed'):
        work = tmp_path / name
        runs.append(work)
        given = ['--work-dir', work]
        if name == 'resumed':
            work.mkdir()
            (work / 'epoch_1.pth').write_bytes(
                (runs[0] / 'epoch_1.pth').read_bytes())
            (work / 'last_checkpoint').write_text('epoch_1.pth')
            given += ['--resume']
        tool('train.py', repo / CONFIG.format('x05_imitation'), *given,
             '--cfg-options', *options(data, 2), 'train_cfg.val_interval=2',
             'default_hooks.checkpoint.max_keep_ckpts=3',
             f'model.teachers.x1.checkpoint={checkpoint}')
    whole, resumed = (torch.load(work / 'epoch_2.pth',
                                 weights_only=True)['state_dict']
                      for work in runs)
    assert whole.keys() == resumed.keys()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    (log, ) = runs[0].glob('*/vis_data/scalars.json')
    rows = [json.loads(line) for line in log.read_text().splitlines()]
    first = rows[0]
    terms = [
        first[name] for name in ('loss_cls', 'loss_conf', 'loss_bbox',
                                 'distill/loss_imitation')
    ]
    assert all(term > 0 for term in terms) and first['loss_decay'] > 0
    # The decay is a part of the gradient, and not of the sum.
    assert first['loss'] == pytest.approx(sum(terms), rel=1e-3)
    assert any('kitti/Overall_bbox_AP40_moderate_strict' in row
               for row in rows)
    # The student alone: no teacher, and the adapter beside it.
    assert {n.split('.')[0]
            for n in whole} == {'backbone', 'bbox_head', 'distiller'}
    model = init_detector(str(repo / CONFIG.format('x05')),
                          str(runs[0] / 'epoch_2.pth'), device='cpu')
    assert torch.equal(model.bbox_head.conv_det.weight,
                       whole['bbox_head.conv_det.weight'])


@pytest.mark.slow
def test_two_processes_without_a_gpu(repo, tmp_path, free_port):
    """sync_bn of the config works on GPUs alone."""
    data = write_kitti(tmp_path / 'kitti')
    convert = main_of(repo / 'tools/dataset_converters/kitti.py', data)
    done = run_forked(convert, tmp_path / 'converted')
    assert done.code == 0, done.output[-3000:]
    train = main_of(repo / 'tools/train.py', repo / CONFIG.format('x05'),
                    '--work-dir',
                    tmp_path / 'run', '--launcher', 'pytorch', '--cfg-options',
                    *options(data, 2), 'train_cfg.val_interval=2',
                    'train_dataloader.batch_size=1',
                    'env_cfg.dist_cfg.timeout=60')

    def rank():
        torch.set_num_threads(1)
        train()
        torch.distributed.barrier()
        # A process group that is freed may wait for ever, see ddp_heads.py.
        os._exit(0)

    done = run_ranks(
        rank, 2, tmp_path / 'log', timeout=200,
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port),
        cwd=repo)
    assert [d.code for d in done] == [0, 0], done[0].output[-3000:]
    saved = torch.load(tmp_path / 'run/epoch_2.pth', weights_only=True)
    state = saved['state_dict']
    norms = [n for n in state if n.endswith('num_batches_tracked')]
    # Two frames, one for each process and step.
    assert saved['meta']['iter'] == 2
    assert norms and {int(state[name]) for name in norms} == {2}
    said = re.findall(
        r'SyncBatchNorm works on GPUs alone: (\d+) layers, the '
        r'first of them backbone.conv1.bn', done[0].output)
    assert said == [str(len(norms))]
