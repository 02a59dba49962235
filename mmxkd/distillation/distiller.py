"""Owns the distillation losses and connectors, and runs them."""
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Any

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.losses.heads.base import HeadLoss
from mmxkd.recording.hook_points import STUDENT
from mmxkd.recording.recorders import RecordError, tensors_in
from mmxkd.recording.tape import Tape
from mmxkd.schedules import Progress, warn_if_it_stands_still

from .audit import audit_table, connector_table
from .bound_loss import BoundLoss
from .building import build_part
from .dry_run import untouched
from .fitting import rehearse
from .loss_config import normalise
from .supply.deliveries import Delivery
from .teacher import Teacher


class Distiller(nn.Module):
    """Reads records, applies connectors and computes the losses.

    It knows no method and no modality.

    Args:
        cfg (dict): ``losses`` in the short form, or MMRazor's words; and
            ``log_levels=True`` to log each level of each loss.
        student (nn.Module): The student.
        teachers (dict[str, Teacher]): The teachers.

    Raises:
        ConfigError: See :mod:`.loss_config` and :mod:`.bound_loss`.
    """

    def __init__(self, cfg: dict, student: nn.Module,
                 teachers: Mapping[str, Teacher]) -> None:
        super().__init__()
        self.log_levels = bool(cfg.get('log_levels', False))
        tape = Tape(student, STUDENT)
        models: dict[str, nn.Module] = {STUDENT: student}
        models.update({name: t.model for name, t in teachers.items()})
        # Neither tapes nor models are parts of the distiller.
        self.tapes = {STUDENT: tape}
        self.tapes.update({name: t.tape for name, t in teachers.items()})
        configs = normalise(cfg, list(teachers))
        self.connectors = nn.ModuleDict({
            name: build_part(connector, f'distiller.connectors.{name}')
            for name, connector in (cfg.get('connectors') or {}).items()
        })
        self.losses = nn.ModuleDict()
        for config in configs:
            self.losses[config.name] = BoundLoss(config, self.tapes, models)
        self.deliveries = [
            Delivery(name, delivery, models, self.tapes)
            for name, delivery in (cfg.get('distill_deliveries') or {}).items()
        ]
        self._check_all_used(teachers)
        self.audited: set[str] = set()
        self._started = False

    def _check_all_used(self, teachers: Iterable[str]) -> None:
        unused = set(teachers) - self.teachers_of(self.losses)
        if unused:
            raise ConfigError(f'no loss reads the teachers {sorted(unused)}; '
                              'remove them or name them in a hook point')
        used = {source.connector for loss in self.losses.values()
                for source in loss.sources()}
        # DDP would wait for their gradients.
        unused = set(self.connectors) - used
        if unused:
            raise ConfigError('distiller.connectors: no loss uses '
                              f'{sorted(unused)}; remove them or name them '
                              'in a mapping')

    def teachers_of(self, names) -> set[str]:
        """Teachers that the named losses need, and deliveries with them."""
        names = list(names)
        found = {t for name in names for t in self.losses[name].teachers}
        if names:
            found.update(d.teacher for d in self.deliveries)
        return found

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Record a forward pass of the student, with its deliveries."""
        with ExitStack() as stack:
            for delivery in self.deliveries:
                stack.enter_context(delivery.delivering())
            stack.enter_context(self.tapes[STUDENT].listen())
            yield

    def weights(self, progress: Progress) -> dict[str, float]:
        """The weight of each loss at this moment."""
        return {
            name: loss.schedule(progress)
            for name, loss in self.losses.items()
        }

    def check_weighed(self, own: Mapping[str, Any]) -> None:
        """Raise where a loss weighs one that the student does not have.

        Args:
            own (dict): The student's losses by name.

        Raises:
            ConfigError: It names both.
        """
        for name in self.losses:
            alone = dict.fromkeys(self.losses, 0.0) | {name: 1.0}
            self.student_weights(alone, Progress(), own)

    def student_weights(self, weights: Mapping[str, float],
                        progress: Progress, own: Mapping[str, Any]
                        ) -> dict[str, float]:
        """What the student's own losses weigh at this moment, by name.

        Args:
            weights (dict[str, float]): The weight of each distillation loss.
            progress (Progress): For schedules.
            own (dict): The student's losses by name.

        Raises:
            ConfigError: Two losses weigh the same one, or it does not exist.
        """
        found: dict[str, float] = {}
        for name, loss in self.losses.items():
            if not weights[name] or not isinstance(loss.module, HeadLoss):
                continue
            for hard, factor in loss.module.student_weights(progress).items():
                if hard not in own:
                    raise ConfigError(
                        f'{loss.key}: hard_loss={hard!r} is no loss of the '
                        f"student's; {did_you_mean(hard, own)}")
                if hard in found:
                    raise ConfigError(
                        f"{loss.key}: the student's {hard!r} is weighed by "
                        'another loss already')
                found[hard] = factor
        return found

    def fit(self, context: Mapping[str, Any], detector: str) -> None:
        """Settle connectors by the records of a dry run, and try each loss.

        Args:
            context (dict): What losses may ask for by name.
            detector (str): Class of the student.
        """
        for loss in self.losses.values():
            values = loss.read(self.tapes)
            loss.fit(values, self.connectors)
            with untouched(self):
                rehearse(loss, values, context, self.connectors, detector)
        print_log('Connectors\n' + connector_table(self.losses.values()),
                  logger='current')

    def audit(self, names: Iterable[str]) -> None:
        """Print what these losses read, once."""
        new = [name for name in names if name not in self.audited]
        if not new:
            return
        self.audited.update(new)
        print_log('Records that the losses read\n' + audit_table(
            [self.losses[name] for name in new], self.tapes),
                  logger='current')

    def _check_gradient(self, loss: BoundLoss) -> None:
        if not torch.is_grad_enabled():
            return
        for source in loss.learning_sources():
            tensors = tensors_in(self.tapes[STUDENT].read(
                loss.points[source]))
            dead = [i for i, tensor in enumerate(tensors)
                    if tensor.is_floating_point() and not tensor.requires_grad]
            if dead:
                raise RecordError(
                    f'{loss.key}: student:{source.address} carries no '
                    f'gradient (tensors {dead} of it), so this loss cannot '
                    'teach. The layer is frozen, or runs inside a reentrant '
                    'checkpoint (with_cp=True): record the layer around it, '
                    'or use checkpoint(use_reentrant=False)')

    def forward(self, weights: Mapping[str, float],
                context: Mapping[str, Any], like: Tensor
                ) -> dict[str, Tensor]:
        """Compute all losses that weigh something now.

        Args:
            weights (dict[str, float]): The weight of each loss.
            context (dict): What losses may ask for by name.
            like (Tensor): A loss of the student, for device and dtype.

        Returns:
            dict[str, Tensor]: ``distill.<name>``, weighted, which is summed
            into the total, and ``distill.raw_<rest of the name>``, which is
            only logged.
        """
        logs: dict[str, Tensor] = {}
        if not self._started:
            self._started = True
            for loss in self.losses.values():
                schedules = dict(getattr(loss.module, 'schedules', {}),
                                 loss_weight=loss.schedule)
                for name, schedule in schedules.items():
                    warn_if_it_stands_still(schedule, f'{loss.key}: {name}')
        self.audit(name for name, weight in weights.items() if weight)
        with torch.autocast(like.device.type, enabled=False):
            for name, loss in self.losses.items():
                if weights[name] == 0:
                    logs[f'distill.{name}'] = loss.rest(
                        like.float(), self.connectors)
                    continue
                self._check_gradient(loss)
                raw, levels = loss(loss.read(self.tapes), context,
                                   self.connectors)
                logs[f'distill.{name}'] = raw * weights[name]
                logs.update(self._details(name, loss, raw, levels))
        return logs

    def _details(self, name: str, loss: BoundLoss, raw: Tensor,
                 levels: list[Tensor]) -> dict[str, Tensor]:
        """What is logged but not summed: no name holds ``loss``."""
        short = name.replace('loss_', '').replace('loss', '') or 'value'
        details = {f'distill.raw_{short}': raw.detach()}
        if self.log_levels and len(levels) > 1:
            details.update({
                f'distill.raw_{short}_{i}': level.detach()
                for i, level in enumerate(levels)
            })
        if hasattr(loss.module, 'metrics'):
            details.update({
                f'distill.{short}_{key}': value
                for key, value in loss.module.metrics().items()
            })
        return details
