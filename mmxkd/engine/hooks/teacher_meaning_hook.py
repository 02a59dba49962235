"""The check that teacher and student speak of the same classes."""
from mmengine.hooks import Hook

from mmxkd.engine.bare_model import bare_model
from mmxkd.engine.meaning import (
    check_number_of_classes,
    check_sizes,
    meaning_of_config,
)
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class TeacherMeaningHook(Hook):
    """Compares the classes of the training data with those of the teachers,
    and the size of the pictures.

    Before the first step. Classes count only where a loss or a label compares
    them, sizes only where pictures are brought to one by ``AffineResize``. Of
    a model without teachers, the head of a monocular 3-D detector alone is
    compared with the data. ``tools/train.py`` adds it to every run.

    Raises:
        ConfigError: The classes are not the same, or in another order, or
            the head of a monocular detector has another number; or a teacher
            was trained on pictures of another size.
    """

    def before_train(self, runner) -> None:
        model = bare_model(runner.model)
        metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
        classes = metainfo.get('classes')
        check_number_of_classes(getattr(model, 'student', model), classes)
        check = getattr(model, 'check_classes', None)
        if check is not None:
            check(classes)
        for name, teacher in getattr(model, 'teachers', {}).items():
            if teacher.check_meaning:
                check_sizes(meaning_of_config(runner.cfg), teacher.meaning,
                            name)
