"""Misspelt keys and types of a config, found before anything is built.

mmengine looks up the keys that it knows and passes over all others, so that
``param_schedular=…`` trains without a schedule; a type that it does not know
is a ``KeyError`` somewhere in the run.
"""
from collections.abc import Collection, Iterable, Mapping, Sequence
from inspect import isclass, signature
from typing import Any

from mmengine import registry as root
from mmengine.config import Config
from mmengine.hooks import CheckpointHook
from mmengine.registry import Registry
from mmengine.runner import Runner
from torch.utils.data import DataLoader

from mmxkd.errors import ConfigError, did_you_mean, nearest_names

from .building import known_arguments
from .model_faults import OWN_CLASS

#: Keys of a config that are read, beside the arguments of the runner.
_READ = ('custom_imports', 'default_scope', 'tta_model', 'tta_pipeline',
         'auto_scale_lr', 'runner_type', 'model_wrapper_cfg', 'work_dir',
         'launcher', 'strategy', 'compile', 'sync_bn',
         'find_unused_parameters', 'activation_checkpointing',
         'efficient_conv_bn_eval')
#: Names that configs give to values which they use themselves.
_USUAL = ('data_root', 'dataset_type', 'backend_args', 'vis_backends',
          'train_pipeline', 'val_pipeline', 'test_pipeline', 'metainfo')
_HOOKS = ('runtime_info', 'timer', 'sampler_seed', 'logger', 'param_scheduler',
          'checkpoint', 'visualization')
_LOADER = ('dataset', 'sampler', 'batch_sampler', 'collate_fn',
           'worker_init_fn', 'num_batch_per_epoch')
_FOREIGN = ('Albu', 'mmdet.Albu')
#: Keys of sections that are no ``type``.
_PLAIN = dict(randomness=('seed', 'diff_rank_seed', 'deterministic'),
              auto_scale_lr=('enable', 'base_batch_size'))


def check_config(cfg: Config, phases: Collection[str]) -> None:
    """Refuse what nobody would read, or what cannot be built.

    Looks at data, pipelines, hooks, metrics, optimizer, schedules and loops;
    a model is checked when it is built. A name of a value of one's own is
    fine, unless it looks like a misspelt key.

    Args:
        cfg (Config): A whole config.
        phases (Collection[str]): Which loops will run: ``'train'``,
            ``'val'``, ``'test'``.

    Raises:
        ConfigError: It names the key and offers the nearest ones.
    """
    known = [*list(signature(Runner.__init__).parameters)[1:], *_READ]
    _refuse_near('', cfg, known, _USUAL)
    if 'model' not in cfg:
        raise ConfigError(f"{cfg.filename}: there is no 'model'")
    _refuse_near('default_hooks.', cfg.get('default_hooks') or {}, _HOOKS)
    for section, keys in _PLAIN.items():
        for key in cfg.get(section) or {}:
            if key not in keys:
                raise ConfigError(f'{section}.{key} is unknown; '
                                  + did_you_mean(key, keys))
    check = _Checker(cfg.get('default_scope'))
    for phase in phases:
        check.loader(cfg.get(f'{phase}_dataloader'), f'{phase}_dataloader')
        check.loop(cfg, phase)
        check.metrics(cfg.get(f'{phase}_evaluator'), f'{phase}_evaluator')
    for name, hook in (cfg.get('default_hooks') or {}).items():
        check.part(hook, root.HOOKS, f'default_hooks.{name}')
    check.parts(cfg.get('custom_hooks'), root.HOOKS, 'custom_hooks',
                ('priority', ))
    if 'train' in phases:
        check.optimizer(cfg.get('optim_wrapper'))
        check.schedules(cfg.get('param_scheduler'))
    visualizer = cfg.get('visualizer')
    check.part(visualizer, root.VISUALIZERS, 'visualizer')
    if isinstance(visualizer, Mapping):
        check.parts(visualizer.get('vis_backends'), root.VISBACKENDS,
                    'visualizer.vis_backends')
    check.part(cfg.get('log_processor'), root.LOG_PROCESSORS, 'log_processor',
               default='LogProcessor')


