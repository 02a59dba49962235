"""Hierarchical task learning: which losses count in an epoch (GUPNet)."""
from collections.abc import Mapping, Sequence

import numpy as np

from mmxkd.errors import ConfigError, check_known

PARENTS: dict[str, tuple[str,
                         ...]] = dict(seg=(), offset2d=(), size2d=(),
                                      depth=('size2d', 'size3d', 'offset2d'),
                                      offset3d=('size2d', 'offset2d'),
                                      size3d=('size2d', 'offset2d'),
                                      heading=('size2d', 'offset2d'))
"""Task → those that it builds upon."""
#: Epochs whose losses tell how a task is getting on.
WINDOW = 5


class HierarchicalTaskWeights:
    r"""The weight of each task, from the losses of the epochs before.

    Of the last five epochs, D is the mean of the differences between losses
    two epochs apart, and D0 the first D. A task that still learns as fast as
    then has :math:`c = 1 - \operatorname{relu}(D / D_0) = 0`, one that has
    converged c = 1. A task weighs

    .. math:: w = \tau^{1 - \prod_{parents} c}, \qquad
              \tau = \min\left(\frac{e - 5}{T - 5}, 1\right)

    in epoch e (0-based), 0 until five epochs are known, and 1 always where it
    has no parents.

    Source: Lu et al., "Geometry uncertainty projection network", ICCV 2021.

    Args:
        total_epochs (int): T. The codes have 140, however long they train.
        clamp (bool): Keep c within [0, 1]. Without it, as published, two
            losses that fall faster than before make a weight of thousands.
        skip_first (bool): Leave the first epoch out, as MonoSKD's code.

    Raises:
        ConfigError: There are not more epochs than the window.
    """

    def __init__(self, total_epochs: int = 140, clamp: bool = True,
                 skip_first: bool = False) -> None:
        if not isinstance(total_epochs, int) or total_epochs <= WINDOW:
            raise ConfigError(f'HTLHook: total_epochs={total_epochs!r}, '
                              f'expected a number above {WINDOW}')
        self.total_epochs, self.clamp = total_epochs, clamp
        self.skip_first = skip_first
        self._past: list[list[float]] = []
        self._start: list[float] | None = None

    def weights(self, epoch: int) -> dict[str, float]:
        """The weights in an epoch; call once per epoch, in order.

        Args:
            epoch (int): 0-based.
        """
        found = {task: float(not parents) for task, parents in PARENTS.items()}
        if len(self._past) < WINDOW:
            return found
        past = np.array(self._past)
        gain = (past[:-2] - past[2:]).mean(0)
        if self._start is None:
            self._start = gain.tolist()
        start = np.array(self._start)
        # A loss that did not move at first has converged once it stands.
        ratio = np.divide(gain, start, out=np.sign(gain), where=start != 0)
        done = 1 - np.maximum(ratio, 0)
        if self.clamp:
            done = done.clip(0, 1)
        converged = dict(zip(PARENTS, done.tolist(), strict=True))
        tau = min((epoch - WINDOW) / (self.total_epochs - WINDOW), 1)
        for task, parents in PARENTS.items():
            if parents:
                share = np.prod([converged[parent] for parent in parents])
                # 0 to the power of less than 0 is where nothing counts yet.
                found[task] = float(tau**(1 - share)) if tau > 0 else 0.0
        return found

    def append(self, epoch: int, losses: Mapping[str, float]) -> None:
        """Add the mean losses of an epoch.

        Raises:
            ConfigError: A task has none.
        """
        for task in PARENTS:
            if task not in losses:
                check_known('HTLHook: a loss of the task', task, losses)
        if epoch == 0 and self.skip_first:
            return
        self._past.append([float(losses[task]) for task in PARENTS])
        del self._past[:-WINDOW]

    def state(self) -> dict[str, Sequence]:
        """In plain types, for a checkpoint."""
        return dict(past=[list(row) for row in self._past],
                    start=list(self._start or ()))

    def load(self, state: Mapping[str, Sequence]) -> None:
        """Undo :meth:`state`."""
        self._past = [[float(v) for v in row] for row in state['past']]
        self._start = [float(v) for v in state['start']] or None
