"""Where the frames to label are listed: an annotation file, or a folder."""
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mmdet.datasets import CocoDataset
from mmengine.registry import DATASETS

from mmxkd.errors import ConfigError, CorruptSampleError, did_you_mean
from mmxkd.formats.coco_check import check_coco
from mmxkd.formats.pseudo_labels import check_listed_once
from mmxkd.io.image_header import image_size
from mmxkd.io.text import read_bytes, read_json

#: Suffixes of the pictures in a folder.
PICTURES = ('.bmp', '.jpeg', '.jpg', '.png', '.tif', '.tiff')
UNLABELLED = 'unlabelled.json'


@dataclass(frozen=True)
class Source:
    """A list of frames.

    Attributes:
        path: The file or folder that lists them, as the user named it.
        data_root: What file names are relative to; empty: as the config says.
        content: The COCO file; None where only the dataset class can read it.
        is_folder: Whether the pictures of a folder were listed.
    """

    path: str
    data_root: str
    content: dict[str, Any] | None
    is_folder: bool = False

    @property
    def categories(self) -> tuple[str, ...]:
        """Names of the categories, in the order of the file."""
        return tuple(c['name'] for c in self.category_entries)

    @property
    def category_entries(self) -> list[dict[str, Any]]:
        """The categories of the file; none where it has none."""
        return list(self.content['categories']) if self.content else []

    @property
    def sha256(self) -> str:
        """Tells whether it lists the same frames."""
        listed: Any = [self.path, self.data_root]
        if self.content is not None:
            listed = [
                self.content[key]
                for key in ('images', 'annotations', 'categories')
            ]
        elif Path(self.path).is_file():
            return hashlib.sha256(read_bytes(self.path, 'list')).hexdigest()
        text = json.dumps(listed, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()


def dataset_class(dataset: Mapping[str, Any]) -> type:
    """The class of a dataset config, looked up in its ``_scope_``.

    Raises:
        ConfigError: There is none of this name.
    """
    kind = dataset['type']
    if isinstance(kind, str):
        with DATASETS.switch_scope_and_registry(
                dataset.get('_scope_')) as registry:
            kind = registry.get(kind)
    if kind is None:
        raise ConfigError(f'dataset: there is no type {dataset["type"]!r}')
    return kind


def find_source(dataset: Mapping[str, Any], data: str | None = None,
                ann: str | None = None) -> Source:
    """Find the list of frames.

    Args:
        dataset (Mapping): A dataset config.
        data (str, optional): Folder to read in place of its ``data_root``.
        ann (str, optional): File to read in place of its ``ann_file``,
            relative to ``data`` or to the current folder.

    Raises:
        ConfigError: There is no such file or folder, several could be meant,
            or a frame is listed twice.
        CorruptSampleError: The file or a picture cannot be used.
    """
    kind = dataset_class(dataset)
    root = data if data is not None else str(dataset.get('data_root') or '')
    if data is not None and not Path(data).is_dir():
        near = [str(p) for p in Path(data).parent.glob('*') if p.is_dir()]
        raise ConfigError(f'--data: no folder {data!r}; '
                          + did_you_mean(data, near))
    if not issubclass(kind, CocoDataset):
        # Its own class reads it, e.g. the info files of KITTI.
        listed = ann or str(dataset.get('ann_file') or '')
        return Source(
            str(_existing(listed, root)) if listed else root, root, None)
    if ann is not None:
        path = _existing(ann, root)
    elif data is not None:
        found = _annotations_in(Path(data))
        if found is None:
            return Source(data, root, _pictures_in(Path(data)), True)
        path = found
    else:
        path = _existing(str(dataset.get('ann_file') or ''), root)
    return Source(str(path), root, read_frames_file(path))


def read_frames_file(path: Path) -> dict[str, Any]:
    """A COCO file whose ``annotations`` and ``categories`` may be missing.

    Raises:
        ConfigError: It has no frame, or lists one twice.
        CorruptSampleError: It cannot be read or used.
    """
    content = read_json(path, 'annotations')
    if isinstance(content, dict):
        content = {'annotations': [], 'categories': [], **content}
    check_coco(content, path)
    check_listed_once((i['file_name'] for i in content['images']), path)
    return content


def _existing(name: str, root: str) -> Path:
    """A file under ``root``, or by its own path."""
    for path in (Path(root, name), Path(name)):
        if path.is_file():
            return path
    folder = Path(root, name).parent
    raise ConfigError(
        f'no annotation file {Path(root, name)}; '
        + did_you_mean(str(Path(root, name)), map(str, folder.glob('*.json'))))


def _annotations_in(folder: Path) -> Path | None:
    """The only annotation file of a converted folder; None without any."""
    found = sorted((folder / 'annotations').glob('*.json'))
    named = [path for path in found if path.name == UNLABELLED]
    if len(found) > 1 and not named:
        raise ConfigError(
            f'{folder}: has {len(found)} annotation files '
            f'({", ".join(p.name for p in found[:8])}): name one with --ann')
    return next(iter(named or found), None)


def _pictures_in(folder: Path) -> dict[str, Any]:
    """COCO entries for all pictures of a folder, by their names.

    Folders in the layout of ``STFDataset`` hold other modalities beside
    ``images/``: where there is such a folder, only its pictures are frames.
    """
    top = folder / 'images' if (folder / 'images').is_dir() else folder
    paths = sorted(p for p in top.rglob('*')
                   if p.suffix.lower() in PICTURES and p.is_file())
    if not paths:
        raise ConfigError(f'{top}: holds no picture ({", ".join(PICTURES)})')
    images = []
    for number, path in enumerate(paths, start=1):
        size = image_size(read_bytes(path, 'img'))
        if size is None:
            raise CorruptSampleError(
                path, 'img', 'is not a picture that can '
                'be read: no width and height')
        images.append({
            'id': number,
            'file_name': path.relative_to(folder).as_posix(),
            'width': size[0],
            'height': size[1],
            # What STFDataset asks for.
            'frame_id': path.stem,
            'weather': 'unknown',
            'daytime': 'unknown',
        })
    content = {'images': images, 'annotations': [], 'categories': []}
    check_coco(content, folder)
    return content
