import json
import shutil

import pytest

from mmxkd.datasets.convert.left_out import LeftOut
from mmxkd.datasets.convert.stf import ConvertSettings, convert
from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.formats.stf.labels import StfLabel, format_labels, read_labels
from mmxkd.formats.stf.layout import StfLayout
from mmxkd.synthetic import SyntheticSettings, write_dataset

FRAME = '2020-01-01_00-00-00_00000'
# A gated picture of 160x90 pixels.
LABELS = {
    'Pedestrian': [(10, 10, 20, 40), (20, 40, 10, 60), (30, 10, 30, 40),
                   (170, 10, 180, 40), (130, 10, 170, 40), (3, 3, 3.5, 9)],
    'Pedestrain': [(1, 1, 9, 9)],
    'PassengerCar_is_group': [(1, 1, 9, 9), (9, 9, 1, 1)],
}


@pytest.fixture(scope='module')
def published(tmp_path_factory):
    root = tmp_path_factory.mktemp('published')
    write_dataset(
        root,
        SyntheticSettings(frames=3, scale=.125, split=(.4, .3, .3),
                          gated='rect8'))
    return root


@pytest.fixture
def source(published, tmp_path):
    root = shutil.copytree(published, tmp_path / 'source')
    folder = root / 'gt_labels/gated_labels_TMP'
    for path in folder.iterdir():
        path.write_text('')
    (folder / f'{FRAME}.txt').write_text(
        format_labels([
            StfLabel(name, box) for name, boxes in LABELS.items()
            for box in boxes
        ]))
    return root


def run(root, out, classes=('Pedestrian', ), splits=('train', 'val')):
    layout = StfLayout(root)
    left_out = LeftOut()
    content = convert({s: layout.find(layout.split_ids(s)) for s in splits},
                      out, ConvertSettings(str(root), 'rect8',
                                           classes=classes), left_out=left_out)
    return content, left_out


def test_every_object_is_in_the_file_or_in_the_table(source, tmp_path):
    content, left_out = run(source, tmp_path / 'out')
    expected = {
        ('PassengerCar', 'ends before it begins (x2 < x1 or y2 < y1)'): 1,
        ('PassengerCar', 'is not in --classes'): 1,
        ('Pedestrain', 'is not in --classes; is it a Pedestrian?'): 1,
        ('Pedestrian', 'begins beyond the picture; is it of the other '
         'camera?'): 1,
        ('Pedestrian', 'ends before it begins (x2 < x1 or y2 < y1)'): 1,
        ('Pedestrian', 'has no area (x2 = x1 or y2 = y1)'): 1,
        ('Pedestrian', 'is smaller than a pixel (kept in the file; mmdet '
         'does not use it)'): 1,
        ('Pedestrian', 'reaches beyond the picture (kept, and cut at its '
         'border)'): 1,
    }
    assert left_out.counts() == expected
    assert left_out.counts('train') == expected
    assert left_out.counts('val') == {}
    kept = sum('kept' in why for _, why in expected)
    written = len(content['train']['annotations'])
    assert written == 3
    total = sum(map(len, LABELS.values()))
    assert written + len(expected) - kept == total


def test_a_conversion_that_goes_on_tells_the_same(source, tmp_path):
    _, first = run(source, tmp_path / 'out')
    _, again = run(source, tmp_path / 'out')
    assert again.counts() == first.counts()
    assert again.table() == first.table()


def test_records_of_an_older_version_are_made_anew(source, tmp_path):
    _, first = run(source, tmp_path / 'out')
    path = tmp_path / f'out/.progress/{FRAME}.json'
    record = json.loads(path.read_text())
    del record['left_out']
    path.write_text(json.dumps(record))
    assert run(source, tmp_path / 'out')[1].counts() == first.counts()
    # Names of a record are never joined to a folder as they are.
    record['files']['../../etc/passwd'] = dict(size=1)
    path.write_text(json.dumps(dict(record, left_out=[])))
    run(source, tmp_path / 'out')
    assert 'passwd' not in (tmp_path / 'out/manifest.json').read_text()


def test_a_damaged_record_is_named(source, tmp_path):
    run(source, tmp_path / 'out')
    path = tmp_path / f'out/.progress/{FRAME}.json'
    path.write_text('[' * 99_999)
    with pytest.raises(CorruptSampleError, match=f'{FRAME}.json.*too deep'):
        run(source, tmp_path / 'out')


@pytest.mark.parametrize('classes, message', [
    (('pedestrian', ), r"'pedestrian', they have 'Pedestrian' \(6\), .*"
     r"did you mean 'Pedestrian'"),
    (('Pedestrian', 'Bus'), r"'Bus', they have .*'PassengerCar' \(2\)"),
    (('Pedestrian', 'pedestrian'), 'each category once'),
    ((), 'expected at least one'),
])
def test_classes_that_make_no_data_set(source, tmp_path, classes, message):
    with pytest.raises(ConfigError, match=message):
        run(source, tmp_path / 'out', classes)
    assert not (tmp_path / 'out').exists()


def test_an_id_does_not_leave_the_folder(source, tmp_path):
    """An id with ``..`` wrote a picture outside of the output."""
    (source / 'splits/bad.txt').write_text('../../../evil,00400\n')
    with pytest.raises(CorruptSampleError, match='bad.txt: line 1: '):
        run(source, tmp_path / 'out', splits=('bad', ))
    assert not (tmp_path / 'out').exists()
    assert not list(tmp_path.rglob('*evil*'))


def test_marks_at_the_start_of_a_label_file_change_nothing(source, tmp_path):
    before = run(source, tmp_path / 'a')
    path = source / f'gt_labels/gated_labels_TMP/{FRAME}.txt'
    labels = read_labels(path)
    path.write_text(path.read_text(), encoding='utf-8-sig')
    assert read_labels(path) == labels
    after = run(source, tmp_path / 'b')
    assert after[0] == before[0]
    assert after[1].counts() == before[1].counts()


def test_the_table_shows_names_as_they_are():
    left_out = LeftOut()
    left_out.add('train', 'Car\x1b[2J\nx', 'a')
    left_out.add('val', 'Car\x1b[2J\nx', 'a', 12)
    left_out.add('val', 'b' * 100, 'a', 0)
    left_out.add('val', 'c' * 100, 'b')
    lines = left_out.table().split('\n')
    assert lines[0].split() == ['left', 'out', 'why', 'train', 'val']
    assert lines[1].split() == [r'Car\x1b[2J\nx', 'a', '1', '12']
    assert len(lines) == 3 and lines[2].startswith('c' * 48 + '…')
    assert len({len(line) for line in lines}) == 1


def test_nothing_left_out_is_said():
    assert LeftOut().table() == 'left out: nothing'
