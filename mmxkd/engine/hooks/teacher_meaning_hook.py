"""The check that teacher and student speak of the same classes."""
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper

from mmxkd.registry import HOOKS


@HOOKS.register_module()
class TeacherMeaningHook(Hook):
    """Compares the classes of the training data with those of the teachers.

    Before the first step, and only where a loss or a label compares classes.
    A model without teachers is left alone. ``tools/train.py`` adds it to
    every run.

    Raises:
        ConfigError: The classes are not the same, or in another order.
    """

    def before_train(self, runner) -> None:
        model = runner.model
        if is_model_wrapper(model):
            model = model.module
        check = getattr(model, 'check_classes', None)
        if check is not None:
            metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
            check(metainfo.get('classes'))
