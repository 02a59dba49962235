"""Weather, light and fog of a scene."""
import numpy as np

from .difficulty import BETA_RANGES, SceneDifficulty
from .scene import Atmosphere


def sample_atmosphere(rng: np.random.Generator,
                      difficulty: SceneDifficulty) -> Atmosphere:
    """Draw the weather, the time of day and what comes of them."""
    shares = difficulty.weather_shares()
    weather = str(rng.choice(list(shares), p=list(shares.values())))
    night = rng.random() < difficulty.night_share
    beta = rng.uniform(*BETA_RANGES[weather])
    clear = weather == 'clear'
    azimuth = rng.uniform(-2.6, 2.6)
    direction = np.array([np.sin(azimuth), -1.0, -np.cos(azimuth)])
    direction /= np.linalg.norm(direction)
    tint = rng.uniform(.95, 1.05)
    if night:
        level = rng.uniform(.012, .03)
        # The fog glows in the own headlights and under the street lamps.
        air = level * (.6 if clear else rng.uniform(1.5, 3.0))
        return Atmosphere(weather, 'night', beta, (air * 1.05, air, air * .85),
                          (level * 1.1, level, level * .8),
                          (0.0, 0.0, 0.0), direction,
                          difficulty.headlight * rng.uniform(.8, 1.2))
    level = rng.uniform(.6, 1.0)
    air = level * rng.uniform(.6, .8)
    sun = level * rng.uniform(.5, 1.2) if clear else 0.0
    return Atmosphere(weather, 'day', beta, (air * tint, air, air / tint),
                      (level * .95, level, level * 1.05),
                      (sun, sun * .95, sun * .85), direction, 0.0)
