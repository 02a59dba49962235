"""A part of the frames of a COCO annotation file."""
import random
from collections.abc import Mapping
from typing import Any

from mmxkd.errors import ConfigError


def coco_subset(content: Mapping[str, Any], frames: int,
                seed: int = 0) -> dict[str, Any]:
    """Keep some frames and their annotations, drawn at random.

    A smaller number of the same seed is a part of a larger one, so that a
    curve over the number of labelled frames adds frames and exchanges none.

    Args:
        content (dict): What the JSON holds.
        frames (int): How many to keep, 1 or more.
        seed (int): Draws them.

    Returns:
        dict: The same with fewer ``images`` and ``annotations``, in the order
        of before. A file without ``annotations`` still has none.

    Raises:
        ConfigError: There are fewer frames.
    """
    images = content['images']
    if not 1 <= frames <= len(images):
        raise ConfigError(f'{frames} frames of {len(images)}: expected 1 to '
                          f'{len(images)}')
    order = list(range(len(images)))
    random.Random(seed).shuffle(order)
    kept = [images[i] for i in sorted(order[:frames])]
    ids = {image['id'] for image in kept}
    found = dict(content, images=kept)
    if 'annotations' in content:
        found['annotations'] = [
            box for box in content['annotations'] if box['image_id'] in ids
        ]
    return found


def coco_split(content: Mapping[str, Any], frames: int,
               seed: int = 0) -> tuple[dict[str, Any], dict[str, Any]]:
    """The same as :func:`coco_subset`, and what is left.

    Returns:
        tuple: The frames that were drawn, and all others, which may be none.

    Raises:
        ConfigError: See :func:`coco_subset`.
    """
    kept = coco_subset(content, frames, seed)
    ids = {image['id'] for image in kept['images']}
    rest = dict(
        content, images=[
            image for image in content['images'] if image['id'] not in ids
        ])
    if 'annotations' in content:
        rest['annotations'] = [
            box for box in content['annotations'] if box['image_id'] not in ids
        ]
    return kept, rest
