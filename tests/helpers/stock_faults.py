"""Which faults that mmxkd repairs are there: without it, or with it.

    python -m tests.helpers.stock_faults FOLDER [--repaired]

Prints one JSON object, ``{name of the repair: whether its fault is there}``.
A probe is one small case of what the header of the repair says.
"""
import argparse
import contextlib
import importlib.util
import json
import os
import pickle  # noqa: S403 - this makes the hostile files
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from unittest.mock import MagicMock, patch

PROBES: dict[str, Callable[[Path], bool]] = {}


def probe(function: Callable[[Path], bool]) -> Callable[[Path], bool]:
    PROBES[function.__name__] = function
    return function


class Touch:
    """Pickles as a call that makes a file."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self):
        return subprocess.call, (['touch', str(self.marker)], )


def runs_code(folder: Path, read: Callable[[Path], object]) -> bool:
    """Whether ``read`` of a hostile checkpoint makes the marker."""
    import torch
    path, marker = folder / 'hostile.pth', folder / 'marker'
    torch.save(dict(state_dict=Touch(marker)), path)
    return attempt(marker, lambda: read(path))


def attempt(marker: Path, read: Callable[[], object]) -> bool:
    try:
        read()
    except Exception as error:  # noqa: BLE001 - a refusal is what we look for
        print(f'  refused: {error!r:.200}', file=sys.stderr)
    return marker.exists()


@probe
def checkpoint_io(folder: Path) -> bool:
    """URLs are read with code."""
    from mmengine.runner import checkpoint

    def read(path: Path) -> None:
        home = folder / 'checkpoints'
        home.mkdir()
        path.rename(home / path.name)
        checkpoint.load_url('http://example.org/hostile.pth',
                            model_dir=str(home))

    return runs_code(folder, read)


def _local(folder: Path) -> bool:
    """Whether the loader of local files of ``openmmlab://`` runs code."""
    from mmengine.runner import checkpoint
    stock = checkpoint.get_external_models
    checkpoint.get_external_models = lambda: dict(hostile=str(folder /
                                                              'hostile.pth'))
    try:
        return runs_code(
            folder, lambda _: checkpoint.load_from_openmmlab(
                'openmmlab://hostile', 'cpu'))
    finally:
        checkpoint.get_external_models = stock


@probe
def safe_load(folder: Path) -> bool:
    """What is refused is read again, with code."""
    return _local(folder)


@probe
def remote_checkpoints(folder: Path) -> bool:
    """Code is a matter of the environment (and not of the fault above)."""
    (folder / 'unforced').mkdir()
    os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD'] = '1'
    try:
        forced = _local(folder)
    finally:
        del os.environ['TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD']
    return forced and not _local(folder / 'unforced')


@probe
def meta_config(folder: Path) -> bool:
    """A text in the checkpoint is run."""
    from mmengine.runner import Runner
    marker = folder / 'marker'
    content = dict(
        meta=dict(config=f'open({str(marker)!r}, "w").close()', epoch=1,
                  iter=4, cfg='a = 1', seed=0), state_dict={})
    path = folder / 'resumed.pth'
    import torch
    torch.save(content, path)

    def read() -> None:
        from mmengine.runner import CheckpointLoader
        runner = MagicMock()
        runner.load_checkpoint = lambda *args, **kwargs: \
            CheckpointLoader.load_checkpoint(str(path))
        Runner.resume(runner, str(path))

    return attempt(marker, read)


@probe
def latest_checkpoint(folder: Path) -> bool:
    """A file that is not there is resumed from."""
    import torch
    from mmengine.runner import find_latest_checkpoint
    whole = dict(meta=dict(epoch=2, iter=8), state_dict={}, optimizer={},
                 message_hub={})
    torch.save(whole, folder / 'epoch_2.pth')
    (folder / 'last_checkpoint').write_text(str(folder / 'epoch_3.pth'))
    found = find_latest_checkpoint(str(folder))
    return found != str(folder / 'epoch_2.pth')


