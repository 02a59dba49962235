"""Results of a teacher's methods that the student reuses."""
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn

from mmxkd.errors import ConfigError, did_you_mean
from mmxkd.recording.hook_points import split_model
from mmxkd.recording.methods import method_point, supplied, tap_method


class Delivery:
    """The student reuses what a method gave in the teacher.

    For values that both must share, such as a drawn assignment: the k-th
    call of the student's method returns what the k-th call of the teacher's
    method returned, and the student's own method is not run.

    Args:
        name (str): Its key in ``distill_deliveries``.
        cfg (dict): ``type='MethodOutputs'``; ``method_path`` (MMRazor's
            word) or ``source``: the method, ``'bbox_head.get_targets'``;
            ``teacher``, where there are several.
        models (dict[str, nn.Module]): Student and teachers by name.
        tapes (dict[str, Tape]): Their tapes.

    Raises:
        ConfigError: A key, a teacher or the method does not exist.
    """

    def __init__(self, name: str, cfg: dict, models: dict[str, nn.Module],
                 tapes: dict[str, Any]) -> None:
        key = f'distiller.distill_deliveries.{name}'
        known = ('type', 'method_path', 'source', 'teacher', 'max_keep_data')
        for word in cfg:
            if word not in known:
                raise ConfigError(f'{key}.{word} is unknown; '
                                  + did_you_mean(word, known))
        kind = str(cfg.get('type')).removesuffix('Delivery')
        if kind != 'MethodOutputs':
            raise ConfigError(f"{key}.type={cfg.get('type')!r}: expected "
                              "'MethodOutputs'")
        text = cfg.get('source') or cfg.get('method_path')
        if not text:
            raise ConfigError(f"{key}: 'source' is missing")
        model, path = split_model(text, default=cfg.get('teacher', ''))
        teachers = [n for n in models if n != 'student']
        model = model or (teachers[0] if len(teachers) == 1 else '')
        if model not in teachers:
            raise ConfigError(f'{key}: which teacher? '
                              + did_you_mean(model, teachers))
        self.key = key
        self.point = method_point(models[model], model, path, key)
        own = method_point(models['student'], 'student', path, key)
        self.tape = tapes[model]
        self.tape.add(self.point)
        self.teacher = model
        self.tap = tap_method(models['student'].get_submodule(own.path),
                              own.source.removesuffix('()'))

    @contextmanager
    def delivering(self) -> Iterator[None]:
        """While active, the student's method returns the records."""
        records = self.tape.recorders[self.point.path, self.point.source]
        with supplied(self.tap, self._each(list(records.records))):
            yield

    def _each(self, records: list[Any]) -> Iterator[Any]:
        yield from records
        raise ConfigError(
            f'{self.key}: the student calls the method more often than the '
            f'teacher {self.teacher!r} did ({len(records)} times). Is it '
            "called in the teacher's mode at all? (mode='predict' runs no "
            'losses)')


