"""On a GPU: ``CUDA_VISIBLE_DEVICES=0 python -m pytest tests/test_cuda.py``.

Every loss against the CPU, in half precision and under autocast; every
detector with a loss, also with AMP; mmcv's operators; and the tools, which
take the GPU by themselves.
"""
import os
import subprocess
import sys
from dataclasses import is_dataclass
from types import SimpleNamespace

import pytest
import torch
from mmcv.ops import nms, roi_align
from mmengine.optim import AmpOptimWrapper

from mmxkd.errors import ConfigError
from tests.helpers import loss_matrix
from tests.helpers.loss_case import Draw, all_cases, map_tensors, tensors
from tests.helpers.stacks import needs
from tests.helpers.tiny_detectors import DETECTORS, batch
from tests.helpers.tiny_run import write_config, write_data, write_distilled

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(),
                                reason='there is no GPU')

CASES = [pytest.param(case, id=case.name) for case in all_cases()]


@pytest.fixture(autouse=True)
def exact():
    """TF32 has the precision of neither float32 nor float16."""
    before = torch.backends.cudnn.allow_tf32
    torch.backends.cudnn.allow_tf32 = False
    yield
    torch.backends.cudnn.allow_tf32 = before


# The tools come first: they take longest. Of them, what no GPU has run yet:
# NCCL, and bfloat16.
@pytest.fixture(scope='module')
def pair(repo, run_python, tmp_path_factory):
    """A teacher that was trained on the GPU, and the config of its student."""
    folder = tmp_path_factory.mktemp('gpu')
    write_data(folder / 'data')
    teacher = write_config(folder / 'teacher.py', folder / 'data', channels=12)
    done = run_python(repo / 'tools/train.py', teacher, '--work-dir',
                      folder / 'teacher')
    assert torch.cuda.get_device_name() in done.stdout + done.stderr
    student = write_config(folder / 'student.py', folder / 'data')
    write_distilled(folder / 'kd.py', student, teacher,
                    folder / 'teacher/epoch_3.pth')
    return folder


@pytest.mark.slow
def test_one_process_of_nccl(repo, pair, tmp_path, free_port):
    done = subprocess.run([
        'bash', 'tools/dist_train.sh', pair / 'kd.py', '1', '--work-dir',
        tmp_path
    ], cwd=repo, capture_output=True, text=True, env=dict(
        os.environ, PORT=free_port, PATH=os.pathsep.join(
            [os.path.dirname(sys.executable), os.environ['PATH']])))
    assert done.returncode == 0, done.stdout + done.stderr
    assert (tmp_path / 'epoch_3.pth').is_file()


@pytest.mark.slow
@pytest.mark.parametrize('options', [('--amp', 'bf16'), ('--amp', ), ()],
                         ids=' '.join)
def test_distil_resume_and_test(repo, run_python, pair, tmp_path, options):
    """The second half resumes the first; the file is the student's."""
    train = [repo / 'tools/train.py', pair / 'kd.py', '--work-dir', tmp_path]
    run_python(*train, *options, '--cfg-options', 'train_cfg.max_epochs=2')
    run_python(*train, *options, '--resume')
    saved = torch.load(tmp_path / 'epoch_3.pth', weights_only=True)
    assert all(v.isfinite().all() for v in saved['state_dict'].values()
               if v.is_floating_point())
    done = run_python(repo / 'tools/test.py', pair / 'student.py',
                      tmp_path / 'epoch_3.pth', '--work-dir', tmp_path)
    assert 'coco/bbox_mAP' in done.stdout + done.stderr


def on_gpu(value):
    """The tensors in any nesting, as in a batch of a training step."""
    if isinstance(value, torch.Tensor):
        return value.cuda()
    if isinstance(value, (list, tuple)):
        return type(value)(on_gpu(v) for v in value)
    if isinstance(value, dict):
        return {k: on_gpu(v) for k, v in value.items()}
    if isinstance(value, SimpleNamespace):
        return SimpleNamespace(**on_gpu(vars(value)))
    assert not is_dataclass(value)
    return value


def value_and_gradient(case, arguments, gpu: bool):
    module = case.module()
    if gpu:
        module, arguments = module.cuda(), on_gpu(arguments)
    leaves = []

    def leaf(tensor):
        leaves.append(tensor.detach().clone().requires_grad_())
        return leaves[-1]

    for name in case.student:
        arguments[name] = map_tensors(leaf, arguments[name])
    torch.manual_seed(1)
    value = module(**arguments)
    value.backward()
    return value.detach(), [t.grad for t in leaves]


@pytest.mark.parametrize('case', CASES)
def test_a_loss_is_that_of_the_cpu(case):
    """Value and gradient, where nothing is drawn at random."""
    value, gradient = value_and_gradient(case, case.inputs(Draw()), False)
    found, gradient_found = value_and_gradient(case, case.inputs(Draw()), True)
    assert found.is_cuda and found.isfinite()
    # Dropout and random masks are drawn by the device itself.
    if case.name.startswith(('adv', 'mgd')):
        return
    torch.testing.assert_close(found.cpu(), value, rtol=1e-4, atol=1e-6)
    scale = max(g.abs().max().item() for g in gradient)
    for one, two in zip(gradient, gradient_found, strict=True):
        torch.testing.assert_close(two.cpu(), one, rtol=1e-3,
                                   atol=1e-4 * scale)


