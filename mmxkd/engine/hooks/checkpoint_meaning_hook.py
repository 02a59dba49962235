"""The check that a checkpoint is tested as what it was trained as."""
from mmengine.hooks import Hook

from mmxkd.engine.meaning import (
    check_tested,
    meaning_of_checkpoint,
    meaning_of_config,
)
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class CheckpointMeaningHook(Hook):
    """Compares classes, inputs and size of the config with the checkpoint's.

    When the weights of a test are loaded. What the file does not say is not
    compared. ``tools/test.py`` adds it to every run.

    Raises:
        ConfigError: The classes differ or are in another order, or the model
            would see other inputs than it was trained on, or pictures of
            another size.
    """

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        check_tested(meaning_of_checkpoint(checkpoint),
                     meaning_of_config(runner.cfg, 'test_dataloader'),
                     str(runner._load_from))
