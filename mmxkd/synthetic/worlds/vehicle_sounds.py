"""What a vehicle sounds like: its engine and its tyres.

Levels are of the size of those that are measured as cars pass by: about 70 dB
at 7.5 m and 50 km/h, 30 dB more per tenfold speed for the tyres, a lorry 8 to
10 dB louder than a car.
"""
from dataclasses import dataclass

import numpy as np

from .loudness import level_of, pressure_of, shaped_noise

REFERENCE_SPEED = 50 / 3.6
# dB SPL at 1 m: tyres at the reference speed, and engine.
_LEVELS = {
    'car': (86.0, 76.0), 'hatchback': (85.0, 76.0), 'van': (89.0, 81.0),
    'lorry': (94.0, 88.0)
}
# Firings per second: of an engine of four cylinders at 1000 to 2600 turns a
# minute, and of one of six at 900 to 1500.
_FIRING = {
    'car': (45.0, 87.0), 'hatchback': (50.0, 87.0), 'van': (40.0, 75.0),
    'lorry': (45.0, 75.0)
}
_ORDERS = 24
# The engine's speed wavers by this share, this many times per second.
_WAVER, _WAVERS = .01, 4.0
# Of the rate: what is above has no room to be shifted and interpolated.
_HIGHEST = .23


@dataclass(frozen=True, eq=False)
class VehicleSound:
    """The sound of one vehicle at a constant speed.

    Attributes:
        firing: Firings of the engine per second.
        engine: Amplitude of each harmonic of half that frequency, (H, ), at
            1 m, pascal.
        phases: Of these, (H, ) radians.
        tyres: Root mean square of the noise of the tyres at 1 m, pascal.
        peak: Frequency at which that noise is loudest, Hz.
    """

    firing: float
    engine: np.ndarray
    phases: np.ndarray
    tyres: float
    peak: float

    @property
    def level(self) -> float:
        """dB SPL at 1 m."""
        return level_of(np.sqrt(np.sum(self.engine**2) / 2 + self.tyres**2))

    def emit(self, rng: np.random.Generator, rate: float,
             number: int) -> np.ndarray:
        """Sound pressure at 1 m, (number, ) pascal.

        Args:
            rng (np.random.Generator): Draws the noise of the tyres, and how
                the engine wavers.
            rate (float): Samples per second; what is above 0.23 of it is
                left out.
            number (int): Of samples.
        """
        times = np.arange(number) / rate
        knots = np.arange(int(times[-1] * _WAVERS) + 3) / _WAVERS
        speed = 1 + _WAVER * rng.standard_normal(len(knots))
        turn = np.pi * self.firing * np.cumsum(np.interp(times, knots,
                                                         speed)) / rate
        sound = np.zeros(number)
        for order, (amplitude, phase) in enumerate(
                zip(self.engine, self.phases, strict=True), start=1):
            sound += amplitude * np.sin(order * turn + phase)

        def gain(frequencies: np.ndarray) -> np.ndarray:
            tones = frequencies / self.peak
            # Rises by 6 and falls by 10 dB per octave.
            slopes = tones / (1 + tones**2.75)
            return np.where(frequencies > _HIGHEST * rate, 0, slopes)

        return sound + self.tyres * shaped_noise(rng, (number, ), rate, gain)


def vehicle_sound(rng: np.random.Generator, kind: str,
                  speed: float) -> VehicleSound:
    """Draw the sound of a vehicle.

    Args:
        rng (np.random.Generator): For what tells it from others.
        kind (str): ``'car'``, ``'hatchback'``, ``'van'`` or ``'lorry'``.
        speed (float): Metres per second; 0 is an engine that idles.
    """
    tyres, engine = (level + rng.normal(0, 1.5) for level in _LEVELS[kind])
    share = speed / REFERENCE_SPEED
    low, high = _FIRING[kind]
    # Gears keep an engine between two speeds.
    firing = (rng.uniform(low, high) if speed else low) * rng.uniform(
        .95, 1.05)
    orders = np.arange(1, _ORDERS + 1)
    # Of the harmonics of a half firing, the odd ones are weak.
    amplitudes = orders**-.8 * 10**(rng.normal(0, 3, _ORDERS) / 20)
    amplitudes *= np.where(orders % 2, .25, 1.0)
    engine += 20 * np.log10(.5 + .5 * share) if share < 1 else 0.0
    wanted = pressure_of(engine)
    amplitudes *= wanted / np.sqrt(np.sum(amplitudes**2) / 2)
    loud = pressure_of(tyres) * share**1.5
    return VehicleSound(firing, amplitudes, rng.uniform(0, 2 * np.pi, _ORDERS),
                        loud, rng.uniform(750, 1150))
