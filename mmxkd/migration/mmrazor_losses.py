"""A distiller in MMRazor's words, in the short form where it can say that."""
import os
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from mmxkd.distillation.loss_config import normalise
from mmxkd.distillation.normal_form import LossConfig, Source
from mmxkd.recording.hook_points import STUDENT

from .mmrazor_translations import SCOPE, TRANSLATIONS, Ours

TEACHER = 'teacher'
# How MMRazor's losses of two features name them: the student's comes first.
_PAIRS = (('preds_S', 'preds_T'), ('s_feature', 't_feature'))


@dataclass
class _Short:
    """A loss in the short form, before levels are joined."""
    name: str
    ours: Ours
    weight: float | dict
    student: str
    teacher: str

    def joins(self, other: '_Short') -> bool:
        """Whether both are levels of one loss."""
        return (self.ours.sums and self.ours.kind == other.ours.kind
                and self.weight == other.weight
                and _no_channels(self.ours) == _no_channels(other.ours))


def _no_channels(ours: Ours) -> dict:
    return {k: v for k, v in ours.options.items() if k != 'channels'}


def translate_distiller(cfg: Mapping[str, Any],
                        scope: str | None) -> tuple[dict, list[str]]:
    """A ``distiller`` of MMRazor as one of ours.

    Args:
        cfg (dict): MMRazor's.
        scope (str, optional): Where its bare type names are looked up.

    Returns:
        tuple: Our ``distiller``, and what the user should know of it.

    Raises:
        ConfigError: A part of it cannot be said here.
    """
    words = dict(cfg)
    for group in ('distill_losses', 'connectors'):
        words[group] = {
            name: _scoped(part, scope)
            for name, part in (words.get(group) or {}).items()
        }
    config = normalise(words, [TEACHER])
    users = Counter(c for loss in config.losses for c in _connectors_of(loss))
    alone = {
        name: connector for name, connector in config.connectors.items()
        if users[name] == 1
    }
    short, inputs, kept, notes = [], {}, [], []
    for loss in config.losses:
        found = _short_form(loss, alone)
        if found is not None:
            short.append(found)
        elif _connectors_of(loss) or any('()' in source.address
                                         for source in _sources(loss)):
            kept.append(loss)
        else:
            inputs[loss.name] = _by_inputs(loss)
    theirs = Counter(loss.cfg['type'] for loss in config.losses
                     if loss in kept or loss.name in inputs)
    notes += [
        f'{kind} ({number} of them) runs as it is, from the package mmrazor'
        for kind, number in theirs.items() if kind.startswith(SCOPE)
    ]
    losses, joined = _join(short, set(inputs) | {loss.name for loss in kept})
    result: dict[str, Any] = {}
    if losses or inputs:
        result['losses'] = losses | inputs
    result.update(_words_of(words, kept))
    if words.get('distill_deliveries'):
        result['distill_deliveries'] = words['distill_deliveries']
    return result, notes + joined


def _scoped(part: Mapping[str, Any], scope: str | None) -> dict[str, Any]:
    """A part with its type in full, where that is MMRazor's."""
    part = dict(part)
    scope = part.pop('_scope_', scope)
    kind = part.get('type')
    if isinstance(kind, str) and '.' not in kind and scope == SCOPE:
        part['type'] = f'{SCOPE}.{kind}'
    return part


def _sources(loss: LossConfig) -> list[Source]:
    # MMRazor's words never give a list.
    return [s for s in loss.arguments.values() if isinstance(s, Source)]


def _connectors_of(loss: LossConfig) -> list[str]:
    return [s.connector for s in _sources(loss) if s.connector is not None]


def _short_form(loss: LossConfig, connectors: Mapping[str,
                                                      dict]) -> _Short | None:
    """One of our losses; None where there is none that does the same."""
    options = dict(loss.cfg)
    package, _, kind = str(options.pop('type', '')).rpartition('.')
    sources: Mapping[Any, Any] = loss.arguments
    pair = next((p for p in _PAIRS if set(p) == set(sources)), None)
    if package != SCOPE or kind not in TRANSLATIONS or pair is None:
        return None
    student, teacher = (sources[name] for name in pair)
    if student.model != STUDENT or teacher.model != TEACHER or (
            teacher.connector or '()' in student.address + teacher.address):
        return None
    connector = None
    if student.connector is not None:
        connector = connectors.get(student.connector)
        if connector is None:
            return None
    ours = TRANSLATIONS[kind](options, connector)
    if ours is None or (ours.factor != 1 and isinstance(loss.weight, dict)):
        return None
    weight = loss.weight
    if not isinstance(weight, dict):
        weight = weight * ours.factor if ours.factor != 1 else weight
    return _Short(loss.name, ours, weight, student.address, teacher.address)


