"""What ``tools/train.py`` and ``tools/test.py`` share."""
import argparse
import os
import os.path as osp
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmengine.config import Config, DictAction
from mmengine.device import is_cuda_available
from mmengine.registry import RUNNERS
from mmengine.runner import Runner

from mmxkd.compat.latest_checkpoint import find_latest_checkpoint
from mmxkd.engine.console_runner import ConsoleRunner
from mmxkd.engine.model_faults import find_fault
from mmxkd.engine.parallelism import check_parallel
from mmxkd.errors import ConfigError, did_you_mean

#: Hooks that make a run safe to kill and to resume; see each for why.
GUARDS = ('mmxkd.EpochSeedHook', 'mmxkd.FiniteGuardHook',
          'mmxkd.GracefulStopHook', 'mmxkd.HangGuardHook',
          'mmxkd.TeacherMeaningHook', 'mmxkd.LabelSourcesHook',
          'mmxkd.TeacherCacheHook', 'mmxkd.StepStateHook',
          'mmxkd.RunRecordHook', 'mmxkd.StartingWeightsHook')
#: Seconds that one process waits for another, unless the config says
#: otherwise. While one evaluates, the others wait: NCCL's 10 minutes are few.
WAIT = 1800
#: Packages that some configs need, and tools/install.sh knows.
OPTIONAL = ('mmdet3d', 'mmrazor')
#: What mmengine averages over the window of the log, by its name.
AVERAGED = r'.*(loss|time|data_time|grad_norm).*'


