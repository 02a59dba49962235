import pytest

from mmxkd.errors import CorruptSampleError
from mmxkd.formats.stf.labels import (
    StfLabel,
    format_label,
    format_labels,
    parse_label,
    read_labels,
)

LINE = ('PassengerCar 0.1 1 -1.5 614.2 181.78 727.3 284.77 1.57 1.73 4.15 '
        '1.0 1.75 13.22 1.62 0.01 1.62 0.02 -1 0.0 0.7 0.0 0.71 '
        'True False -1 True')
FLAT = ' '.join([
    '0 0 0 1 2 3 4', '-1 ' * 3 + '-1000 ' * 3, '0 0 0 0 -1', '-1000 ' * 4,
    '-1 -1 -1 -1'
])


def test_every_field_finds_its_place():
    label = parse_label(LINE)
    assert label == StfLabel(name='PassengerCar', truncated=.1, occluded=1,
                             alpha=-1.5, box=(614.2, 181.78, 727.3, 284.77),
                             size=(1.57, 1.73, 4.15),
                             location=(1.0, 1.75, 13.22), orient3d=1.62,
                             rotation=(.01, 1.62, .02), score=-1,
                             quaternion=(0.0, .7, 0.0, .71),
                             visible=(True, False, None, True))


def test_two_word_class_does_not_shift_the_columns():
    label = parse_label(f'traffic sign {FLAT}')
    assert label.name == 'traffic sign'
    assert label.box == (1, 2, 3, 4)
    assert label.location == (-1000, -1000, -1000)


def test_line_survives_a_round_trip():
    label = parse_label(LINE)
    assert len(format_label(label).split()) == 27
    assert parse_label(format_label(label)) == label


@pytest.mark.parametrize('name, base, is_group',
                         [('Pedestrian', 'Pedestrian', False),
                          ('Pedestrian_is_group', 'Pedestrian', True)])
def test_group_is_known_by_its_name(name, base, is_group):
    label = StfLabel(name, (0, 0, 1, 1))
    assert (label.base_name, label.is_group) == (base, is_group)


@pytest.mark.parametrize(
    'line, message',
    [(LINE.rsplit(' ', 1)[0], 'expected 27 fields, found 26'),
     (LINE.replace('727.3', 'x'), "field 6 of 'PassengerCar'"),
     (LINE.replace('727.3', 'nan'), 'not a finite number'),
     (LINE.replace('True', 'yes'), 'must be True, False or -1'),
     (LINE.replace('727.3', '7_27.3'), "field 6 of .*'7_27.3'"),
     (LINE.replace(' 1 -1.5', ' 0.5 -1.5'), 'occlusion .* must be a whole'),
     (LINE.replace('PassengerCar', 'PassengerCar 0'), "name 'PassengerCar 0'"),
     (LINE.replace('PassengerCar', '7'), "the class name '7'")])
def test_bad_line_is_named_by_file_and_number(tmp_path, line, message):
    path = tmp_path / 'a.txt'
    path.write_text(f'{LINE}\n\n{line}\n', encoding='utf-8')
    with pytest.raises(CorruptSampleError, match=message) as caught:
        read_labels(path)
    assert f'{path}:3' in str(caught.value)


def test_empty_file_has_no_objects(tmp_path):
    path = tmp_path / 'a.txt'
    path.write_text('', encoding='utf-8')
    assert read_labels(path) == []


def test_files_survive_a_round_trip(tmp_path):
    labels = [parse_label(LINE), parse_label(f'traffic light {FLAT}')]
    path = tmp_path / 'a.txt'
    path.write_text(format_labels(labels), encoding='utf-8')
    assert read_labels(path) == labels


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('newline', ['\n', '\r\n', '\r'])
def test_every_encoding_gives_the_same_labels(tmp_path, encoding, newline):
    path = tmp_path / 'a.txt'
    text = newline.join([LINE, '', f'traffic sign {FLAT}', ''])
    path.write_bytes(text.encode(encoding))
    assert read_labels(path) == [
        parse_label(LINE),
        parse_label(f'traffic sign {FLAT}')
    ]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(CorruptSampleError, match='none.txt: cannot be read'):
        read_labels(tmp_path / 'none.txt')
