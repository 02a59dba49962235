"""What a modality is: one table, which all that handles modalities reads.

Loading, geometry, packing, data preprocessors and pictures look up here how
many channels a modality has, how it is moved and how it is drawn. So a new
one is one entry and a loader; ``docs/add_a_modality.md`` shows both.
"""
from collections.abc import Container
from dataclasses import dataclass
from math import isfinite

from .errors import ConfigError, check_known


@dataclass(frozen=True)
class Kind:
    """What the modalities of one kind have in common.

    An entry that does not choose gets the first of each.

    Attributes:
        resizes: ``'linear'``: interpolated as ``img`` is.
            ``'valid_minimum'``: values are never blended and 0 is no value;
            where several fall into one pixel, the smallest stays. ``'none'``:
            a resize leaves it.
        flips: ``'mirrored'``: as ``img`` is. ``'microphones'``: a horizontal
            flip exchanges channels, as the rig's permutation says.
        drawings: ``'grey'``: stretched to what is there. ``'bgr'``: colours.
            ``'slices'``: near red, middle green, far blue. ``'depth'``: near
            red, far blue, black no value. ``'spectrogram'``: colours of
            loudness. ``'waveform'``: a curve for each microphone.
    """

    resizes: tuple[str, ...]
    flips: tuple[str, ...]
    drawings: tuple[str, ...]

    @property
    def spatial(self) -> bool:
        """Whether these modalities lie in the camera frame of ``img``."""
        return self.resizes != ('none', )


KINDS = {
    # An array (H, W) or (H, W, C) with a value at each pixel.
    'dense': Kind(resizes=('linear', 'valid_minimum'), flips=('mirrored', ),
                  drawings=('grey', 'bgr', 'slices', 'depth')),
    # An array (H, W) or (H, W, C) with holes, which are 0.
    'sparse': Kind(resizes=('valid_minimum', ), flips=('mirrored', ),
                   drawings=('depth', 'grey')),
    # An array (C, …) whose channels are microphones.
    'sound': Kind(resizes=('none', ), flips=('microphones', ),
                  drawings=('spectrogram', 'waveform')),
}
# How many channels a drawing shows, where it does not take any number.
_DRAWN_CHANNELS = {'bgr': 3, 'slices': 3, 'depth': 1}


@dataclass(frozen=True)
class Modality:
    """One row of the table.

    Attributes:
        name: Its key in a sample and in the ``inputs`` of a batch.
        channels: How many it has, unless a config says otherwise; None where
            that depends on the rig, so that a config has to say it.
        kind: One of :data:`KINDS`.
        drawn: How :func:`mmxkd.visualization.draw_modality` shows it; empty:
            as its kind.
        resize: How ``mmxkd.Resize`` resizes it; empty: as its kind.
        flip: How ``mmxkd.RandomFlip`` flips it; empty: as its kind.
        pad_value: What ``mmxkd.Pad`` fills in, unless its ``pad_val`` says
            otherwise.

    Raises:
        ConfigError: A word is unknown or does not go with the kind; channels
            or ``pad_value`` do not fit. It names the modality.

    Examples:
        >>> Modality('radar', channels=1, kind='sparse').resize
        'valid_minimum'
    """

    name: str
    channels: int | None
    kind: str
    drawn: str = ''
    resize: str = ''
    flip: str = ''
    pad_value: float = 0

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ConfigError(f'modality {self.name!r}: expected a name that '
                              'can be written as dict(name=…)')
        check_known(f'modality {self.name}: kind', self.kind, KINDS)
        kind = KINDS[self.kind]
        for key, known in (('resize', kind.resizes), ('flip', kind.flips),
                           ('drawn', kind.drawings)):
            # A frozen dataclass can be completed in no other way.
            object.__setattr__(self, key, getattr(self, key) or known[0])
            check_known(f'modality {self.name} of kind {self.kind!r}: {key}',
                        getattr(self, key), known)
        self._check_numbers()

    def _check_numbers(self) -> None:
        if self.channels is not None and self.channels < 1:
            raise ConfigError(f'modality {self.name}: channels='
                              f'{self.channels}, expected 1 or more, or None')
        shown = _DRAWN_CHANNELS.get(self.drawn, self.channels)
        if shown != self.channels:
            raise ConfigError(
                f'modality {self.name}: drawn={self.drawn!r} shows {shown} '
                f'channels, but it has {self.channels}; expected one of '
                f'{KINDS[self.kind].drawings} that fits')
        if not isfinite(self.pad_value):
            raise ConfigError(f'modality {self.name}: pad_value='
                              f'{self.pad_value}, expected a finite number')
        if self.pad_value and self.resize == 'valid_minimum':
            raise ConfigError(
                f'modality {self.name}: pad_value={self.pad_value}, expected '
                '0, which is no value: padding must not look measured')

    @property
    def spatial(self) -> bool:
        """Whether it lies in the camera frame of ``img``."""
        return KINDS[self.kind].spatial

    @property
    def in_colour(self) -> bool:
        """Whether its channels are blue, green and red, in this order."""
        return self.drawn == 'bgr'


MODALITIES: dict[str, Modality] = {
    modality.name: modality for modality in (
        Modality('img', channels=3, kind='dense', drawn='bgr'),
        # The picture of img in better light: of another exposure, or before
        # mmxkd.LowLight.
        Modality('clean', channels=3, kind='dense', drawn='bgr'),
        # Near to far.
        Modality('gated', channels=3, kind='dense', drawn='slices'),
        # Metres. Completed maps too: blending makes points between surfaces.
        Modality('depth', channels=1, kind='sparse', drawn='depth'),
        # Depth as colours, which are blended as those of a picture.
        Modality('depth_picture', channels=3, kind='dense', drawn='bgr'),
        Modality('thermal', channels=1, kind='dense', drawn='grey'),
        Modality('audio', channels=None, kind='sound', drawn='waveform'),
        Modality('spectrogram', channels=None, kind='sound',
                 drawn='spectrogram'),
    )
}
"""All modalities by name; :func:`register_modality` adds to them."""


def register_modality(modality: Modality) -> Modality:
    """Add a modality to the table.

    Write the call into the file that defines the loader, and name that file
    in ``custom_imports``: a worker of a data loader that unpickles the loader
    then knows the modality too. The same entry twice is one entry.

    Args:
        modality (Modality): The new row.

    Returns:
        Modality: The same.

    Raises:
        ConfigError: Another modality has this name.
    """
    known = MODALITIES.setdefault(modality.name, modality)
    if known != modality:
        raise ConfigError(f'modality {modality.name!r} is registered as '
                          f'{known}; give {modality} another name')
    return modality


def get_modality(name: str) -> Modality:
    """The modality of a name.

    Raises:
        ConfigError: Nobody registered it. It offers the nearest names.

    Examples:
        >>> get_modality('gated').channels
        3
    """
    check_known('modality', name, MODALITIES)
    return MODALITIES[name]


def present(names: Container[str]) -> list[Modality]:
    """The registered modalities among names.

    Args:
        names (Container[str]): Names, or a sample as transforms see it. What
            nobody registered is left out.

    Examples:
        >>> [m.name for m in present(['depth', 'img', 'img_id'])]
        ['img', 'depth']
    """
    return [modality for name, modality in MODALITIES.items() if name in names]


def spatial(names: Container[str]) -> list[Modality]:
    """The registered modalities among names that lie in the camera frame.

    Args:
        names (Container[str]): As of :func:`present`.

    Examples:
        >>> [m.name for m in spatial(['audio', 'gated'])]
        ['gated']
    """
    return [modality for modality in present(names) if modality.spatial]
