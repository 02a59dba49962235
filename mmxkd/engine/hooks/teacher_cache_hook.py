"""The pipeline of a cached teacher is checked, and its hits are counted."""
from mmengine.hooks import Hook

from mmxkd.registry import HOOKS

from ..pipeline_probe import cached_teachers, directions, views_of
from ..teacher_cache import Counts


@HOOKS.register_module()
class TeacherCacheHook(Hook):
    """Checks before training what the caches of teachers rely on.

    A pipeline that draws what a cached teacher sees is refused before the
    first step. After each epoch, the log says how many frames were read.
    A model without such teachers is left alone. ``tools/train.py`` adds it
    to every run.

    Raises:
        ConfigError: The pipeline draws random numbers.
    """

    def before_train(self, runner) -> None:
        dataset = runner.train_dataloader.dataset
        for name, teacher in cached_teachers(runner.model).items():
            ways = directions(dataset, teacher, views_of(runner.model, name))
            teacher.cache.expected = len(dataset) * ways
            teacher.cache.counts = Counts()

    def after_train_epoch(self, runner) -> None:
        for name, teacher in cached_teachers(runner.model).items():
            runner.logger.info(
                f'cache of teacher {name!r}: {teacher.cache.counts}')
            teacher.cache.counts = Counts()