def _by_inputs(loss: LossConfig) -> dict[str, Any]:
    """A loss of MMRazor in the short form, by the names of its arguments."""
    found = dict(loss.cfg)
    if loss.weight != 1:
        found['loss_weight'] = loss.weight
    found['inputs'] = {
        name: source.address if source.model == STUDENT else
        f'{source.model}:{source.address}'
        for name, source in loss.arguments.items()
        if isinstance(source, Source)
    }
    return found


def _join(losses: Sequence[_Short],
          taken: set[str]) -> tuple[dict[str, dict], list[str]]:
    """Consecutive levels as one loss that reads them all."""
    groups: list[list[_Short]] = []
    for loss in losses:
        if groups and groups[-1][0].joins(loss):
            groups[-1].append(loss)
        else:
            groups.append([loss])
    found: dict[str, dict] = {}
    notes = []
    for group in groups:
        first = group[0]
        name = _common_name([loss.name for loss in group])
        if name in taken | set(found) | {o.name for o in losses}:
            name = first.name
        options = dict(first.ours.options)
        if 'channels' in options:
            options['channels'] = [
                c for loss in group for c in loss.ours.options['channels']
            ]
        found[name] = dict(type=first.ours.kind, **options)
        if first.weight != 1:
            found[name]['loss_weight'] = first.weight
        found[name]['student'] = _levels([loss.student for loss in group])
        found[name]['teacher'] = _levels([loss.teacher for loss in group])
        if len(group) > 1:
            notes.append(f'{first.name} … {group[-1].name} are one loss, '
                         f'{name}: the sum over {len(group)} levels, logged '
                         'under one name')
    return found, notes


def _common_name(names: Sequence[str]) -> str:
    """What names of levels have in common.

    Examples:
        >>> _common_name(['loss_cwd_fpn0', 'loss_cwd_fpn1'])
        'loss_cwd_fpn'
    """
    if len(names) == 1:
        return names[0]
    common = os.path.commonprefix(list(names)).rstrip('_0123456789')
    return common if 'loss' in common else names[0]


def _levels(addresses: Sequence[str]) -> str | list[str]:
    """Hook points of levels as a range, where they are one.

    Examples:
        >>> _levels(['neck[0]', 'neck[1]'])
        'neck[:2]'
        >>> _levels(['neck[1]', 'neck[3]'])
        ['neck[1]', 'neck[3]']
    """
    if len(addresses) == 1:
        return addresses[0]
    found = [re.fullmatch(r'(.*)\[(\d+)\]', a) for a in addresses]
    stems = {match[1] if match else None for match in found}
    numbers = [int(match[2]) for match in found if match]
    if stems == {found[0][1] if found[0] else ''} and numbers == list(
            range(numbers[0], numbers[0] + len(numbers))):
        begin = numbers[0] or ''
        return f'{stems.pop()}[{begin}:{numbers[-1] + 1}]'
    return list(addresses)


def _words_of(words: Mapping[str, Any],
              losses: Sequence[LossConfig]) -> dict[str, Any]:
    """What of MMRazor's words these losses need."""
    names = [loss.name for loss in losses]
    if not names:
        return {}
    mappings = {n: words['loss_forward_mappings'][n] for n in names}
    entries = [e for mapping in mappings.values() for e in mapping.values()]
    found: dict[str, Any] = {}
    for side, of_student in (('student', True), ('teacher', False)):
        used = {
            e['recorder'] for e in entries
            if bool(e['from_student']) is of_student
        }
        group = f'{side}_recorders'
        kept = {k: v for k, v in words.get(group, {}).items() if k in used}
        if kept:
            found[group] = kept
    used = {e.get('connector') for e in entries}
    connectors = {k: v for k, v in words['connectors'].items() if k in used}
    if connectors:
        found['connectors'] = connectors
    found['distill_losses'] = {n: words['distill_losses'][n] for n in names}
    found['loss_forward_mappings'] = mappings
    return found