@pytest.mark.parametrize('case', CASES)
def test_autocast_changes_nothing(case):
    """As on the CPU: losses compute in float32."""
    arguments = on_gpu(case.inputs(Draw()))
    module = case.module().cuda()
    torch.manual_seed(1)
    plain = module(**arguments)
    for dtype in (torch.float16, torch.bfloat16):
        torch.manual_seed(1)
        with torch.autocast('cuda', dtype):
            value = module(**arguments)
        assert value.dtype == torch.float32
        torch.testing.assert_close(value, plain, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize('case', CASES)
def test_half_precision_is_finite(case):
    arguments = on_gpu(case.inputs(Draw()))
    for name in (*case.student, *case.teacher):
        arguments[name] = map_tensors(lambda t: t.half().requires_grad_(),
                                      arguments[name])
    value = case.module().cuda()(**arguments)
    value.backward()
    assert value.dtype == torch.float32 and value.isfinite()
    for name in case.student:
        assert all(t.grad.isfinite().all() for t in tensors(arguments[name])
                   if t.grad is not None)


@pytest.fixture(scope='module')
def registered():
    loss_matrix.quiet()


PAIRS = [(detector, 'FeatureMSE') for detector in DETECTORS] + [
    ('RetinaNet', loss) for loss in loss_matrix.FEATURES
] + [(detector, loss) for loss, detectors in loss_matrix.HEADS.items()
     for detector in detectors]


@pytest.mark.parametrize('detector, loss', PAIRS)
@pytest.mark.parametrize('amp', [False, True], ids=['float32', 'amp'])
def test_a_detector_learns(registered, detector, loss, amp):
    try:
        model = loss_matrix.build(detector, loss).cuda()
    except ConfigError:
        pytest.fail('the pair is refused')
    if not amp:
        loss_matrix.train(model)
        return
    optimizer = AmpOptimWrapper(
        optimizer=torch.optim.SGD(model.parameters(), 1e-3))
    data = model.data_preprocessor(batch(masks=model.student.with_mask), True)
    with optimizer.optim_context(model):
        losses = model(**data, mode='loss')
    value = losses['distill/loss_kd']
    assert value.is_cuda and value.isfinite()
    optimizer.update_params(model.parse_losses(losses)[0])


@pytest.mark.parametrize('depth', ['did', 'gup'])
def test_a_monocular_head_learns_with_amp(depth):
    """Its losses are those of float32 on the maps that AMP gives."""
    needs('mmdet3d')
    from mmengine.registry import init_default_scope

    from mmxkd.mono3d import MonoRoIHead
    from tests.helpers.mono_packed import make_sample, maps
    init_default_scope('mmdet3d')
    torch.manual_seed(0)
    head = MonoRoIHead(in_channels=8, feat_channels=8, depth=depth).cuda()
    head.init_weights()
    samples = [make_sample().to('cuda'), make_sample(1).to('cuda')]
    x = [m.cuda() for m in maps()]
    plain = head.loss(x, samples)
    for dtype in (torch.float16, torch.bfloat16):
        with torch.autocast('cuda', dtype):
            found = head.loss(x, samples)
        for term, value in found.items():
            assert value.dtype == torch.float32 and value.isfinite(), term
            torch.testing.assert_close(value, plain[term], rtol=0.1, atol=0.05)
        sum(v for k, v in found.items() if k.startswith('loss_')).backward()


def test_operators_of_mmcv():
    """mmcv's kernels know no bfloat16, and no channels-last maps."""
    maps = torch.randn(2, 3, 8, 8)
    rois = torch.tensor([[0., 1, 1, 6, 6], [1., 0, 2, 5, 7]])
    expected = roi_align(maps, rois, (2, 2))
    for form in (torch.contiguous_format, torch.channels_last):
        leaf = maps.cuda().clone(memory_format=form).requires_grad_()
        found = roi_align(leaf, rois.cuda(), (2, 2))
        torch.testing.assert_close(found.cpu(), expected, rtol=1e-5, atol=1e-6)
        found.sum().backward()
        assert leaf.grad.isfinite().all()
    narrow = roi_align(maps.cuda().bfloat16(), rois.cuda(), (2, 2))
    torch.testing.assert_close(narrow.cpu().float(), expected, rtol=2e-2,
                               atol=2e-2)
    boxes = torch.tensor([[0., 0, 8, 8], [1, 1, 9, 9], [20, 20, 30, 30]])
    scores = torch.tensor([0.5, 0.75, 0.25])
    for dtype in (torch.float32, torch.bfloat16):
        kept = nms(boxes.cuda().to(dtype), scores.cuda().to(dtype), 0.5)[1]
        assert kept.tolist() == [1, 2]