def _refuse_near(where: str, given: Iterable[str], known: Sequence[str],
                 usual: Sequence[str] = ()) -> None:
    """Raise for keys that look like misspelt ones."""
    for key in given:
        if key in known or key in usual or len(key) < 5:
            continue
        if not key.islower():  # ``OptimWrapper``, imported by the config
            continue
        # ``train_dataloader_large`` is a name of one's own.
        near = [
            name for name in nearest_names(key, known, least=0.85)
            if name not in key and key not in name
        ]
        if near:
            raise ConfigError(f'{where}{key} is unknown; '
                              + did_you_mean(key, known, 3))


def _arguments_of(kind: type) -> set[str] | None:
    """What a class takes; None where it takes anything."""
    if not issubclass(kind, CheckpointHook):
        return known_arguments(kind)
    # What it does not know itself, it hands on when it saves for the first
    # time.
    functions = [Runner.save_checkpoint]
    functions += [
        vars(c)['__init__'] for c in kind.__mro__ if '__init__' in vars(c)
    ]
    return {name for f in functions for name in signature(f).parameters}


def find_class(registry: Registry, name: str,
               scope: str | None) -> type | None:
    """What a name stands for in a scope, or None."""
    with registry.switch_scope_and_registry(scope) as own:
        return own.get(name)


def _in_another_scope(registry: Registry, name: str, scope: str | None) -> str:
    """A hint where another package has the class; else empty."""
    for other, child in registry.children.items():
        if name in child.module_dict:
            return (f'it is of {other}, and default_scope={scope!r}: set '
                    f"default_scope={other!r}, or write '{other}.{name}'")
    return ''


def names_in(registry: Registry, name: str, scope: str | None) -> set[str]:
    """Names that may be meant, written with a scope where it has one."""
    prefix, dot, _ = name.rpartition('.')
    names: set[str] = set()
    with registry.switch_scope_and_registry(prefix or scope) as own:
        level: Registry | None = own
        while level is not None:
            names.update(prefix + dot + n for n in level.module_dict)
            level = level.parent
    return names


