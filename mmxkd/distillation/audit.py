"""Tables that show what is distilled into what."""
from collections.abc import Iterable, Mapping

from terminaltables import AsciiTable
from torch import nn

from mmxkd.recording.recorders import tensors_in
from mmxkd.recording.tape import Tape

from .bound_loss import BoundLoss


def connector_table(losses: Iterable[BoundLoss]) -> str:
    """One row for each loss and level: what connects student and teacher."""
    rows = [('loss', 'level', 'connector')]
    for loss in losses:
        named = [
            source.connector for source in loss.sources() if source.connector
        ]
        if loss.connector is None:
            rows.append((loss.name, 'all', ', '.join(named) or 'none needed'))
        elif isinstance(loss.connector, nn.ModuleList):
            rows += [(loss.name, str(level), _describe(module))
                     for level, module in enumerate(loss.connector)]
        else:
            rows.append((loss.name, 'all', _describe(loss.connector)))
    return AsciiTable(rows).table


def _describe(module: nn.Module) -> str:
    describe = getattr(module, 'describe', None)
    return type(module).__name__ if describe is None else describe()


def audit_table(losses: Iterable[BoundLoss], tapes: Mapping[str, Tape]) -> str:
    """One row for each tensor that a loss reads.

    Records of models that did not run in this step are left out.
    """
    rows = [('loss', 'hook point', 'shape', 'dtype', 'requires_grad')]
    for loss in losses:
        for source, point in loss.points.items():
            tape = tapes[source.model]
            if not tape.recorders[point.path, point.source].records:
                continue
            address = f'{source.model}:{source.address}'
            for tensor in tensors_in(tape.read(point)):
                rows.append(
                    (loss.name, address, '×'.join(map(str, tensor.shape)),
                     str(tensor.dtype).removeprefix('torch.'),
                     str(tensor.requires_grad)))
                address = ''
    return AsciiTable(rows).table