def existing_file(path: str) -> str:
    """Type of a command line argument: a file that exists, or a URL.

    Raises:
        argparse.ArgumentTypeError: Offers the files with similar names.
    """
    if '://' in path or osp.isfile(path):
        return path
    folder = Path(path).parent
    while not folder.is_dir():
        folder = folder.parent
    ending = Path(path).suffix or '.py'
    known = {str(p) for p in folder.glob('*' + ending)
             } or {str(p) for p in folder.glob('*/**/*' + ending)}
    raise argparse.ArgumentTypeError(
        f'no file {path!r}; {did_you_mean(path, known)}')


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the options that training and testing have in common."""
    parser.add_argument(
        '--work-dir', help='folder for logs and results (default: '
        'work_dirs/ and the name of the config)')
    parser.add_argument(
        '--cfg-options', nargs='+', action=DictAction, default={},
        metavar='KEY=VALUE', help='change keys of the config, e.g. '
        'train_cfg.max_epochs=2 model.backbone.depth=18; lists as "[1,2]"')
    parser.add_argument('--launcher',
                        choices=['none', 'pytorch', 'slurm', 'mpi'],
                        default='none',
                        help='who starts the processes (default: %(default)s)')
    # torch.distributed.launch passes the one or the other, by its version.
    parser.add_argument('--local_rank', '--local-rank', type=int, default=0,
                        help='set by the launcher')


def load_config(args: argparse.Namespace) -> Config:
    """Read ``args.config`` and apply the common options to it.

    Raises:
        ConfigError: It needs a package that is not installed.
    """
    os.environ.setdefault('LOCAL_RANK', str(args.local_rank))
    try:
        cfg = Config.fromfile(args.config)
    except ImportError as error:
        lacking = _lacking(error)
        if lacking is None:
            raise
        raise ConfigError(
            f'{args.config} needs {lacking}, which is not installed: run '
            f'bash tools/install.sh --with {lacking}') from error
    cfg.launcher = args.launcher
    cfg.merge_from_dict(args.cfg_options)
    cfg.work_dir = args.work_dir or cfg.get('work_dir') or osp.join(
        'work_dirs',
        Path(args.config).stem)
    return cfg


def _lacking(error: BaseException | None) -> str | None:
    """The optional package for want of which an import has failed."""
    while error is not None:
        name = (getattr(error, 'name', None) or '').partition('.')[0]
        if name in OPTIONAL:
            return name
        error = error.__cause__ or error.__context__
    return None


def add_guards(cfg: Config) -> None:
    """Make the run of any config crash-safe, exact to resume, NaN-safe.

    Adds :data:`GUARDS` unless the config names them, and saves with
    ``SafeCheckpointHook`` where it would save with mmengine's.
    """
    hooks = list(cfg.get('custom_hooks') or [])
    cfg.custom_hooks = hooks + [
        dict(type=guard) for guard in GUARDS if not any(
            _is_a(hook, guard.removeprefix('mmxkd.')) for hook in hooks)
    ]
    if cfg.get('default_hooks') is None:
        cfg.default_hooks = {}
    checkpoint = cfg.default_hooks.get('checkpoint',
                                       dict(type='CheckpointHook'))
    if _is_a(checkpoint, 'CheckpointHook'):
        checkpoint['type'] = 'mmxkd.SafeCheckpointHook'
    cfg.default_hooks['checkpoint'] = checkpoint
    _set_timeout(cfg)


def _set_timeout(cfg: Config) -> None:
    """Let no process wait for another one forever."""
    env_cfg = dict(cfg.get('env_cfg') or {})
    dist_cfg = dict(env_cfg.get('dist_cfg') or {})
    dist_cfg.setdefault('timeout', WAIT)
    cfg.env_cfg = dict(env_cfg, dist_cfg=dist_cfg)


def type_name(cfg: Mapping) -> str:
    """Name of a config's type without its scope; the type may be a class.

    Examples:
        >>> type_name(dict(type='mmdet.CocoMetric'))
        'CocoMetric'
    """
    kind = cfg.get('type', '')
    name = kind if isinstance(kind, str) else kind.__name__
    return name.split('.')[-1]


def _is_a(cfg: Any, kind: str) -> bool:
    """Whether a config is of this type, whatever its scope."""
    return (isinstance(cfg, Mapping) and type_name(cfg) == kind)


def log_together(cfg: Config) -> None:
    """Let a loss and its raw value be of the same iterations in the log.

    mmengine averages what has ``loss`` in its name over a window, and shows
    the last value of everything else, such as ``distill/raw_feature``, and
    ``raw_depth`` of a monocular head.

    Args:
        cfg (Config): Changed in place, unless its log processor is of
            another kind.
    """
    processor = dict(cfg.get('log_processor') or {})
    processor.setdefault('type', 'LogProcessor')
    if not _is_a(processor, 'LogProcessor'):
        return
    pattern = processor.get('mean_pattern', AVERAGED)
    for prefix, added in (('distill/', 'distill/'), ('', 'raw_')):
        loss, raw = (re.search(pattern, f'{prefix}{name}')
                     for name in ('loss_', 'raw_'))
        if loss and not raw:
            pattern = f'{pattern}|{added}'
            processor['mean_pattern'] = pattern
            cfg.log_processor = processor


def set_seed(cfg: Config, seed: int) -> None:
    """Set the seed of the run; other keys of ``randomness`` stay."""
    cfg.randomness = dict(cfg.get('randomness') or {}, seed=seed)


def scale_learning_rate(cfg: Config) -> None:
    """Let mmengine scale the learning rate by the batch size.

    Raises:
        ConfigError: Nothing says for which batch size the rate was found.
    """
    stated = cfg.get('auto_scale_lr') or {}
    if 'base_batch_size' not in stated:
        raise ConfigError(
            f'{cfg.filename}: --auto-scale-lr needs '
            'auto_scale_lr=dict(base_batch_size=...) in the config')
    cfg.auto_scale_lr = dict(stated, enable=True)


def allow_differences(cfg: Config, keys: Sequence[str]) -> None:
    """Let a run be resumed although these keys differ."""
    hooks = list(cfg.get('custom_hooks') or [])
    for i, hook in enumerate(hooks):
        if _is_a(hook, 'RunRecordHook'):
            hooks[i] = dict(hook, allow=[*hook.get('allow', ()), *keys])
    cfg.custom_hooks = hooks


def use_mixed_precision(cfg: Config, dtype: str) -> None:
    """Set the optimizer wrapper for ``--amp``.

    Args:
        cfg (Config): Changed in place.
        dtype (str): ``'fp16'``, ``'bf16'``, or ``'auto'``: fp16 with CUDA,
            bf16 without.

    Raises:
        ConfigError: fp16 without CUDA, or a wrapper of another kind.
    """
    if dtype == 'auto':
        dtype = 'fp16' if is_cuda_available() else 'bf16'
    if dtype == 'fp16' and not is_cuda_available():
        raise ConfigError('--amp fp16 needs CUDA; use --amp bf16')
    wrapper = cfg.get('optim_wrapper')
    if not wrapper:
        raise ConfigError('--amp needs an optim_wrapper in the config')
    kind = type_name(dict(dict(type='OptimWrapper'), **wrapper))
    if kind == 'PerTensorClipOptimWrapper':
        raise ConfigError(
            '--amp cannot change optim_wrapper of type '
            "'PerTensorClipOptimWrapper', which clips each gradient by itself "
            'with the weight decay in it: the wrappers of mixed precision '
            'clip all of them together, and decay after that. Train without '
            '--amp, or choose that other recipe in the config')
    ours = ('OptimWrapper', 'AmpOptimWrapper', 'Bf16OptimWrapper')
    if kind not in ours or 'constructor' in wrapper:
        raise ConfigError(
            f'--amp cannot change optim_wrapper of type {kind!r}, '
            f'constructor {wrapper.get("constructor")!r}: set the type of '
            'its wrappers to AmpOptimWrapper or mmxkd.Bf16OptimWrapper in '
            'the config')
    if dtype == 'bf16':
        wrapper['type'] = 'mmxkd.Bf16OptimWrapper'
        wrapper.pop('loss_scale', None)
    else:
        wrapper['type'] = 'AmpOptimWrapper'
        wrapper['loss_scale'] = 'dynamic'


def resume_from(cfg: Config, checkpoint: str) -> None:
    """Set the config to go on with a run.

    With ``'auto'`` and nothing in the work directory yet, the run starts as
    its config says, ``load_from`` included.

    Args:
        cfg (Config): Changed in place.
        checkpoint (str): A file, or ``'auto'`` for the newest intact one.
    """
    if checkpoint != 'auto':
        cfg.resume, cfg.load_from = True, checkpoint
        return
    hook = (cfg.get('default_hooks') or {}).get('checkpoint') or {}
    latest = find_latest_checkpoint(cfg.work_dir, hook.get('out_dir'))
    if latest is not None:
        cfg.resume, cfg.load_from = True, latest


def student_alone(cfg: Config) -> None:
    """Turn the config of a distillation into that of its student.

    The student of a distilled checkpoint has the keys of the plain student,
    so that no teacher is needed to test it. It may be the ``module`` of a
    model for test-time augmentation.

    In a work directory, the dump of the distillation's config stays: this one
    gets a name of its own.
    """
    model = _student_of(cfg.model)
    if model is not cfg.model and cfg.filename:
        name = str(Path(cfg.filename).with_suffix('.student.py'))
        # What Config itself does: its attributes are the keys of the config.
        object.__setattr__(cfg, '_filename', name)
    cfg.model = model
    cfg.custom_hooks = [
        *(cfg.get('custom_hooks') or []),
        dict(type='mmxkd.StudentCheckpointHook')
    ]


def _student_of(model: Mapping) -> Mapping:
    if _is_a(model, 'CrossModalDistill'):
        return model['student']
    inner = model.get('module')
    if isinstance(inner, Mapping) and _student_of(inner) is not inner:
        return dict(model, module=_student_of(inner))
    return model


def build_runner(cfg: Config) -> Runner:
    """The runner of the config: ``runner_type`` where given.

    Raises:
        ConfigError: Processes are to share a model in a way that does not
            work, a distillation is to be compiled, or the model has a
            misspelt key or type.
    """
    check_parallel(cfg)
    kind: type[Runner] = ConsoleRunner
    try:
        return (RUNNERS.build(cfg) if 'runner_type' in cfg else
                kind.from_cfg(cfg))
    except (KeyError, TypeError) as error:
        fault = find_fault(error, cfg.model, cfg.get('default_scope'))
        if fault is None:
            raise
        raise ConfigError(f'{cfg.filename}: model{fault}') from error
