"""From the names of two heads to the hook points that a loss reads."""
from collections.abc import Mapping
from typing import Any

from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.recording.hook_points import parse

from .normal_form import Arguments, LossConfig, Source


def head_sources(module: Any, config: LossConfig,
                 models: Mapping[str, nn.Module], key: str) -> Arguments:
    """Compare the heads of a loss, and say where its arguments are read.

    Args:
        module (HeadLoss): The loss; any with ``between_heads=True`` and a
            method ``bind_heads``.
        config (LossConfig): Its config, with ``student`` and ``teacher``.
        models (dict[str, nn.Module]): Student and teachers by name.
        key (str): The config key at fault in errors.

    Raises:
        ConfigError: Something else than two heads is given, or they do not
            suit.
    """
    pair = [config.arguments.get(i) for i in range(2)]
    if len(config.arguments) != 2 or not all(
            isinstance(source, Source) for source in pair):
        raise ConfigError(
            f"{key}: {type(module).__name__} takes 'student' and 'teacher', "
            "the names of two heads such as 'bbox_head'; what it reads of "
            'them follows')
    if config.connector != 'auto':
        raise ConfigError(f'{key}: {type(module).__name__} takes no '
                          'connector')
    names, heads = [], []
    sides = {}
    for side, source in zip(('student', 'teacher'), pair, strict=True):
        assert isinstance(source, Source)
        sides[side] = source.model
        point = parse(source.address, models[source.model], source.model)
        if point.text != point.path:
            raise ConfigError(f'{key}: {source.address!r} is a value; '
                              'expected the name of a head')
        names.append(point.path)
        heads.append(models[source.model].get_submodule(point.path))
    try:
        reads = module.bind_heads((names[0], names[1]), *heads)
    except (TypeError, ValueError) as error:
        raise ConfigError(f'{key}: {error}') from error
    found: Arguments = {}
    for argument, text in reads.items():
        side, _, address = text.partition(':')
        found[argument] = Source(sides[side], address)
    return found
