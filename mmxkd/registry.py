"""Registries of ``mmxkd``: children of mmengine's roots, scope ``mmxkd``.

``type='mmxkd.Name'`` works in any config of an OpenMMLab project, with or
without ``custom_imports``: the modules at ``locations`` are imported when the
first name is looked up, so that ``import mmxkd`` stays as light as
``import mmdet``.
"""
from mmengine.registry import DATASETS as ROOT_DATASETS
from mmengine.registry import FUNCTIONS as ROOT_FUNCTIONS
from mmengine.registry import HOOKS as ROOT_HOOKS
from mmengine.registry import METRICS as ROOT_METRICS
from mmengine.registry import MODELS as ROOT_MODELS
from mmengine.registry import (
    OPTIM_WRAPPER_CONSTRUCTORS as ROOT_OPTIM_WRAPPER_CONSTRUCTORS,
)
from mmengine.registry import OPTIM_WRAPPERS as ROOT_OPTIM_WRAPPERS
from mmengine.registry import TASK_UTILS as ROOT_TASK_UTILS
from mmengine.registry import TRANSFORMS as ROOT_TRANSFORMS
from mmengine.registry import VISUALIZERS as ROOT_VISUALIZERS
from mmengine.registry import Registry

SCOPE = 'mmxkd'


def _child(name: str, parent: Registry, *locations: str) -> Registry:
    return Registry(
        name, parent=parent, scope=SCOPE, locations=list(locations))


MODELS = _child('model', ROOT_MODELS, 'mmxkd.models', 'mmxkd.losses',
                'mmxkd.distillation')
TASK_UTILS = _child('task util', ROOT_TASK_UTILS, 'mmxkd.models')
DATASETS = _child('dataset', ROOT_DATASETS, 'mmxkd.datasets')
TRANSFORMS = _child('transform', ROOT_TRANSFORMS, 'mmxkd.datasets.transforms')
METRICS = _child('metric', ROOT_METRICS, 'mmxkd.evaluation.metrics')
HOOKS = _child('hook', ROOT_HOOKS, 'mmxkd.engine')
FUNCTIONS = _child('function', ROOT_FUNCTIONS, 'mmxkd.engine')
OPTIM_WRAPPERS = _child('optim_wrapper', ROOT_OPTIM_WRAPPERS, 'mmxkd.engine')
OPTIM_WRAPPER_CONSTRUCTORS = _child('optimizer wrapper constructor',
                                    ROOT_OPTIM_WRAPPER_CONSTRUCTORS,
                                    'mmxkd.engine')
VISUALIZERS = _child('visualizer', ROOT_VISUALIZERS, 'mmxkd.visualization')
