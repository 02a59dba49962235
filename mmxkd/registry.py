"""Registries of ``mmxkd``: children of mmengine's roots, scope ``mmxkd``.

``type='mmxkd.Name'`` works in any config of an OpenMMLab project, with or
without ``custom_imports``: the modules at ``locations`` are imported when the
first name is looked up, so that ``import mmxkd`` stays as light as
``import mmdet``.
"""
from mmengine import registry as root
from mmengine.registry import Registry

SCOPE = 'mmxkd'


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(name, parent=parent, scope=SCOPE,
                    locations=list(locations))


MODELS = _child('model', root.MODELS, 'mmxkd.models', 'mmxkd.losses',
                'mmxkd.distillation')
TASK_UTILS = _child('task util', root.TASK_UTILS, 'mmxkd.models')
DATASETS = _child('dataset', root.DATASETS, 'mmxkd.datasets')
DATA_SAMPLERS = _child('data sampler', root.DATA_SAMPLERS, 'mmxkd.datasets')
TRANSFORMS = _child('transform', root.TRANSFORMS, 'mmxkd.datasets.transforms')
METRICS = _child('metric', root.METRICS, 'mmxkd.evaluation.metrics')
HOOKS = _child('hook', root.HOOKS, 'mmxkd.engine')
FUNCTIONS = _child('function', root.FUNCTIONS, 'mmxkd.engine')
OPTIM_WRAPPERS = _child('optim_wrapper', root.OPTIM_WRAPPERS, 'mmxkd.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor',
                                    root.OPTIM_WRAPPER_CONSTRUCTORS,
                                    'mmxkd.engine')
VISUALIZERS = _child('visualizer', root.VISUALIZERS, 'mmxkd.visualization')
