"""Several samples that become one have labels of one source."""
from collections.abc import Mapping, Sequence
from typing import Any

from mmxkd.engine.label_sources import HUMAN, LABELLED, SOURCE, UNLABELLED
from mmxkd.errors import ConfigError


def check_one_source(name: str, samples: Sequence[Mapping[str, Any]]) -> None:
    """Refuse frames of a human and of a teacher in one sample.

    The whole would say one of them for all of its boxes, and frames that
    nobody has labelled would become background.

    Args:
        name (str): The transform, for an error.
        samples (Sequence[dict]): Before they are put together.

    Raises:
        ConfigError: It names the sources, and a file of each.
    """
    found: dict[str, str] = {}
    for sample in samples:
        source = sample.get(SOURCE) or (HUMAN if sample.get(LABELLED, True)
                                        else UNLABELLED)
        found.setdefault(source, str(sample.get('img_path', 'a sample')))
    if len(found) > 1:
        files = ' and '.join(f'{path} ({source})'
                             for source, path in found.items())
        raise ConfigError(
            f'{name}: {files} have labels of different sources, and one '
            'sample names one: leave it out where MixedDataset joins them')
