"""Tables that show what is distilled into what."""
from collections.abc import Iterable, Mapping

from terminaltables import AsciiTable
from torch import nn

from mmxkd.recording.recorders import tensors_in

from .bound_loss import BoundLoss
from .supply import Records


def connector_table(losses: Iterable[BoundLoss]) -> str:
    """One row per loss and level: sizes in the dry run, and what connects."""
    rows = [('loss', 'level', 'student', 'teacher', 'connector')]
    for loss in losses:
        named = ', '.join(loss.inputs.shared_connectors) or 'none needed'
        for level, (own, other) in enumerate(loss.sizes):
            connector = loss.connector
            if isinstance(connector, nn.ModuleList):
                connector = connector[level]
            text = named if connector is None else _describe(
                connector, own != other)
            rows.append((loss.name, str(level), own, other, text))
        if not loss.sizes:
            text = named if loss.connector is None else _describe(
                loss.connector, True)
            rows.append((loss.name, 'all', '', '', text))
    return AsciiTable(rows).table


def _describe(module: nn.Module, resizes: bool) -> str:
    describe = getattr(module, 'describe', None)
    if describe is None:
        return type(module).__name__
    text = describe()
    resize = 'resize where sizes differ'
    if resizes:
        return text.replace(resize, 'resize')
    return text.replace(', ' + resize, '').replace(resize, 'none needed')


def audit_table(losses: Iterable[BoundLoss], records: Mapping[str,
                                                              Records]) -> str:
    """One row for each tensor that a loss reads.

    Records of models that did not run in this step are left out.
    """
    rows = [('loss', 'hook point', 'shape', 'dtype', 'requires_grad')]
    for loss in losses:
        for source, point in loss.inputs.points.items():
            found = records.get(source.model)
            if found is None or not found.calls(point):
                continue
            address = f'{source.model}:{source.address}'
            for tensor in tensors_in(found.read(point)):
                rows.append(
                    (loss.name, address, '×'.join(map(str, tensor.shape)),
                     str(tensor.dtype).removeprefix('torch.'),
                     str(tensor.requires_grad)))
                address = ''
    return AsciiTable(rows).table
