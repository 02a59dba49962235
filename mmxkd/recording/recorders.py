"""What the hooks fill, checked at every step.

One :class:`Recorder` listens to one layer of one model; a :class:`.tape.Tape`
holds all recorders of a model and says when they listen. Records live from
the forward pass until the losses are computed, not longer.
"""
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any, Protocol

from torch import Tensor, nn

from .hook_points import HookPoint, layer_hint, pick
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


class Listener(Protocol):
    """Whom a recorder tells: says when to listen, and hears of each record.
    """
    listening: bool

    def recorded(self) -> None:
        """Called after each record."""


class Recorder:
    """Keeps what one layer gave during one forward pass.

    Args:
        module (nn.Module): The layer.
        path (str): Its dotted name.
        source (str): ``'outputs'``, ``'inputs'`` or a method, ``'name()'``.
            Inputs are a tuple of the positional ones, or a dict where the
            layer was called with keywords only.
        tape (Listener): The tape it belongs to.
    """

    def __init__(self, module: nn.Module, path: str, source: str,
                 tape: Listener) -> None:
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
        return any(tensor._version != version for record in self._versions
                   for tensor, version in record)

    def copy_from_now_on(self) -> None:
        """Keep copies in later passes; the shapes of this one stay valid."""
        self.copies, self._versions = True, []

    def release(self) -> None:
        """Forget the records."""
        self.records, self._versions = [], []

    def read(self, point: HookPoint, model: nn.Module | None = None) -> Any:
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
