"""Any detection dataset as COCO files, with few labels or with all."""
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from mmdet.datasets import BaseDetDataset

from mmxkd.errors import ConfigError
from mmxkd.formats.coco_check import check_coco
from mmxkd.formats.coco_subset import coco_split
from mmxkd.formats.pseudo_labels import check_listed_once, format_coco
from mmxkd.io.atomic import write_text

#: The frames whose labels are held back, and these labels.
UNLABELLED, TRUTH = 'unlabelled', 'unlabelled_truth'


def coco_content(dataset: BaseDetDataset,
                 file_name: Callable[[dict], str]) -> dict[str, Any]:
    """The frames and labels of a dataset.

    What the dataset ignores becomes ``iscrowd``: training and evaluation of
    COCO ignore it too.

    Args:
        dataset (BaseDetDataset): Its ``metainfo`` has ``classes``.
        file_name (Callable): Gives the path of a picture, relative to the
            data root, from its record.

    Returns:
        dict: ``images``, ``annotations`` and ``categories``; ids count from 1.

    Raises:
        ConfigError: There is no frame, or two have the same path.
    """
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for index in range(len(dataset)):
        info = dataset.get_data_info(index)
        images.append({
            'id': index + 1,
            'file_name': file_name(info),
            'width': info['width'],
            'height': info['height'],
        })
        for instance in info['instances']:
            x1, y1, x2, y2 = instance['bbox']
            width, height = round(x2 - x1, 4), round(y2 - y1, 4)
            annotations.append({
                'id': len(annotations) + 1,
                'image_id': index + 1,
                'category_id': instance['bbox_label'] + 1,
                'bbox': [round(x1, 4),
                         round(y1, 4), width, height],
                'area': round(width * height, 4),
                'iscrowd': int(instance['ignore_flag']),
            })
    content = {
        'images': images,
        'annotations': annotations,
        'categories': [{
            'id': k, 'name': name
        } for k, name in enumerate(dataset.metainfo['classes'], start=1)],
    }
    check_coco(content, type(dataset).__name__)
    check_listed_once((image['file_name'] for image in images),
                      type(dataset).__name__)
    return content


def hold_back(content: Mapping[str, Any], labelled: int | None,
              seed: int) -> dict[str, Mapping[str, Any]]:
    """Keep the labels of some frames of a training set.

    Args:
        content (Mapping): Of :func:`coco_content`.
        labelled (int, optional): Frames that keep their labels; None: all.
        seed (int): Draws them.

    Returns:
        dict: ``train``; and with ``labelled``, :data:`UNLABELLED`, without
        ``annotations``, and :data:`TRUTH`, the same frames with theirs.

    Raises:
        ConfigError: There are not more frames than that.
    """
    if labelled is None:
        return dict(train=content)
    train, rest = coco_split(content, labelled, seed)
    if not rest['images']:
        raise ConfigError(f'{labelled} labelled frames of {labelled}: no '
                          'frame is left to be unlabelled; expected fewer')
    frames = {
        key: value for key, value in rest.items() if key != 'annotations'
    }
    return {'train': train, UNLABELLED: frames, TRUTH: rest}


def write_coco(contents: Mapping[str, Mapping[str, Any]], out: Path) -> None:
    """Write ``out/annotations/NAME.json`` for each name, and say so."""
    for name, content in contents.items():
        path = out / 'annotations' / f'{name}.json'
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text(path, format_coco(content))
        boxes = (f'{len(content["annotations"])} boxes' if 'annotations'
                 in content else 'without labels')
        print(f'{path}: {len(content["images"])} frames, {boxes}')
