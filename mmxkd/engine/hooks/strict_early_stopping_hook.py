"""Early stopping that counts a tie as no improvement."""
from mmengine.hooks import EarlyStoppingHook
from mmengine.optim import BaseOptimWrapper
from mmengine.runner import Runner

from mmxkd.registry import HOOKS


@HOOKS.register_module()
class StrictEarlyStoppingHook(EarlyStoppingHook):
    """mmengine's ``EarlyStoppingHook`` with strict improvement.

    The parent takes a score equal to the best one for an improvement when
    ``min_delta`` is 0, and COCO metrics come rounded to three digits, so that
    ties happen. It also builds the training loop, data set included, when a
    run only tests, and forgets its count when a run is resumed; here the
    count lives in the message hub, and so in the checkpoints.
    """

    def before_run(self, runner: Runner) -> None:
        if isinstance(runner.optim_wrapper, BaseOptimWrapper):
            super().before_run(runner)

    def after_val_epoch(self, runner: Runner, metrics: dict) -> None:
        stored = runner.message_hub.get_info('early_stopping')
        if stored:
            self.wait_count, self.best_score = stored
        super().after_val_epoch(runner, metrics)
        runner.message_hub.update_info('early_stopping',
                                       [self.wait_count, self.best_score])

    def _check_stop_condition(self, current_score: float) -> tuple:
        if current_score == self.best_score:
            self.wait_count += 1
            stop = self.wait_count >= self.patience
            return stop, (f'{self.monitor} did not improve on '
                          f'{self.best_score:.3f} in the last '
                          f'{self.wait_count} evaluations.')
        return super()._check_stop_condition(current_score)
