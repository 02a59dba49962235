"""Owns the distillation losses and connectors, and runs them."""
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from typing import Any, cast

import torch
from mmengine.logging import print_log
from torch import Tensor, nn

from mmxkd.engine.building import build_part
from mmxkd.engine.meaning import check_classes
from mmxkd.engine.several_processes import zero_of_parameters
from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.families import family_of
from mmxkd.families.context import Context
from mmxkd.families.dry_run import untouched
from mmxkd.recording.gradients import check_gradient
from mmxkd.recording.hook_points import STUDENT, HookPoint, parse
from mmxkd.recording.tape import Tape
from mmxkd.schedules import Progress, warn_if_it_stands_still

from .audit import audit_table, connector_table
from .bound_loss import BoundLoss
from .building import build_labellers
from .loss_config import normalise
from .supply import Delivery, Records, Supplies
from .teacher import Teacher


class Distiller(nn.Module):
    """Reads records, applies connectors and computes the losses.

    It knows no method and no modality.

    Args:
        cfg (dict): ``losses`` in the short form, or MMRazor's words;
            ``labels``, name → config of what labels the student's samples
            by a teacher's predictions, such as :class:`mmxkd.engine.
            labellers.TeacherLabels`; ``log_levels=True`` to log each level.
        student (nn.Module): The student.
        teachers (dict[str, Teacher]): The teachers.

    Raises:
        ConfigError: See :mod:`.loss_config` and :mod:`.bound_loss`.
    """

    def __init__(self, cfg: dict, student: nn.Module,
                 teachers: Mapping[str, Teacher]) -> None:
        super().__init__()
        models: dict[str, nn.Module] = {STUDENT: student}
        models.update({name: t.model for name, t in teachers.items()})
        # Neither tapes nor models are parts of the distiller.
        self.tapes = {STUDENT: Tape(student, STUDENT)}
        self.tapes.update({name: t.tape for name, t in teachers.items()})
        config = normalise(cfg, list(teachers), models)
        self.log_levels = config.log_levels
        connectors = {
            name: build_part(connector, f'distiller.connectors.{name}')
            for name, connector in config.connectors.items()
        }
        self.connectors = nn.ModuleDict(connectors)
        # A ModuleDict does not tell mypy the class of its values.
        self.losses = cast(
            Mapping[str, BoundLoss],
            nn.ModuleDict({
                loss.name: BoundLoss(loss, models, connectors)
                for loss in config.losses
            }))
        self.deliveries = [
            Delivery(delivery, models) for delivery in config.deliveries
        ]
        self.labellers = build_labellers(config.labels, teachers)
        self.implicit = self._implicit_points(student)
        self._listen_to_points()
        self._check_all_used(teachers)
        self.audited: set[str] = set()
        self._started = False

    def _implicit_points(self, student: nn.Module) -> dict[str, HookPoint]:
        """What the student's family reads to serve what losses ask for."""
        asked = {
            name for loss in self.losses.values() for name in loss.inputs.asked
        }
        addresses = family_of(student).implicit_points(asked, student)
        return {
            name: parse(address, student, STUDENT)
            for name, address in addresses.items()
        }

    def _listen_to_points(self) -> None:
        for loss in self.losses.values():
            for source, point in loss.inputs.points.items():
                self.tapes[source.model].add(point)
        for delivery in self.deliveries:
            self.tapes[delivery.teacher].add(delivery.point)
        for point in self.implicit.values():
            self.tapes[STUDENT].add(point)

    def implicit_record(self, name: str) -> Any:
        """What an implicit hook point recorded last; None if nothing did."""
        if name not in self.implicit:
            return None
        calls = self.tapes[STUDENT].calls(self.implicit[name])
        return calls[-1] if calls else None

    def _check_all_used(self, teachers: Iterable[str]) -> None:
        unused = set(teachers) - self.teachers_of(self.losses)
        if unused:
            raise ConfigError(f'no loss reads the teachers {sorted(unused)}; '
                              'remove them or name them in a hook point')
        used = {
            connector for loss in self.losses.values()
            for connector in loss.inputs.shared_connectors
        }
        # DDP would wait for their gradients.
        unused = set(self.connectors) - used
        if unused:
            raise ConfigError('distiller.connectors: no loss uses '
                              f'{sorted(unused)}; remove them or name them '
                              'in a mapping')

    @property
    def predicting(self) -> set[str]:
        """Teachers whose predictions somebody asks for."""
        return {name for part in self.labellers for name in part.teachers}

    def teachers_of(self, names: Iterable[str]) -> set[str]:
        """Teachers that must run: for the named losses, and for deliveries
        beside them; for labels in any case.
        """
        names = list(names)
        found = {
            teacher for name in names
            for teacher in self.losses[name].inputs.teachers
        }
        if names:
            found.update(d.teacher for d in self.deliveries)
        return found | self.predicting

    def label(self, samples: list | None, supplies: Supplies) -> None:
        """Let predictions label the student's samples, in place."""
        for labeller in self.labellers:
            labeller.label(
                samples or [],
                *(supplies[name].predictions or []
                  for name in labeller.teachers))

    @contextmanager
    def listen(self, supplies: Supplies) -> Iterator[None]:
        """Record a forward pass of the student, with its deliveries."""
        with ExitStack() as stack:
            for delivery in self.deliveries:
                stack.enter_context(
                    delivery.delivering(supplies[delivery.teacher].records))
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

    def student_weights(self, weights: Mapping[str, float], progress: Progress,
                        own: Mapping[str, Any]) -> dict[str, float]:
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
            if not weights[name]:
                continue
            for hard, factor in loss.loss.student_weights(progress).items():
                hard = self._own_loss(loss.key, hard, own)
                if hard in found:
                    raise ConfigError(
                        f"{loss.key}: the student's {hard!r} is weighed by "
                        'another loss already')
                found[hard] = factor
        return found

    @staticmethod
    def _own_loss(key: str, names: str | tuple[str, ...],
                  own: Mapping[str, Any]) -> str:
        """The first of some names that the student has a loss of."""
        names = (names, ) if isinstance(names, str) else names
        for name in names:
            if name in own:
                return name
        raise ConfigError(f'{key}: hard_loss={names[-1]!r} is no loss of the '
                          f"student's; {did_you_mean(names[-1], own)}")

    def fit(self, context: Mapping[str, Any], detector: str) -> None:
        """Settle connectors by the records of a dry run, and try each loss.

        Args:
            context (dict): What losses may ask for by name.
            detector (str): Class of the student.
        """
        for loss in self.losses.values():
            values = loss.inputs.read(self.tapes)
            self._check_gradient(loss)
            loss.fit(values)
            with untouched(self):
                loss.rehearse(values, context, detector)
        print_log('Connectors\n' + connector_table(self.losses.values()),
                  logger='current')

    def check_classes(self, student: Sequence[str] | None,
                      teachers: Mapping[str, Teacher]) -> None:
        """Compare classes wherever a loss or a label relies on them.

        Args:
            student (Sequence[str], optional): The student's classes.
            teachers (dict[str, Teacher]): All teachers.

        Raises:
            ConfigError: Those of a teacher are others.
        """
        comparing = [(loss.key, name) for loss in self.losses.values()
                     if loss.loss.compares_classes
                     for name in loss.inputs.teachers]
        for key, name in comparing:
            if teachers[name].check_meaning:
                check_classes(student, teachers[name].meaning.classes, name,
                              key)
        for labeller in self.labellers:
            labeller.check_classes(student, teachers)

    def audit(self, names: Iterable[str], records: Mapping[str,
                                                           Records]) -> None:
        """Print what these losses read, once."""
        new = [name for name in names if name not in self.audited]
        if not new:
            return
        self.audited.update(new)
        print_log(
            'Records that the losses read\n'
            + audit_table([self.losses[name] for name in new], records),
            logger='current')

    def _check_gradient(self, loss: BoundLoss) -> None:
        if not torch.is_grad_enabled():
            return
        inputs = loss.inputs
        for source in inputs.learning_sources(loss.loss.fixed):
            check_gradient(self.tapes[STUDENT].read(inputs.points[source]),
                           f'{loss.key}: student:{source.address}')

    def forward(self, weights: Mapping[str, float], context: Context,
                like: Tensor, supplies: Supplies) -> dict[str, Tensor]:
        """Compute all losses that weigh something now.

        Args:
            weights (dict[str, float]): The weight of each loss.
            context (Context): What losses may ask for by name.
            supplies (dict[str, Supply]): What each teacher gave.
            like (Tensor): A loss of the student, for device and dtype.

        Returns:
            dict[str, Tensor]: ``distill/<name>``, weighted, which is summed
            into the total, and ``distill/raw_<rest of the name>``, which is
            only logged.
        """
        logs: dict[str, Tensor] = {}
        if not self._started:
            self._started = True
            for loss in self.losses.values():
                loss.check_collectives()
                schedules = dict(loss.loss.schedules,
                                 loss_weight=loss.schedule)
                for name, schedule in schedules.items():
                    warn_if_it_stands_still(schedule, f'{loss.key}: {name}')
        records: dict[str, Records] = {STUDENT: self.tapes[STUDENT]}
        records.update({k: supply.records for k, supply in supplies.items()})
        self.audit((name for name, weight in weights.items() if weight),
                   records)
        with torch.autocast(like.device.type, enabled=False):
            for name, loss in self.losses.items():
                read = None
                if weights[name] != 0:
                    self._check_gradient(loss)
                    read = loss.of_its_frames(loss.inputs.read(records),
                                              context)
                if read is None:
                    logs[f'distill/{name}'] = zero_of_parameters(
                        loss.parts, like.float())
                    continue
                raw, levels = loss(*read)
                # Some of its parameters may have had no part in it, such as
                # a connector in the discriminators' turn.
                raw = raw + zero_of_parameters(loss.parts, raw)
                logs[f'distill/{name}'] = raw * weights[name]
                logs.update(self._details(name, loss, raw, levels))
        return logs

    def _details(self, name: str, loss: BoundLoss, raw: Tensor,
                 levels: list[Tensor]) -> dict[str, Tensor]:
        """What is logged but not summed: no name holds ``loss``."""
        short = name.replace('loss_', '').replace('loss', '') or 'value'
        details = {f'distill/raw_{short}': raw.detach()}
        if self.log_levels and len(levels) > 1:
            details.update({
                f'distill/raw_{short}_{i}': level.detach()
                for i, level in enumerate(levels)
            })
        details.update({
            f'distill/{short}_{key}': value
            for key, value in loss.loss.metrics().items()
            # Of one level, by its number at the end.
            if self.log_levels or not re.search(r'_\d+$', key)
        })
        return details
