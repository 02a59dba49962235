"""Which frames of KITTI train, validate and test.

The 7481 labelled frames are commonly divided into 3712 for training and 3769
for validation. The division goes by the name of Chen et al., "3D Object
Proposals for Accurate Object Class Detection" (3DOP), NIPS 2015, and some
credit Cai et al., "A Unified Multi-scale Deep Convolutional Neural Network"
(MS-CNN), ECCV 2016; it is said to keep the frames of one drive together. It
stands here as what it is, a set of numbers.
"""
import re
from os import PathLike

from mmxkd.errors import CorruptSampleError, check_name
from mmxkd.io.text import read_lines

SPLITS = ('train', 'val', 'trainval', 'test')
NUM_LABELLED = 7481
NUM_TEST = 7518
# Of ASCII: `int` takes the digits of every script.
_ID = re.compile('[0-9]{6}')
# Bit k, counted from the last digit, tells whether frame k is for training.
_TRAIN_MASK = int(
    '95823ad85a41ba064151875c0c35ee7c1434f113371e27a06610718a4f2ab495d52a483b'
    'f728ac819bd8f243da569f6b74402a45564c7398033622965a9789d6ea61ac38fadbd9a3'
    '41754968ab2a0965cccfb246268a5909c2482074d98596701f5a0f9b0b92e2717588c87b'
    '87e3c4ab18b8d4a54fad01cc42e178d6a1908cbf878841f06c7117e169c5e0aec14c2387'
    'e9c2f98dfe3aa0917bf92ebcc7b75aeba3b1bcdc55ea6af6db1183b3285e17932309aa01'
    '29027e88d14be89b69d1b6c6f357110811478d512ddef42ff47bd383e714e9b03dffd2db'
    '7046744fd8c2637d56cccea2c9f2313d70dbf0e7828cc39e0678aaa6d7f33dfb3d294871'
    'c3c845db133f5fcfff19d164967f951818d12446f0ed6a6167ae75a8c993919fbd1b0c86'
    '2a2185d4425e48fc8d5f1bb810a43809dc8aead51ae9218956bfb229c21b242c9bd43a46'
    '5df16603e0b7761d9c132e5e273cd8a36ce8212b888109e104127cc1e9606ea89aab60f7'
    '2f459a983bcd478fa03c4d6f9e9110f29daaab661198033f218c6c7d9862fc8d2879253a'
    '514310c8973f6630b15eea0f191be705ff06e0808f28e0880d04ca65515aec5774d8a8e3'
    'def060aefa8d69c9afa979a7a6e3d591a394389ae6af7dd3a3afa44ab9e79175e3e523f0'
    '7eb726653fe0e30f47934d57f0160ab44cffee2f96f318b677706c577a3c6060bb10ded8'
    '77f28995e00141f9f75a0f943359f3c324a88a6ef4e6d9f5237a6c4894b3635ab7052b59'
    '6da89c152faa9316ba7ae9719a0a33b014b7f304516cb0b7a01564bd3acf4b6d0e01d407'
    'f35ade0c6d23eb218cc9d37f4f4494c0ad7808d413b60b9cd1db5cd78ca529d74fa03bb8'
    '4d28c38eeb43a09c6f58256ab709ff093bba78cc2337cf1c702ae91b4de0c8a95e73a263'
    '03224efba9329778cce27d38ede535d8943c7fa07264b4670f9519216fb8a88383c59582'
    'e8475821ed3e7af90c84067fdce9ca0c96c71206aef76c299e68d3f30aa6cbb6198fcd39'
    '1810959de2f7b0aabb56f155d45b92ca01349d4ad6d1b85e09c9679d7c5c9f5b5bf29116'
    '76d6637f97428c2fd764b0b481ff9be07e252df00145058142a8989f37304720cf73b084'
    '420556a162943ca787017b13b357f193023b7f68569125acce23e2b2c656f59dcd01df37'
    'a8649f7b76e100b6bfb3841dea29ccb4598feaa2a7e35b97e17a4b63a8e303ecf70f5fe4'
    '2c33691eda6d568a72059c04cf7502b6cf87a71c61006910c99842314e4c6472459dd1e5'
    '3c892fe03b431a7ac76542231f187d6c77652eab8fe2bb99fd8ff913ca7a5564477e89',
    16)


def folder_of(split: str) -> str:
    """The folder in which the frames of a split lie.

    Raises:
        ConfigError: There is no such split.

    Examples:
        >>> folder_of('val'), folder_of('test')
        ('training', 'testing')
    """
    check_name('split', split, SPLITS)
    return 'testing' if split == 'test' else 'training'


def official_ids(split: str) -> list[str]:
    """The frame ids of a split, ascending.

    Args:
        split (str): ``'train'`` (3712), ``'val'`` (3769), ``'trainval'``
            (7481) or ``'test'`` (7518).

    Raises:
        ConfigError: There is no such split.

    Examples:
        >>> official_ids('train')[:4]
        ['000000', '000003', '000007', '000009']
    """
    if folder_of(split) == 'testing':
        return [f'{k:06d}' for k in range(NUM_TEST)]
    wanted = {'train': (1, ), 'val': (0, ), 'trainval': (0, 1)}[split]
    return [
        f'{k:06d}' for k in range(NUM_LABELLED)
        if _TRAIN_MASK >> k & 1 in wanted
    ]


def read_ids(path: str | PathLike) -> list[str]:
    """Read a list of frame ids.

    Raises:
        CorruptSampleError: The list cannot be read, is empty, or holds
            something else than ids, or one twice; names file and line.
    """
    seen: dict[str, int] = {}
    expected = 'an id of six digits'
    for number, frame_id in read_lines(path, 'split', expected):
        reason = None
        if not _ID.fullmatch(frame_id):
            reason = f'expected {expected}, found {frame_id!r}'
        elif frame_id in seen:
            reason = f'{frame_id} stands in line {seen[frame_id]} already'
        if reason is not None:
            raise CorruptSampleError(path, 'split', f'line {number}: {reason}')
        seen[frame_id] = number
    if not seen:
        raise CorruptSampleError(path, 'split', 'holds no frame id')
    return list(seen)
