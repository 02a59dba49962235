"""``init_detector`` with the config of a distillation.

What breaks: mmdet's ``init_detector`` reads ``config.model.backbone``, which
a config whose model is not itself a detector does not have: an
``AttributeError`` of ``ConfigDict``.
Repair: of a distillation the student is built. Its weights have the names of
the plain student in the checkpoint; no teacher is read.
Versions: mmdet 3.x. Reported: open-mmlab/mmrazor#165, #650.
Can go: when ``init_detector`` reads the backbone only where there is one.
"""
import copy
import functools
from types import ModuleType

from .import_hook import after_import, replace
from .stacks import BOTH

STACKS = BOTH


def apply() -> None:
    """Repair ``mmdet.apis.inference`` and what imported from it."""
    after_import('mmdet.apis.inference', _repair)


def _repair(module: ModuleType) -> None:
    stock = module.init_detector

    @functools.wraps(stock)
    def init_detector(config, checkpoint=None, palette='none', device='cuda:0',
                      cfg_options=None):
        from mmengine.config import Config
        if not isinstance(config, Config):
            config = Config.fromfile(config)
        model = config.get('model')
        if model and str(model.get('type')).endswith('CrossModalDistill'):
            # The caller's config stays as it is. The options are of the
            # distillation's keys.
            config = copy.deepcopy(config)
            config.merge_from_dict(cfg_options or {})
            config.model, cfg_options = config.model.student, None
        return stock(config, checkpoint, palette, device, cfg_options)

    replace(module, 'init_detector', init_detector)
