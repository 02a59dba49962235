"""Adversarial feature distillation."""
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call

from mmxkd.errors import check_known
from mmxkd.registry import MODELS

from .base import Levels, MultiLevelLoss
from .common.discriminator import FeatureDiscriminator
from .common.gradient_reversal import reverse_gradient

Pair = tuple[Tensor, Tensor]

# Grid and inner pooling of the published discriminators, P2 to P5.
PAPER_LEVELS = (
    dict(grid=(32, 54), pool_between=True),
    dict(grid=(16, 27), pool_between=True),
    dict(grid=(16, 27), pool_between=False),
    dict(grid=(16, 27), pool_between=False),
)


@MODELS.register_module()
class AdversarialFeatureLoss(MultiLevelLoss):
    r"""CMKD-Adv (Hnewa et al., ICASSP 2023): features that a discriminator
    cannot tell from the teacher's.

    .. math:: L = \frac{1}{|l|}\sum_l \operatorname{BCE}(D_l([R_\lambda(S_l),
              T_l]), [0, 1])

    Two ways to train it:

    * ``mode='reversal'`` (the paper's code): one optimizer. The gradient
      that reaches the student is multiplied by :math:`-\lambda`.
    * ``mode='alternate'``: in turn, ``discriminator_steps`` iterations that
      train the discriminators on detached features, and ``student_steps``
      in which the student, weighed by :math:`\lambda`, learns to pass for
      the teacher with fixed discriminators. Use it with
      ``AlternatingOptimWrapper``, which gives the discriminators an
      optimizer of their own.

    Args:
        in_channels (int): Channels of the features.
        num_levels (int): Number of levels; each has its own discriminator.
        factor (float): :math:`\lambda`.
        mode (str): ``'reversal'`` or ``'alternate'``.
        channels, hidden (int): Widths of the discriminators.
        dropout (float): In the discriminators.
        level_cfgs (list[dict], optional): ``grid`` and ``pool_between`` of
            each level; default: the paper's, for its four levels.
        level_weights (list[float], optional): Weight of each level.
        discriminator_steps, student_steps (int): Turns of ``alternate``.

    Raises:
        ValueError: The mode is unknown, or ``level_cfgs`` has another length
            than ``num_levels``.
    """

    def __init__(self, in_channels: int = 256, num_levels: int = 4,
                 factor: float = 0.3, mode: str = 'reversal',
                 channels: int = 128, hidden: int = 108, dropout: float = 0.5,
                 level_cfgs: Sequence[dict] | None = None,
                 level_weights: Sequence[float] | None = None,
                 discriminator_steps: int = 1, student_steps: int = 1) -> None:
        super().__init__(level_weights)
        check_known('AdversarialFeatureLoss: mode', mode,
                    ('reversal', 'alternate'))
        if level_cfgs is None:
            level_cfgs = PAPER_LEVELS[:num_levels]
        if len(level_cfgs) != num_levels:
            raise ValueError('AdversarialFeatureLoss: level_cfgs has '
                             f'{len(level_cfgs)} entries for num_levels='
                             f'{num_levels}')
        self.in_channels, self.factor, self.mode = in_channels, factor, mode
        self.turns = (discriminator_steps, student_steps)
        self.discriminators = nn.ModuleList(
            FeatureDiscriminator(in_channels, channels, hidden,
                                 dropout=dropout, **cfg) for cfg in level_cfgs)
        # Whether the last call trained the discriminators.
        self.trains_discriminator = False
        self._accuracy: Tensor | None = None

    def levels(self, s_feature: Levels, t_feature: Levels,
               progress=None) -> list[Tensor]:
        """The loss of each level.

        Args:
            s_feature, t_feature (Tensor | list[Tensor]): Student and
                teacher, (N, C, H, W) each.
            progress: ``iter`` tells whose turn it is in ``alternate``.

        Raises:
            ValueError: The number of levels, a shape or the channels do not
                fit, or ``alternate`` gets no ``progress``.
        """
        pairs = self.pairs(s_feature, t_feature)
        if len(pairs) != len(self.discriminators):
            raise ValueError(
                f'AdversarialFeatureLoss: {len(pairs)} levels for '
                f'num_levels={len(self.discriminators)}')
        for i, (s, _) in enumerate(pairs):
            if s.shape[1] != self.in_channels:
                raise ValueError(
                    f'AdversarialFeatureLoss: level {i} has {s.shape[1]} '
                    f'channels, in_channels={self.in_channels}')
        if self.mode == 'reversal':
            return self._discriminate([(reverse_gradient(s, self.factor), t)
                                       for s, t in pairs])
        if progress is None:
            raise ValueError("AdversarialFeatureLoss(mode='alternate') needs "
                             'progress')
        if progress.iter % sum(self.turns) < self.turns[0]:
            return self._discriminate([(s.detach(), t) for s, t in pairs])
        self.trains_discriminator, self._accuracy = False, None
        return [
            self.factor * self._deceive(module, s)
            for module, (s, _) in zip(self.discriminators, pairs, strict=True)
        ]

    def _discriminate(self, pairs: Sequence[Pair]) -> list[Tensor]:
        """Binary cross-entropy: student 0, teacher 1."""
        self.trains_discriminator = True
        losses, right = [], []
        for module, (s, t) in zip(self.discriminators, pairs, strict=True):
            logits = module(torch.cat([s, t]))
            truth = torch.zeros_like(logits)
            truth[len(s):] = 1
            losses.append(F.binary_cross_entropy_with_logits(logits, truth))
            right.append(((logits.detach() > 0) == (truth > 0.5)).float())
        self._accuracy = torch.cat(right).mean()
        return losses

    @staticmethod
    def _deceive(module: nn.Module, student: Tensor) -> Tensor:
        """Cross-entropy of the student with the teacher's label.

        The discriminator runs with detached weights; its own weights enter
        with factor 0, so that DDP finds every parameter in the graph.
        """
        weights = dict(module.named_parameters())
        fixed = {name: value.detach() for name, value in weights.items()}
        logits = functional_call(module, fixed, (student, ))
        untouched = sum(value.sum() * 0.0 for value in weights.values())
        return F.binary_cross_entropy_with_logits(
            logits, torch.ones_like(logits)) + untouched

    def metrics(self) -> dict[str, Tensor]:
        """``accuracy`` of the discriminators; 0.5 is a guess."""
        return {} if self._accuracy is None else {'accuracy': self._accuracy}
