"""VOC and KITTI as COCO files with few labels."""
import json
import shutil
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from mmxkd.datasets import ScoredCocoDataset
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.voc import read_annotation
from tests.helpers.commands import load_tool
from tests.helpers.kitti_tree import write_kitti

VOC = 'tools/dataset_converters/voc.py'
KITTI = 'tools/dataset_converters/kitti.py'
KITTI_COCO = 'tools/dataset_converters/kitti_coco.py'
OBJECT = ('<object><name>{}</name><difficult>{}</difficult><bndbox>'
          '<xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax><ymax>{}</ymax>'
          '</bndbox></object>')


@pytest.fixture
def convert(repo, capsys):
    """Run a command in this process, which is faster than a new one."""

    def run(tool, *args, check=True):
        code, text = 0, ''
        try:
            load_tool(repo / tool).main([str(arg) for arg in args])
        except (ConfigError, CorruptSampleError) as error:
            if check:
                raise
            code, text = 1, str(error)
        return SimpleNamespace(returncode=code, stderr=text,
                               stdout=capsys.readouterr().out)

    return run


@pytest.fixture
def voc(tmp_path):
    """Six pictures of 40x30 with a cell each, of which the second has two."""
    root = tmp_path / 'voc'
    for folder in ('JPEGImages', 'Annotations', 'ImageSets/Main'):
        (root / folder).mkdir(parents=True)
    for k in range(6):
        cv2.imwrite(str(root / f'JPEGImages/p{k}.jpg'),
                    np.full((30, 40, 3), 40 * k, np.uint8))
        objects = OBJECT.format('cell', 0, 2, 3, 12 + k, 13)
        if k == 1:
            objects += OBJECT.format('Spot', 1, 30, 20, 99, 30)
        (root / f'Annotations/p{k}.xml'
         ).write_text(f'<annotation>{objects}</annotation>')
    for split, members in (('train', 'p0 p1 p2 p3'), ('val', 'p4'), ('test',
                                                                     'p5')):
        (root / f'ImageSets/Main/{split}.txt').write_text(
            members.replace(' ', '\n'))
    return root


def read(root, name):
    return json.loads((root / f'annotations/{name}.json').read_text())


def names_of(content):
    return [image['file_name'] for image in content['images']]


def test_voc_as_coco(convert, voc, tmp_path):
    out = tmp_path / 'coco'
    convert(VOC, voc, out, '--classes', 'cell', 'spot', '--clip')
    train = read(out, 'train')
    assert [c['name'] for c in train['categories']] == ['cell', 'spot']
    assert names_of(train) == [f'images/p{k}.jpg' for k in range(4)]
    # Counted from 0; a difficult object is ignored; it is cut at the border.
    assert [box['bbox'] for box in train['annotations']] == [[1, 2, 10, 10],
                                                             [1, 2, 11, 10],
                                                             [29, 19, 10, 10],
                                                             [1, 2, 12, 10],
                                                             [1, 2, 13, 10]]
    assert [box['iscrowd'] for box in train['annotations']] == [0, 0, 1, 0, 0]
    assert names_of(read(out, 'val')) == ['images/p4.jpg']
    for k in range(6):
        copy = out / f'images/p{k}.jpg'
        assert copy.read_bytes() == (voc / f'JPEGImages/p{k}.jpg').read_bytes()
    assert sorted(p.name for p in (out / 'annotations').iterdir()) == [
        'test.json', 'train.json', 'val.json'
    ]


def test_labels_are_held_back(convert, voc, tmp_path):
    """The same ones again, and those of another seed."""
    found = []
    for name, seed in (('a', 0), ('b', 0), ('c', 1)):
        out = tmp_path / name
        done = convert(VOC, voc, out, '--classes', 'cell', 'spot',
                       '--labelled', 2, '--seed', seed)
        train, rest, truth = (read(out, part)
                              for part in ('train', 'unlabelled',
                                           'unlabelled_truth'))
        assert 'annotations' not in rest
        assert rest['images'] == truth['images']
        assert len(train['images']) == len(rest['images']) == 2
        whole = names_of(train) + names_of(rest)
        assert sorted(whole) == [f'images/p{k}.jpg' for k in range(4)]
        assert len(train['annotations']) + len(truth['annotations']) == 5
        found.append(names_of(train))
    assert 'unlabelled.json: 2 frames, without labels' in done.stdout
    assert found[0] == found[1] != found[2]
    dataset = ScoredCocoDataset(data_root=str(out),
                                ann_file='annotations/unlabelled.json',
                                data_prefix=dict(img=''), unlabelled=True,
                                metainfo=dict(classes=('cell', 'spot')),
                                pipeline=[])
    assert len(dataset) == 2 and dataset.get_data_info(0)['labelled'] is False


