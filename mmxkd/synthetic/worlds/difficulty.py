"""The few numbers that make the synthetic task easy or hard."""
from collections.abc import Mapping
from dataclasses import dataclass, field

from mmxkd.errors import ConfigError, check_name

BETA_RANGES: Mapping[str, tuple[float, float]] = {
    'clear': (0.001, 0.004),
    'light_fog': (0.015, 0.03),
    'dense_fog': (0.035, 0.065),
}
"""Extinction coefficient per metre. By Koschmieder's law an object is lost
(contrast 5 %) at 3 / beta: 750 m and more, 100..200 m, 46..86 m."""


@dataclass(frozen=True)
class SceneDifficulty:
    """How hard it is to find the pedestrians, above all in RGB.

    Attributes:
        weather_mix: Share of the frames with each weather.
        night_share: Share of the frames at night.
        pedestrians: Mean number of pedestrians in a frame.
        pedestrian_range: Nearest and farthest pedestrian, metres. Near ones
            can be seen in RGB in any weather: what a student can learn from.
        decoys: Mean number of things of a person's size and colours, told
            apart by their near-infrared reflectance.
        group_share: Share of the frames with a labelled group.
        headlight: Irradiance of the headlights at 10 m on a night frame,
            where 1 is an overcast noon: less is more noise.
        rgb_full_well: Electrons at white by day: less is more shot noise.
        rgb_read_noise: Read noise of the RGB sensor, electrons.
        gated_noise: Read noise of the gated sensor, counts of 1023.
        gated_backscatter: Fog that leaks into the gates, relative to the
            signal of a white surface.
        gated_extinction: Extinction that the gated signal feels, as a share
            of that of the visible light. The range gate removes the
            backscatter; this stands for the forward-scattered light.
    """

    weather_mix: Mapping[str, float] = field(
        default_factory=lambda:
        {'clear': 0.2, 'light_fog': 0.6, 'dense_fog': 0.2})
    night_share: float = 0.25
    pedestrians: float = 4.0
    pedestrian_range: tuple[float, float] = (10.0, 50.0)
    decoys: float = 1.5
    group_share: float = 0.1
    headlight: float = 0.45
    rgb_full_well: float = 3000.0
    rgb_read_noise: float = 6.0
    gated_noise: float = 9.0
    gated_backscatter: float = 0.04
    gated_extinction: float = 0.12

    def __post_init__(self) -> None:
        for name, share in self.weather_mix.items():
            check_name('weather', name, BETA_RANGES)
            if share < 0:
                raise ConfigError(
                    f'share of weather {name!r} must be 0 or more, found '
                    f'{share}')
        if not sum(self.weather_mix.values()) > 0:
            raise ConfigError('the weather mix has no weather in it')
        if not 0 <= self.night_share <= 1:
            raise ConfigError('the share of night frames must be 0..1, found '
                              f'{self.night_share}')

    def weather_shares(self) -> dict[str, float]:
        """The weather mix, sorted by name, with the sum 1."""
        total = sum(self.weather_mix.values())
        return {
            name: self.weather_mix[name] / total
            for name in sorted(self.weather_mix)
        }


def parse_weather_mix(text: str) -> dict[str, float]:
    """A weather mix on a command line.

    Args:
        text (str): ``NAME=SHARE,…``.

    Raises:
        ValueError: It is written otherwise.

    Examples:
        >>> parse_weather_mix('clear=1,dense_fog=2')
        {'clear': 1.0, 'dense_fog': 2.0}
    """
    pairs = (part.split('=') for part in text.split(','))
    return {name.strip(): float(share) for name, share in pairs}
