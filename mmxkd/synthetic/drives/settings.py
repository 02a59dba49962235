"""What determines the bytes of synthetic drives."""
from dataclasses import dataclass, field

from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.layout import SPLITS
from mmxkd.synthetic.sensors.sound_noise import SoundNoise


@dataclass(frozen=True)
class DriveSettings:
    """What determines the bytes of a data set of drives.

    Attributes:
        train: Number of drives to train on; as of the next two, half of them
            are by day and half by night.
        val: Number of drives for validation.
        test: Number of drives to test on.
        frames: Of a drive.
        interval: Seconds from frame to frame.
        seed: Seed of the drives and of all noise.
        scale: Size of the pictures over 1280 x 512.
        sample_rate: Of the sound, Hz.
        duration: Seconds of sound of a frame; its picture is taken in the
            middle.
        lamps: Share of the vehicles whose lamps are on at night. The camera
            sees no others then.
        noise: How clean the microphones are.
    """

    train: int
    val: int
    test: int
    frames: int = 20
    interval: float = 0.2
    seed: int = 0
    scale: float = 0.25
    sample_rate: int = 16000
    duration: float = 1.0
    lamps: float = 0.2
    noise: SoundNoise = field(default_factory=SoundNoise)

    def __post_init__(self) -> None:
        for name in SPLITS:
            value = getattr(self, name)
            if value < 2 or value % 2:
                raise ConfigError(
                    f'{name} must be an even number of drives, 2 or more, '
                    f'half by day and half by night: {value}')
        if self.seed < 0:
            raise ConfigError(f'seed must be 0 or more: {self.seed}')
        if self.frames < 1:
            raise ConfigError(f'frames must be 1 or more: {self.frames}')
        # Twice as many samples are emitted, of sound up to 3 kHz at least.
        for name, least, most in (('interval', .01, 10), ('scale', .125, 1),
                                  ('sample_rate', 8000, 96000),
                                  ('duration', .1, 10), ('lamps', 0, 1)):
            value = getattr(self, name)
            if not least <= value <= most:
                raise ConfigError(f'{name} must be {least:g}..{most:g}: '
                                  f'{value}')

    @property
    def drives(self) -> int:
        """Number of drives."""
        return self.train + self.val + self.test

    def place_of(self, index: int) -> tuple[str, str]:
        """Split of a drive, and whether it is by ``'day'`` or ``'night'``.

        Examples:
            >>> DriveSettings(4, 2, 2).place_of(5)
            ('val', 'night')
        """
        for split in SPLITS:
            if index < getattr(self, split):
                return split, ('day', 'night')[index % 2]
            index -= getattr(self, split)
        raise IndexError(f'there are {self.drives} drives')
