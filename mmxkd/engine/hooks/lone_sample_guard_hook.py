"""No batch of one sample where batch norm cannot take it."""
from mmengine.hooks import Hook
from torch import nn
from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm
from torch.utils.data import DataLoader

from mmxkd.errors import ConfigError
from mmxkd.registry import HOOKS


@HOOKS.register_module()
class LoneSampleGuardHook(Hook):
    """Refuse, before the first step, a run that has batches of one sample.

    A detector whose last feature map is 1×1, such as SSDLite, cannot train on
    one: batch norm would see one value per channel there. PyTorch says so in
    the middle of an epoch, where the last batch is the one.

    Models without a plain batch norm are let pass; one in eval mode counts,
    since the mode is set later. With several processes the smallest share of
    the data decides.

    Raises:
        ConfigError: It names the option to change.
    """

    def before_train(self, runner) -> None:
        loader = runner.train_dataloader
        if _has_plain_norm(runner.model) and 1 in batch_sizes(loader):
            raise ConfigError(
                'train_dataloader: its batches have '
                f'{" and ".join(map(str, sorted(batch_sizes(loader))))} '
                'samples, and batch norm cannot train on 1, where a feature '
                'map is 1x1. Set batch_size to 2 or more, and drop_last=True '
                'where the last batch has 1')


def batch_sizes(loader: DataLoader) -> set[int]:
    """How many samples the batches of a loader have.

    Examples:
        >>> batch_sizes(DataLoader(range(9), batch_size=4)) == {4, 1}
        True
        >>> batch_sizes(DataLoader(range(9), batch_size=4, drop_last=True))
        {4}
    """
    size, number = loader.batch_size, len(loader.sampler)  # type: ignore
    if size is None:  # A batch sampler of somebody's own.
        return set()
    full, rest = divmod(number, size)
    sizes = {size} if full else set()
    return sizes | {rest} if rest and not loader.drop_last else sizes


def _has_plain_norm(model: nn.Module) -> bool:
    return any(
        isinstance(module, _BatchNorm)
        and not isinstance(module, SyncBatchNorm)
        for module in model.modules())
