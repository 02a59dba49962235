import numpy as np
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from mmxkd.evaluation.functional.kitti import evaluate
from mmxkd.formats.kitti import (
    KittiObjects,
    read_label_file,
    read_labels,
    read_results,
    result_folder,
    write_labels,
    write_results,
)

LABEL = 'Car 0.10 1 -1.57 1 2 30 40 1.5 1.6 3.9 1.84 1.47 8.41 0.01'


def test_columns(write_folder):
    folder = write_folder('gt', {'000002': [], '000001': [LABEL]})
    objects = read_labels(folder)
    assert objects.frame_ids == ('000001', '000002')
    assert objects.name.tolist() == ['Car']
    assert (objects.truncated, objects.occluded, objects.alpha) == (.1, 1,
                                                                    -1.57)
    assert objects.bbox.tolist() == [[1, 2, 30, 40]]
    assert objects.dimensions.tolist() == [[1.5, 1.6, 3.9]]
    assert objects.location.tolist() == [[1.84, 1.47, 8.41]]
    assert objects.rotation_y == .01 and objects.score is None
    assert read_labels(folder, ['000002']).frame_ids == ('000002', )


@pytest.mark.parametrize('text', [
    LABEL, LABEL + '\n', LABEL + '\r\n', f'\n\n {LABEL} \n\n',
    LABEL.replace(' ', '\t'),
    LABEL.replace(' ', '  ')
])
def test_white_space_does_not_matter(tmp_path, text):
    (tmp_path / '000001.txt').write_bytes(text.encode())
    objects = read_label_file(tmp_path / '000001.txt')
    assert objects.name.tolist() == ['Car']
    assert objects.location.tolist() == [[1.84, 1.47, 8.41]]


def test_results_are_read_back_exactly(tmp_path, random_frames):
    truth, found = random_frames(3, 20)
    found = KittiObjects.from_frames(found, scored=True)
    write_results(tmp_path / 'dt', found)
    again = read_results(tmp_path / 'dt')
    for name in ('frame', 'name', 'alpha', 'bbox', 'dimensions', 'location',
                 'rotation_y', 'score'):
        assert np.array_equal(getattr(again, name), getattr(found, name))
    truth = KittiObjects.from_frames(truth)
    write_labels(tmp_path / 'gt', truth)
    assert evaluate(read_labels(tmp_path / 'gt'),
                    again).scalars() == (evaluate(truth, found).scalars())


def test_results_in_the_folder_that_the_devkit_reads(tmp_path):
    """``data/`` below is found, unless the folder has files itself."""
    objects = KittiObjects.from_frames({'000003': dict(name=[], score=[])},
                                       scored=True)
    write_results(tmp_path / 'data', objects)
    assert result_folder(tmp_path) == tmp_path / 'data'
    assert read_results(tmp_path).frame_ids == ('000003', )
    (tmp_path / '000004.txt').touch()
    assert read_results(tmp_path).frame_ids == ('000004', )
    assert read_results(tmp_path / 'data').frame_ids == ('000003', )


def test_frames_without_objects_get_an_empty_file(tmp_path):
    write_results(
        tmp_path,
        KittiObjects.from_frames({'000003': dict(name=[], score=[])},
                                 scored=True))
    assert (tmp_path / '000003.txt').read_bytes() == b''
    assert read_results(tmp_path).frame_ids == ('000003', )


def test_results_need_scores(tmp_path):
    with pytest.raises(ValueError, match='need scores'):
        write_results(tmp_path,
                      KittiObjects.from_frames({'000003': dict(name=[])}))