def test_bad_input_writes_nothing(convert, voc, tmp_path):
    out = tmp_path / 'coco'
    for options, message in ((('--classes', 'cell'), "unknown class 'Spot'"),
                             (('--classes', 'cell', 'spot', '--labelled', 4),
                              'expected fewer'),
                             (('--classes', 'cell', 'spot', '--labelled', 5),
                              'expected 1 to 4'), (('--classes', 'cell',
                                                    'spot', '--val', 'vla'),
                                                   "did you mean 'val'")):
        done = convert(VOC, voc, out, *options, check=False)
        assert done.returncode == 1 and message in done.stderr
        assert not out.exists()
    # Two pictures of one name would overwrite each other.
    for year in ('one', 'two'):
        shutil.copytree(voc, tmp_path / 'years' / year)
    done = convert(VOC, tmp_path / 'years', out, '--classes', 'cell', 'spot',
                   '--train', 'one/train', 'two/train', '--val', 'one/val',
                   '--test', 'one/test', check=False)
    assert done.returncode == 1 and 'is listed twice' in done.stderr
    done = convert(VOC, tmp_path / 'years', out, '--classes', 'cell', 'spot',
                   '--train', 'one/train', '--val', 'two/train', '--test',
                   'one/test', check=False)
    assert done.returncode == 1 and 'have one name' in done.stderr


def test_blood_cells(run_python, shared_data, tmp_path):
    """364 real pictures; three of their boxes have no width or height."""
    out = tmp_path / 'bccd'
    done = run_python(VOC, shared_data / 'bccd', out, '--classes', 'RBC',
                      'WBC', 'Platelets', '--clip', '--labelled', 60)
    numbers = {
        name: len(read(out, name)['images'])
        for name in ('train', 'unlabelled', 'val', 'test')
    }
    assert numbers == dict(train=60, unlabelled=145, val=87, test=72)
    assert 'has no width or height' in done.stdout
    done = run_python(VOC, shared_data / 'bccd', tmp_path / 'none',
                      check=False)
    assert done.returncode == 1 and done.stderr.count('error: ') == 1
    assert "unknown class 'WBC'" in done.stderr
    assert 'Traceback' not in done.stderr
    truth = read(out, 'val')
    image = truth['images'][0]
    stem = image['file_name'].removeprefix('images/').removesuffix('.jpg')
    own = read_annotation(shared_data / f'bccd/Annotations/{stem}.xml')
    boxes = [b for b in truth['annotations'] if b['image_id'] == image['id']]
    assert len(boxes) == len(own.objects)
    x1, y1, x2, y2 = own.objects[0].box
    assert boxes[0]['bbox'][:2] == [max(x1 - 1, 0), max(y1 - 1, 0)]
    assert boxes[0]['bbox'][2] == pytest.approx(x2 - x1, abs=1)


def test_kitti_as_coco(convert, tmp_path):
    """Two frames to train on; of two others, one is for testing."""
    root = write_kitti(tmp_path / 'kitti')
    convert(KITTI, root, '--splits', 'train', 'val', '--depth')
    convert(KITTI_COCO, root, '--labelled', 1)
    parts = [read(root, name) for name in ('train', 'unlabelled_truth')]
    assert sorted(names_of(parts[0]) + names_of(parts[1])) == [
        'training/image_2/000000.png', 'training/image_2/000002.png'
    ]
    boxes = sorted((box for part in parts for box in part['annotations']),
                   key=lambda box: (box['image_id'], box['id']))
    # Van, DontCare, Person_sitting and what is beyond hard are ignored, the
    # truck is background.
    names = ['Car', 'Pedestrian', 'Cyclist']
    assert [(names[box['category_id'] - 1], box['iscrowd'], box['bbox'][0])
            for box in boxes] == [('Car', 0, 100.5), ('Car', 1, 10),
                                  ('Pedestrian', 0, 200), ('Car', 1, 280),
                                  ('Cyclist', 0, 140), ('Car', 1, 1),
                                  ('Pedestrian', 1, 200),
                                  ('Pedestrian', 1, 220), ('Car', 1, 230)]
    assert boxes[0]['bbox'] == [100.5, 40.25, 60.25, 40.25]
    both = names_of(read(root, 'val')) + names_of(read(root, 'test'))
    assert sorted(both) == [
        'training/image_2/000001.png', 'training/image_2/000003.png'
    ]
    dataset = ScoredCocoDataset(data_root=str(root),
                                ann_file='annotations/unlabelled.json',
                                data_prefix=dict(img=''),
                                beside=dict(depth_path='training/depth_2'),
                                metainfo=dict(classes=tuple(names)),
                                unlabelled=True, pipeline=[])
    info = dataset.get_data_info(0)
    stem = info['img_path'].rpartition('/')[2]
    assert info['depth_path'] == str(root / 'training/depth_2' / stem)
    assert (root / 'training/depth_2' / stem).is_file()
    done = convert(KITTI_COCO, root, '--val', 2, check=False)
    assert done.returncode == 1 and 'left for testing' in done.stderr


def test_unknown_classes_of_voc(repo, convert, voc, tmp_path):
    """The advice of the error is an option of the command."""
    with pytest.raises(CorruptSampleError) as caught:
        convert(VOC, voc, tmp_path / 'a', '--classes', 'cell')
    text = load_tool(repo / VOC).in_own_words(caught.value)
    assert "unknown class 'Spot' (--ignore-unknown leaves such" in text
    assert text.endswith("known: 'cell'") and 'ignore_unknown' not in text
    assert not (tmp_path / 'a').exists()
    convert(VOC, voc, tmp_path / 'b', '--classes', 'cell', '--ignore-unknown')
    boxes = read(tmp_path / 'b', 'train')['annotations']
    assert [box['category_id']
            for box in boxes] == [boxes[0]['category_id']] * 4