@probe
def checkpoint_paths(folder: Path) -> bool:
    """The best checkpoint of another run would be deleted."""
    from mmengine.hooks import CheckpointHook
    from mmengine.logging import MessageHub
    runner = MagicMock(work_dir=str(folder))
    runner.message_hub = MessageHub('probe')
    runner.message_hub.update_info('best_ckpt', '/another/best.pth')
    hook = CheckpointHook(interval=1, save_best='acc', rule='greater',
                          out_dir=str(folder))
    hook.before_train(runner)
    return hook.best_ckpt_path == '/another/best.pth'


def _wrapped():
    import torch
    from mmengine.model import MMDistributedDataParallel
    from torch import distributed
    if not distributed.is_initialized():
        distributed.init_process_group('gloo', store=distributed.HashStore(),
                                       rank=0, world_size=1)
    return lambda **kwargs: MMDistributedDataParallel(torch.nn.Linear(1, 1), **
                                                      kwargs)


@probe
def cpu_ddp(folder: Path) -> bool:
    """A model on the CPU is not wrapped."""
    try:
        _wrapped()(device_ids=[0])
    except ValueError as error:
        return 'device_ids' in str(error)
    return False


@probe
def strategy_names(folder: Path) -> bool:
    """The wrapper is in the names of the weights."""
    from mmengine._strategy.base import BaseStrategy
    strategy = MagicMock(model=_wrapped()(device_ids=None))
    names = BaseStrategy.model_state_dict(strategy)
    return all(name.startswith('module.') for name in names)


@probe
def mmrazor_import(folder: Path) -> bool:
    """It is there, and does not import."""
    if importlib.util.find_spec('mmrazor') is None:
        return False
    try:
        import mmrazor.models  # noqa: F401
    except ImportError:
        return True
    return False


@probe
def mmcv_operators(folder: Path) -> bool:
    """One does not know bfloat16, or another takes no notice of strides."""
    import torch
    from mmcv.ops import nms, roi_align
    boxes = torch.tensor([[0., 0, 4, 4]]).bfloat16()
    maps, rois = torch.rand(1, 2, 8, 8), torch.tensor([[0., 0, 0, 4, 4]])
    last = maps.contiguous(memory_format=torch.channels_last)
    mixed = not torch.equal(roi_align(maps, rois, 2), roi_align(last, rois, 2))
    try:
        nms(boxes, torch.ones(1).bfloat16(), 0.5)
    except RuntimeError as error:
        return mixed and 'BFloat16' in str(error)
    return mixed


@probe
def ddp_layout(folder: Path) -> bool:
    """The gradient of a weight that was laid out after it was wrapped."""
    import torch
    from mmengine.model import MMDistributedDataParallel
    if torch.distributed.is_initialized():  # by the probe of cpu_ddp
        torch.distributed.destroy_process_group()
    torch.distributed.init_process_group('gloo', rank=0, world_size=1,
                                         init_method=f'file://{folder}/store')
    weights = torch.arange(24.).view(1, 3, 2, 4)
    gradients = []
    try:
        for wrap in (lambda model: model, MMDistributedDataParallel):
            model = torch.nn.Conv2d(3, 1, (2, 4))
            wrapped = wrap(model)
            model.to(memory_format=torch.channels_last)
            wrapped(weights).sum().backward()
            gradients.append(model.weight.grad)
    except ValueError as error:
        return 'weight' not in str(error)
    finally:
        torch.distributed.destroy_process_group()
    return not torch.equal(*gradients)


