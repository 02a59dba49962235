"""What the hooks fill, checked at every step.

One :class:`Recorder` listens to one layer of one model; a :class:`Tape` holds
all recorders of a model and says when they listen. Records live from the
forward pass until the losses are computed, not longer.
"""
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

from mmxkd.errors import ConfigError

from .hook_points import ALL_CALLS, HookPoint, layer_hint, pick
from .methods import tap_method


class RecordError(RuntimeError):
    """A layer did not give what a distillation loss relies on."""


class StopForward(BaseException):
    """Ends a forward pass after the last recorded layer.

    Not an ``Exception``: a model that catches those must not swallow it.
    """


def tensors_in(value: Any) -> Iterator[Tensor]:
    """All tensors inside nested tuples, lists and dicts."""
    if isinstance(value, Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors_in(item)
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from tensors_in(item)


def map_tensors(function, value: Any) -> Any:
    """Apply a function to all tensors inside nested containers."""
    if isinstance(value, Tensor):
        return function(value)
    if isinstance(value, Mapping):
        return {k: map_tensors(function, v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [map_tensors(function, v) for v in value]
    return value


class Recorder:
    """Keeps what one layer gave during one forward pass.

    Args:
        module (nn.Module): The layer.
        path (str): Its dotted name.
        source (str): ``'outputs'``, ``'inputs'`` or a method, ``'name()'``.
            Inputs are a tuple of the positional ones, or a dict where the
            layer was called with keywords only.
        tape (Tape): The tape it belongs to.
    """

    def __init__(self, module: nn.Module, path: str, source: str,
                 tape: 'Tape') -> None:
        self.path, self.source, self.tape = path, source, tape
        self.module: nn.Module | None = None
        self.records: list[Any] = []
        self._versions: list[list[tuple[Tensor, int]]] = []
        # Copies are made only where a later layer writes into the record.
        self.copies = False
        # Calls in one pass, learned from the first complete pass.
        self.calls: int | None = None
        self.attach(module)

    def __getstate__(self) -> dict:
        # A copy (of the student, for EMA) starts without records, which
        # could not be copied before the backward pass.
        return {**self.__dict__, 'records': [], '_versions': []}

    def attach(self, module: nn.Module) -> None:
        """Listen to a module, unless this is done already.

        A conversion to SyncBN puts another module in the place of one that
        was listened to, and leaves its hooks behind.
        """
        if module is self.module:
            return
        self.module = module
        if self.source.endswith('()'):
            tap = tap_method(module, self.source.removesuffix('()'))
            tap.listeners.append(partial(self._after, module))
        elif self.source == 'inputs':
            # Before the layer runs, for it may write into its inputs.
            module.register_forward_pre_hook(self._before, with_kwargs=True)
        else:
            module.register_forward_hook(self._after, with_kwargs=True)

    def _before(self, _module, args: tuple, kwargs: dict) -> None:
        inputs = args if args else dict(kwargs)
        if args and kwargs:
            inputs = (*args, dict(kwargs))
        self._keep(inputs)

    def _after(self, _module, _args, _kwargs, output: Any) -> None:
        self._keep(output)

    def _keep(self, value: Any) -> None:
        if not self.tape.listening:
            return
        if self.copies:
            value = map_tensors(Tensor.clone, value)
        self.records.append(value)
        self._versions.append([(t, t._version) for t in tensors_in(value)])
        self.tape.recorded()

    def overwritten(self) -> bool:
        """Whether a record was changed in place after it was taken."""
        return any(tensor._version != version
                   for record in self._versions for tensor, version in record)

    def copy_from_now_on(self) -> None:
        """Keep copies in later passes; the shapes of this one stay valid."""
        self.copies, self._versions = True, []

    def release(self) -> None:
        """Forget the records."""
        self.records, self._versions = [], []

    def read(self, point: HookPoint, model: nn.Module | None = None
             ) -> Any:
        """The value at an address of this layer.

        Returns:
            A tensor or container; a list over calls for ``@*`` and
            ``@[a:b]``.

        Raises:
            RecordError: The layer was not called, or called more often than
                the address allows.
        """
        where = f'{point.model}:{point.text}'
        count = len(self.records)
        if count == 0:
            raise RecordError(
                f'{where}: the layer {self.path!r} was not called in this '
                'forward pass, so nothing was recorded'
                + layer_hint(point, model))
        if point.call is None:
            if count != 1:
                raise RecordError(
                    f'{where}: the layer {self.path!r} was called {count} '
                    f'times; say which by {self.path}@0 … '
                    f'{self.path}@{count - 1}, or {self.path}@* for all')
            return pick(self.records[0], point, model)
        if isinstance(point.call, int):
            if point.call >= count:
                raise RecordError(f'{where}: the layer {self.path!r} was '
                                  f'called only {count} times')
            return pick(self.records[point.call], point, model)
        chosen = self.records[point.call]
        if not chosen or (point.call.stop or 0) > count:
            raise RecordError(f'{where}: the layer {self.path!r} was called '
                              f'only {count} times')
        return [pick(record, point, model) for record in chosen]


class Tape:
    """All recorders of one model.

    Args:
        model (nn.Module): The student or a teacher.
        name (str): Its name in messages.
    """

    def __init__(self, model: nn.Module, name: str) -> None:
        self.name = name
        self.listening = False
        self.recorders: dict[tuple[str, str], Recorder] = {}
        self.points: list[HookPoint] = []
        self._stop_when_full = False
        self._open_parts: set[str] = set()
        self._model = model

    def add(self, point: HookPoint) -> None:
        """Listen to the layer of an address."""
        self.points.append(point)
        key = (point.path, point.source)
        if key not in self.recorders:
            module = self._model.get_submodule(point.path)
            self.recorders[key] = Recorder(module, *key, tape=self)

    def _wanted(self, recorder: Recorder) -> int | None:
        """How many calls must be seen before a pass may stop."""
        wanted = 0
        for point in self.points:
            if (point.path, point.source) != (recorder.path, recorder.source):
                continue
            if point.call is None:
                wanted = max(wanted, 1)
            elif isinstance(point.call, int):
                wanted = max(wanted, point.call + 1)
            elif point.call == ALL_CALLS or point.call.stop is None:
                if recorder.calls is None:
                    return None
                wanted = max(wanted, recorder.calls)
            else:
                wanted = max(wanted, point.call.stop)
        return wanted

    @property
    def full(self) -> bool:
        """Whether every address has been recorded."""
        for recorder in self.recorders.values():
            wanted = self._wanted(recorder)
            if wanted is None or len(recorder.records) < wanted:
                return False
        return True

    def recorded(self) -> None:
        """Called by a recorder; ends the pass when nothing is missing."""
        if self._stop_when_full and self.full and not self._open_parts:
            raise StopForward

    def _watch_parts(self) -> list[Any]:
        """Hooks on the parts of the model with layers new to the tape.

        A layer may be called again until the part that holds it, say the
        head, is done; only then it is known how often it is called.
        """
        new = [r for r in self.recorders.values()
               if r.calls is None and '.' in r.path]
        self._open_parts = {r.path.split('.')[0] for r in new}
        return [
            self._model.get_submodule(part).register_forward_hook(
                partial(self._part_done, part)) for part in self._open_parts
        ]

    def _part_done(self, part: str, *_) -> None:
        for recorder in self.recorders.values():
            if recorder.path.startswith(part + '.') and recorder.records:
                recorder.calls = len(recorder.records)
        self._open_parts.discard(part)
        self.recorded()

    @contextmanager
    def listen(self, stop_when_full: bool = False) -> Iterator[None]:
        """Record everything that runs inside; optionally stop early."""
        self.release()
        for recorder in self.recorders.values():
            recorder.attach(self._model.get_submodule(recorder.path))
        self.listening, self._stop_when_full = True, stop_when_full
        handles = self._watch_parts() if stop_when_full else []
        complete = False
        try:
            yield
            complete = True
        except StopForward:
            pass
        finally:
            self.listening = False
            self._open_parts = set()
            for handle in handles:
                handle.remove()
        if complete:
            for recorder in self.recorders.values():
                self._check_calls(recorder)

    def _check_calls(self, recorder: Recorder) -> None:
        calls = len(recorder.records)
        if recorder.calls is not None and recorder.calls != calls:
            raise RecordError(
                f'{self.name}:{recorder.path} was called {calls} times in '
                f'this step, but {recorder.calls} times before. A layer that '
                'is skipped or repeated at will cannot be distilled; if the '
                'model is compiled, compile it after the hooks were set')
        recorder.calls = calls

    def read(self, point: HookPoint) -> Any:
        """The value at an address, checked.

        Raises:
            RecordError: Nothing was recorded, or it was overwritten.
            ConfigError: The record has no such element.
        """
        recorder = self.recorders[point.path, point.source]
        value = recorder.read(point, self._model)
        if recorder.overwritten():
            raise RecordError(
                f'{self.name}:{point.text}: a later layer has changed this '
                'value in place (an activation with inplace=True?); record '
                'that layer, or let the dry run find it (dry_run=True)')
        if not any(True for _ in tensors_in(value)):
            raise ConfigError(f'hook point {point.text!r} of {self.name!r} '
                              f'holds no tensor but {type(value).__name__}')
        return value

    def copy_overwritten(self) -> list[str]:
        """Copy, from now on, the records that this pass has overwritten.

        Returns:
            list[str]: Names of the layers concerned.
        """
        found = []
        for recorder in self.recorders.values():
            if recorder.overwritten():
                recorder.copy_from_now_on()
                found.append(recorder.path)
        return found

    def release(self) -> None:
        """Forget all records."""
        for recorder in self.recorders.values():
            recorder.release()