class _Checker:
    """Checks parts of a config by the registry that they are built from.

    Args:
        scope (str, optional): The default scope of the config.
    """

    def __init__(self, scope: str | None) -> None:
        self.scope = scope

    def part(self, cfg: Any, registry: Registry, key: str,
             more: Sequence[str] = (), default: str | None = None) -> None:
        """One dict with a ``type``.

        Args:
            cfg: The part; passed over where it is not a dict.
            registry (Registry): What builds it.
            key (str): Where it stands.
            more (Sequence[str]): Keys that are read before it is built.
            default (str, optional): Its type, where it names none.
        """
        if not isinstance(cfg, Mapping):
            return
        kind: Any = cfg.get('type', default)
        if kind is None:
            near = nearest_names('type', cfg, 1)
            raise ConfigError(f"{key}: 'type' is missing"
                              + (f'; is it {near[0]!r}?' if near else ''))
        if isinstance(kind, str):
            scope = cfg.get('_scope_', self.scope)
            name, kind = kind, find_class(registry, kind, scope)
            if kind is None:
                raise ConfigError(f'{key}: there is no type {name!r}; ' + (
                    _in_another_scope(registry, name, scope) or did_you_mean(
                        name, names_in(registry, name, scope)) + OWN_CLASS))
        known = _arguments_of(kind) if isclass(kind) else None
        if known is None:
            return
        for name in cfg:
            if name not in (*known, *more, 'type', '_scope_'):
                raise ConfigError(
                    f'{key}.{name}: {kind.__name__} has no argument '
                    f'{name!r}; ' + did_you_mean(name, {*known, *more}))

    def parts(self, cfgs: Any, registry: Registry, key: str,
              more: Sequence[str] = ()) -> None:
        """Several of them, or one."""
        if isinstance(cfgs, Mapping):
            self.part(cfgs, registry, key, more)
        for i, cfg in enumerate(cfgs if isinstance(cfgs, (list,
                                                          tuple)) else ()):
            self.part(cfg, registry, f'{key}[{i}]', more)

    def loader(self, cfgs: Any, key: str) -> None:
        """A dataloader, with its dataset and samplers."""
        for cfg in cfgs if isinstance(cfgs, (list, tuple)) else [cfgs]:
            if not isinstance(cfg, Mapping):
                continue
            known = {*signature(DataLoader.__init__).parameters, *_LOADER}
            for name in cfg:
                if name not in (*known, '_scope_'):
                    raise ConfigError(f'{key}.{name} is unknown; '
                                      + did_you_mean(name, known))
            for name in ('sampler', 'batch_sampler'):
                self.part(cfg.get(name), root.DATA_SAMPLERS, f'{key}.{name}')
            self.dataset(cfg.get('dataset'), f'{key}.dataset')

    def dataset(self, cfg: Any, key: str) -> None:
        """A dataset, those inside of it, and their pipelines."""
        if not isinstance(cfg, Mapping):
            return
        self.part(cfg, root.DATASETS, key)
        self.pipeline(cfg.get('pipeline'), f'{key}.pipeline')
        self.dataset(cfg.get('dataset'), f'{key}.dataset')
        for i, inner in enumerate(cfg.get('datasets') or ()):
            self.dataset(inner, f'{key}.datasets[{i}]')

    def pipeline(self, cfgs: Any, key: str) -> None:
        """Transforms, and those inside of them."""
        for i, cfg in enumerate(cfgs if isinstance(cfgs, (list,
                                                          tuple)) else ()):
            where = f'{key}[{i}]'
            self.part(cfg, root.TRANSFORMS, where)
            self.pipeline(cfg, where)
            # Those inside of ``Albu`` are of another library.
            if isinstance(cfg, Mapping) and cfg.get('type') not in _FOREIGN:
                self.pipeline(cfg.get('transforms'), f'{where}.transforms')

    def metrics(self, cfgs: Any, key: str) -> None:
        """Metrics, but for those of an evaluator of one's own."""
        if not (isinstance(cfgs, Mapping) and 'metrics' in cfgs):
            self.parts(cfgs, root.METRICS, key)

    def loop(self, cfg: Config, phase: str) -> None:
        """``train_cfg``, ``val_cfg`` or ``test_cfg``."""
        loop = cfg.get(f'{phase}_cfg')
        default = dict(val='ValLoop', test='TestLoop').get(phase)
        if phase == 'train' and loop:
            default = ('EpochBasedTrainLoop' if loop.get('by_epoch', True) else
                       'IterBasedTrainLoop')
        self.part(loop, root.LOOPS, f'{phase}_cfg', ('by_epoch', ), default)

    def optimizer(self, cfg: Any) -> None:
        """The wrapper and what it wraps; nothing of other constructors."""
        if not isinstance(cfg, Mapping):
            return
        if 'constructor' not in cfg:
            self.part(cfg, root.OPTIM_WRAPPERS, 'optim_wrapper',
                      ('paramwise_cfg', ), 'OptimWrapper')
        self.part(cfg.get('optimizer'), root.OPTIMIZERS,
                  'optim_wrapper.optimizer')

    def schedules(self, cfgs: Any) -> None:
        """Schedules, or lists of them by the name of an optimizer."""
        key, more = 'param_scheduler', ('convert_to_iter_based', )
        if isinstance(cfgs, Mapping) and 'type' not in cfgs:
            for name, group in cfgs.items():
                self.parts(group, root.PARAM_SCHEDULERS, f'{key}.{name}', more)
        else:
            self.parts(cfgs, root.PARAM_SCHEDULERS, key, more)
