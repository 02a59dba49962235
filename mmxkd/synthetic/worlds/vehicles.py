"""Cars, vans and lorries: side profiles pulled across the width."""
import numpy as np

from .scene import Material, SceneObject
from .shapes import Placer, ground_point

GLASS = Material((.06, .07, .08), .06, temperature=8.0)
TYRE = Material((.03, .03, .03), .07, temperature=20.0)
RIM = Material((.45, .45, .47), .5)
PLATE = Material((.8, .8, .75), 1.6)
BUMPER = Material((.07, .07, .07), .12)

LOW = ('car', 'hatchback')
# Corners (w forward, v up), clockwise from the lower rear end, in units of
# (length, metres); then which spans between corners are glass.
PROFILES = {
    'car': (((-.50, .28), (-.50, .78), (-.44, .92), (-.30, 1.42), (.06, 1.45),
             (.25, .96), (.46, .80), (.50, .62), (.50, .28)), (2, 4)),
    'hatchback': (((-.50, .28), (-.50, .85), (-.47, .98), (-.41, 1.42),
                   (-.30, 1.52), (.02, 1.54), (.26, 1.02), (.45, .86),
                   (.50, .64), (.50, .28)), (2, 5)),
    'van': (((-.50, .30), (-.50, 1.9), (-.48, 2.0), (.20, 2.0), (.36, 1.25),
             (.48, 1.0), (.50, .75), (.50, .30)), (3, )),
    'lorry': (((-.50, .45), (-.50, 3.3), (.30, 3.3), (.31, 2.6), (.46, 2.5),
               (.50, 1.6), (.50, .40)), (4, )),
}
SIDE_WINDOWS = {
    'car': (((-.38, .97), (-.28, 1.35), (-.11, 1.37), (-.11, .97)),
            ((-.08, .97), (-.08, 1.37), (.05, 1.38), (.20, .97))),
    'hatchback': (((-.40, 1.03), (-.33, 1.42), (-.14, 1.46), (-.14, 1.03)),
                  ((-.11, 1.03), (-.11, 1.46), (.01, 1.47), (.20, 1.03))),
    'van': (((.06, 1.2), (.06, 1.75), (.22, 1.75), (.33, 1.25)), ),
    'lorry': (((.34, 1.6), (.34, 2.3), (.44, 2.3), (.47, 1.6)), ),
}
SIZES = {
    'car': (1.45, 1.8, 4.4), 'hatchback': (1.54, 1.68, 3.8),
    'van': (2.0, 1.95, 5.2), 'lorry': (3.3, 2.45, 8.5)
}
LABELS = {
    'car': 'PassengerCar', 'hatchback': 'PassengerCar', 'van': 'LargeVehicle',
    'lorry': 'LargeVehicle'
}


def vehicle(rng: np.random.Generator, kind: str, x: float, z: float,
            yaw: float, lights: bool) -> SceneObject:
    """A vehicle.

    Args:
        rng (np.random.Generator): For its colour.
        kind (str): ``'car'``, ``'hatchback'``, ``'van'`` or ``'lorry'``.
        x (float): Metres to the right of the camera.
        z (float): Metres ahead of the camera.
        yaw (float): Heading; 0 drives away from the camera.
        lights (bool): Whether its lamps are on.
    """
    height, width, length = SIZES[kind]
    length *= rng.uniform(.93, 1.07)
    position = ground_point(x, z)
    place = Placer(position, yaw)
    shade = rng.choice([.05, .12, .3, .6, .75])
    colour = np.clip(shade * rng.uniform(.6, 1.4, 3), .03, .85)
    paint = Material(tuple(colour), rng.uniform(.15, .6), temperature=14.0)
    corners, glass = PROFILES[kind]
    profile = np.array(corners) * (length, 1.0)
    spans = [GLASS if k in glass else paint for k in range(len(profile))]
    half = width / 2
    parts = place.extrusion(profile, half, paint, spans)
    for sign in (-1.0, 1.0):
        edge, outward = sign * (half + .005), (sign, 0.0, 0.0)
        for window in SIDE_WINDOWS[kind]:
            parts.append(
                place.facet([(edge, v, w * length) for w, v in window],
                            outward, GLASS))
        radius = .32 if kind in LOW else .42
        angles = np.linspace(0, 2 * np.pi, 15)[:-1]
        for centre in (-.30 * length, .31 * length):
            for r, material in ((radius, TYRE), (.6 * radius, RIM)):
                parts.append(
                    place.facet(
                        [(edge, radius + r * np.sin(a), centre + r * np.cos(a))
                         for a in angles], outward, material))
    base = profile[:, 1].min()
    white = Material((.95, .93, .85), 1.3, glow=6.0 if lights else 0.0)
    red = Material((.75, .05, .04), 1.4, glow=1.5 if lights else 0.0)
    for end, lamp in ((1.0, white), (-1.0, red)):
        w, outward = end * (length / 2 + .01), (0.0, 0.0, end)

        def panel(u0, u1, v0, v1, material, w=w, outward=outward):
            corners = [(u0, v0, w), (u1, v0, w), (u1, v1, w), (u0, v1, w)]
            parts.append(place.facet(corners, outward, material))

        panel(-half, half, base, base + .22, BUMPER)
        panel(-.26, .26, base + .24, base + .36, PLATE)
        for sign in (-1.0, 1.0):
            inner, outer = sorted((sign * half * .62, sign * half * .95))
            panel(inner, outer, base + .32, base + .46, lamp)
    if kind not in LOW:
        top = profile[1, 1]
        rear = -length / 2 - .012
        parts.append(
            place.facet([(-.8 * half, .55 * top, rear),
                         (.8 * half, .55 * top, rear),
                         (.8 * half, .92 * top, rear),
                         (-.8 * half, .92 * top, rear)], (0.0, 0.0, -1.0),
                        GLASS if kind == 'van' else paint))
    return SceneObject(kind, LABELS[kind], position, (height, width, length),
                       yaw, tuple(parts), sound_level=72.0)