@pytest.mark.parametrize(
    ('line', 'message'),
    [(LABEL, 'expected 16 fields, found 15; is the score missing'),
     (LABEL + ' 0.5 3', 'expected 16 fields, found 17'),
     (LABEL + ' nan', 'score is not a finite number'),
     (LABEL + ' inf', 'score is not a finite number'),
     (LABEL + ' high', "field 16 is not a number: 'high'"),
     (LABEL + ' 0.5x', "field 16 is not a number: '0.5x'"),
     (LABEL + ' 0,5', "field 16 is not a number: '0,5'"),
     (LABEL + ' 1_0', 'field 16 is not a number'),
     (LABEL + ' 1e200', 'score is not a finite number below 1e+100'),
     (LABEL.replace('8.41', 'NaN') + ' 1', 'location is not a finite'),
     (LABEL.replace('1.6', '-1.6') + ' 1', 'negative size'),
     (LABEL.replace('30', '0.5') + ' 1', 'the box ends before it begins'),
     (LABEL.replace('Car', 'Cyclis') + ' 1', "did you mean 'Cyclist'"),
     ('\xe9 ' + LABEL + ' 1', 'expected 16 fields, found 17')])
def test_faults_name_file_and_line(write_folder, line, message):
    good = LABEL + ' 0.25'
    folder = write_folder('dt',
                          {'000001': [good], '000007': ['', good, '', line]})
    with pytest.raises(CorruptSampleError) as error:
        read_results(folder)
    assert message in str(error.value)
    assert f'{folder}/000007.txt: line 4' in str(error.value)


def test_missing_files(write_folder, tmp_path):
    folder = write_folder('results', {'000001': [], '000003': []})
    with pytest.raises(
            ConfigError, match='no result file for 2 of 3 frames: '
            '000002, 000004'):
        read_results(folder, ['000001', '000002', '000004'])
    with pytest.raises(ConfigError, match="did you mean '.*/results'"):
        read_results(tmp_path / 'result')
    with pytest.raises(CorruptSampleError, match='00.txt: cannot be read'):
        read_label_file(tmp_path / '00.txt')
    (folder / '000002.txt').mkdir()
    with pytest.raises(CorruptSampleError, match='000002.txt: cannot be read'):
        read_results(folder)
    (tmp_path / 'none').mkdir()
    with pytest.raises(ConfigError, match='none: expected files'):
        read_labels(tmp_path / 'none')


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16', 'utf-32'])
@pytest.mark.parametrize('newline', ['\n', '\r\n', '\r'])
def test_every_encoding_gives_the_same_objects(tmp_path, encoding, newline):
    text = newline.join([LABEL, LABEL.replace('Car', 'Van')])
    (tmp_path / '000001.txt').write_bytes(text.encode(encoding))
    objects = read_label_file(tmp_path / '000001.txt')
    assert objects.name.tolist() == ['Car', 'Van']
    assert objects.bbox.tolist() == [[1, 2, 30, 40]] * 2


@pytest.mark.parametrize('content, message', [
    (f'{LABEL}\n{LABEL}'.encode('utf-16-le'), 'line 1: found a NUL byte'),
    (f'{LABEL}\nF\xe9'.encode('latin-1'), 'line 2: found the bytes 0xe9'),
    (f'{LABEL}\n\ufeff{LABEL}'.encode(), 'line 2: found a byte order mark'),
    (f'{LABEL}\n{LABEL}\x1a'.encode(), 'line 2: found the control'),
])
def test_what_is_not_text_is_named(tmp_path, content, message):
    path = tmp_path / '000001.txt'
    path.write_bytes(content)
    with pytest.raises(CorruptSampleError, match=message) as caught:
        read_label_file(path)
    assert str(path) in str(caught.value)


def test_line_numbers_of_files_with_a_mark(tmp_path):
    path = tmp_path / '000001.txt'
    path.write_text(f'\n{LABEL}\r\n{LABEL.replace("Car", "Cart")}',
                    encoding='utf-16')
    with pytest.raises(CorruptSampleError, match='line 3: unknown class'):
        read_label_file(path)


def test_ids_that_lead_out_of_the_folder_are_not_written(tmp_path):
    objects = KittiObjects.from_frames({'../000001': dict(name=[], score=[])},
                                       scored=True)
    with pytest.raises(CorruptSampleError, match='it has a separator'):
        write_results(tmp_path / 'data', objects)
    assert not list(tmp_path.rglob('*.txt'))
    write_labels(tmp_path, KittiObjects.from_frames({'000001': dict(name=[])}))
    with pytest.raises(CorruptSampleError, match='it has a separator'):
        read_labels(tmp_path, ['../000001'])
