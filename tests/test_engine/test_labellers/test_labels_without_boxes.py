"""Steps in which teachers find nothing, alone and on one of two processes."""
import os
from types import SimpleNamespace

import pytest
import torch
from mmengine.model import MMDistributedDataParallel
from mmengine.structures import InstanceData

from mmxkd.engine.hooks import LabelSourcesHook
from mmxkd.registry import MODELS
from tests.helpers.detectors import narrow, pictures
from tests.helpers.forked import run_ranks
from tests.helpers.toys import Toy, toy

NAMES = ('rgb', 'depth', 'thermal')


class Finder(Toy):
    """Finds one box in each picture, or in none where it is blind."""

    blind = False

    def predict(self, inputs, data_samples, rescale=True):
        count = 0 if self.blind else 1
        for sample in data_samples:
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor([[8., 8., 40., 40.]])[:count],
                scores=torch.tensor([.9])[:count],
                labels=torch.tensor([1])[:count])
        return data_samples


def build(head='negative', labels='negative'):
    """A student with EfficientDet's head, and three teachers."""
    torch.manual_seed(0)
    student = narrow('retinanet')
    student.train_cfg = student.test_cfg = None
    student.neck.start_level, student.neck.add_extra_convs = 1, 'on_output'
    student.bbox_head = dict(type='mmxkd.EfficientDetHead', num_classes=3,
                             in_channels=16, stacked_convs=1, empty=head)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=student, dry_run=False,
            teachers={
                name: dict(cfg=toy() | dict(type=Finder), random=True)
                for name in NAMES
            }, distiller=dict(labels=dict(
                boxes=dict(type='mmxkd.FusedTeacherLabels', empty=labels,
                           teachers={name: {} for name in NAMES})))))
    model.init_weights()
    return model.train()


def blind(model, is_blind):
    for teacher in model.teachers.values():
        teacher.model.blind = is_blind


def losses(model, wrapped=None):
    data = pictures()
    for sample in data['data_samples']:
        sample.set_metainfo(dict(labelled=False))
        del sample.gt_instances
    seen = model.data_preprocessor(data, True)
    total, logs = model.parse_losses((wrapped or model)(**seen, mode='loss'))
    assert all(torch.isfinite(value) for value in logs.values()), logs
    return total, seen['data_samples']


def gradient(model):
    model.zero_grad()
    total, samples = losses(model)
    total.backward()
    grads = [p.grad for p in model.student.parameters() if p.requires_grad]
    assert all(g is not None and torch.isfinite(g).all() for g in grads)
    return sum(float(g.abs().sum()) for g in grads), samples


@pytest.mark.parametrize('head, learns', [('negative', True), ('skip', False),
                                          ('published', False)])
def test_a_batch_in_which_nobody_finds_anything(head, learns):
    model = build(head)
    blind(model, True)
    amount, samples = gradient(model)
    assert (amount > 0) == learns
    for sample in samples:
        assert sample.label_source == 'teacher'
        assert sample.gt_instances.bboxes.shape == (0, 4)


def test_skipped_frames_teach_any_detector_nothing():
    model = build(labels='skip')
    hook = LabelSourcesHook(dict(unlabelled=0))
    loader = SimpleNamespace(sampler=None, batch_sampler=None)
    hook.before_train(
        SimpleNamespace(model=model, train_dataloader=loader, train_loop=None))
    amount, samples = gradient(model)
    assert amount > 0
    assert [s.label_source for s in samples] == ['teacher'] * 2
    blind(model, True)
    amount, samples = gradient(model)
    assert amount == 0
    assert [s.label_source for s in samples] == ['unlabelled'] * 2
    hook.after_train(None)
    assert gradient(model)[0] > 0


def train_two():
    """Two steps of each kind of head; only the second process sees."""
    torch.set_num_threads(1)
    torch.distributed.init_process_group('gloo')
    rank = torch.distributed.get_rank()
    for head in ('negative', 'skip', 'published'):
        model = build(head)
        blind(model, rank == 0)
        before = [p.clone() for p in model.student.parameters()]
        wrapped = MMDistributedDataParallel(model, broadcast_buffers=False)
        optimizer = torch.optim.SGD(model.parameters(), 1e-2)
        for _ in range(2):
            optimizer.zero_grad()
            losses(model, wrapped)[0].backward()
            optimizer.step()
        moved = [
            (a - b).abs().sum().item()
            for a, b in zip(model.student.parameters(), before, strict=True)
        ]
        assert sum(moved) > 0
        total = sum(p.double().abs().sum().item() for p in model.parameters())
        with open(f'rank_{rank}.txt', 'a') as file:
            file.write(f'{head} {total:.12f}\n')
    torch.distributed.barrier()
    # A process group that is freed may wait for ever, see ddp_heads.py.
    os._exit(0)


def test_two_processes_of_which_one_finds_nothing(tmp_path, free_port):
    """Neither waits for the other's gradients, and both learn the same."""
    done = run_ranks(
        train_two, 2, tmp_path / 'log', timeout=200,
        environment=dict(MASTER_ADDR='127.0.0.1', MASTER_PORT=free_port),
        cwd=tmp_path)
    assert [d.code for d in done] == [0, 0], done[0].output
    one, other = ((tmp_path / f'rank_{rank}.txt').read_text()
                  for rank in (0, 1))
    assert one == other and len(one.splitlines()) == 3