@probe
def point_assigner(folder: Path) -> bool:
    """It numbers points on the CPU, wherever they are."""
    import torch
    from mmdet.models.task_modules.assigners import PointAssigner
    from mmengine.structures import InstanceData
    from torch.overrides import TorchFunctionMode
    places = []

    class Stop(TorchFunctionMode):
        """Look where the numbers are made, and go no further."""

        def __torch_function__(self, function, types, args=(), kwargs=None):
            result = function(*args, **(kwargs or {}))
            if function is torch.arange:
                places.append(result.device.type)
                raise InterruptedError
            return result

    points = torch.zeros(3, 3, device='meta')
    truth = InstanceData(bboxes=torch.zeros(1, 4, device='meta'),
                         labels=torch.zeros(1, device='meta'))
    with contextlib.suppress(InterruptedError), Stop():
        PointAssigner().assign(InstanceData(priors=points), truth)
    return places == ['cpu']


@probe
def heat_maps(folder: Path) -> bool:
    """Maps in channels-last format have no such view."""
    import torch
    from mmdet.models.utils import get_topk_from_heatmap
    maps = torch.rand(1, 2, 3, 4).to(memory_format=torch.channels_last)
    try:
        get_topk_from_heatmap(maps, k=2)
    except RuntimeError as error:
        return 'view size' in str(error)
    return False


@probe
def init_detector(folder: Path) -> bool:
    """The backbone of a distillation is asked for."""
    from mmdet.apis import init_detector
    from mmengine.config import Config
    student = dict(type='NoSuchDetector', backbone=dict(init_cfg=None))
    cfg = Config(
        dict(model=dict(type='mmxkd.CrossModalDistill', student=student)))
    try:
        init_detector(cfg, device='cpu')
    except AttributeError as error:
        return 'backbone' in str(error)
    except KeyError as error:
        # As far as the student.
        assert 'NoSuchDetector' in str(error)
    return False


@probe
def quiet_import(folder: Path) -> bool:
    """A line is on the standard output, which might be JSON."""
    repaired = 'import mmxkd; ' if 'mmxkd' in sys.modules else ''
    done = subprocess.run([
        sys.executable, '-W', 'ignore', '-c',
        repaired + 'import mmdet.datasets'
    ], capture_output=True, text=True, check=True)
    return done.stdout != ''


@probe
def yaml_files(folder: Path) -> bool:
    """A tag is run."""
    import mmengine
    path, marker = folder / 'a.yaml', folder / 'marker'
    path.write_text(
        f'a: !!python/object/apply:subprocess.call [[touch, {marker}]]')
    return attempt(marker, lambda: mmengine.load(str(path)))


@probe
def pickle_files(folder: Path) -> bool:
    """A name is run."""
    import mmengine
    path, marker = folder / 'a.pkl', folder / 'marker'
    path.write_bytes(pickle.dumps(Touch(marker)))
    return attempt(marker, lambda: mmengine.load(str(path)))


@probe
def file_names(folder: Path) -> bool:
    """The error does not say which file."""
    import mmengine
    path = folder / 'broken.json'
    path.write_text('{')
    try:
        mmengine.load(str(path))
    except ValueError as error:
        return str(path) not in str(error)
    return False


@probe
def installed_packages(folder: Path) -> bool:
    """The newest setuptools is not enough."""
    from mmengine.utils import is_installed
    sys.modules['pkg_resources'] = None  # type: ignore[assignment]
    try:
        return not is_installed('mmengine')
    except ImportError:
        return True
    finally:
        del sys.modules['pkg_resources']


@probe
def config_format(folder: Path) -> bool:
    """One config is formatted twice."""
    from mmengine.config import Config
    from yapf.yapflib import yapf_api
    config = Config(dict(lr=0.1))
    with patch.object(yapf_api, 'FormatTree',
                      wraps=yapf_api.FormatTree) as formatted:
        assert config.pretty_text == config.pretty_text == 'lr = 0.1\n'
    return formatted.call_count == 2


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('folder', type=Path)
    parser.add_argument('--repaired', action='store_true')
    args = parser.parse_args()
    if args.repaired:
        import mmxkd  # noqa: F401
    found = {}
    for name, function in PROBES.items():
        folder = args.folder / name
        folder.mkdir(parents=True)
        print(name, file=sys.stderr)
        found[name] = function(folder)
    print(json.dumps(found))


if __name__ == '__main__':
    main()
