"""MMRazor's losses that have a counterpart in this package."""
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

SCOPE = 'mmrazor'


@dataclass
class Ours:
    """A loss of this package that does what one of MMRazor's does.

    Attributes:
        kind (str): Its type.
        options (dict): Its arguments.
        factor (float): What the weight is multiplied by.
        sums (bool): Of several levels it takes the sum, as MMRazor's total
            of one loss per level.
    """
    kind: str
    options: dict[str, Any] = field(default_factory=dict)
    factor: float = 1.0
    sums: bool = True


# Loss and its connector, if there is one, to ours; None: there is none.
Translation = Callable[[Mapping[str, Any], Mapping[str, Any] | None],
                       Ours | None]


def _same(kind: str, *known: str) -> Translation:
    """One of ours with the same options."""

    def translate(options: Mapping, connector: Mapping | None) -> Ours | None:
        if connector is not None or set(options) - set(known):
            return None
        return Ours(kind, dict(options))

    return translate


def _mgd(options: Mapping, connector: Mapping | None) -> Ours | None:
    """The generator is a connector there, and a part of the loss here."""
    connector = dict(connector or {})
    kind = connector.pop('type', None)
    if kind != f'{SCOPE}.MGDConnector' or connector.pop(
            'mask_on_channel', False):
        return None
    connector.pop('student_channels', None)
    channels = connector.pop('teacher_channels', None)
    known = {'lambda_mgd'}
    if channels is None or set(connector) - known or set(options) - {
            'alpha_mgd'
    }:
        return None
    return Ours('MGDLoss', dict(channels=[channels], **options, **connector))


def _kl(options: Mapping, connector: Mapping | None) -> Ours | None:
    options = dict(options)
    temperature = options.pop('tau', 1.0)
    if connector is not None or options.pop(
            'reduction', 'batchmean') != 'batchmean' or not options.pop(
                'teacher_detach', True) or options:
        return None
    return Ours('SoftLabelKLLoss', dict(temperature=temperature))


def _soft_ce(options: Mapping, connector: Mapping | None) -> Ours | None:
    options = dict(options)
    tau = options.pop('tau', 1.0)
    factor = tau**2 if options.pop('mult_tem_square', True) else 1.0
    if connector is not None or options.pop('reduction',
                                            'mean') != 'mean' or options:
        return None
    return Ours('SoftCrossEntropyLoss',
                dict(temperature=tau, background_weight=1.0), factor)


def _l2(options: Mapping, connector: Mapping | None) -> Ours | None:
    if connector is not None or dict(options) != dict(normalize=False,
                                                      div_element=True):
        return None
    return Ours('FeatureMSELoss', sums=False)


#: MMRazor's losses that have a counterpart, as docs/from_mmrazor.md lists.
TRANSLATIONS: dict[str, Translation] = dict(
    ChannelWiseDivergence=_same('ChannelWiseDistillationLoss', 'tau'),
    PKDLoss=_same('PKDLoss', 'resize_stu'),
    ATLoss=_same('AttentionTransferLoss'), MGDLoss=_mgd, KLDivergence=_kl,
    KDSoftCELoss=_soft_ce, L2Loss=_l2)
