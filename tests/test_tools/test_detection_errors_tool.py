"""Pictures of mistakes from KITTI's files."""
import cv2
import numpy as np

LABEL = '{} 0 0 0 {} {} {} {} 1 1 1 0 0 9 0'


def write(folder, name, *lines):
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(''.join(line + '\n' for line in lines))


def test_command(repo, tmp_path, run_python):
    training, results = tmp_path / 'training', tmp_path / 'results'
    images = training / 'image_2'
    images.mkdir(parents=True)
    for frame in ('000001', '000004'):
        cv2.imwrite(str(images / f'{frame}.png'),
                    np.zeros((60, 100, 3), np.uint8))
    write(training / 'label_2', '000001.txt',
          LABEL.format('Car', 10, 10, 29, 29),
          'DontCare -1 -1 -10 60 30 70 40 -1 -1 -1 -1000 -1000 -1000 -10',
          LABEL.format('Pedestrian', 70, 10, 80, 40))
    # A Van is not an object here: this frame has none.
    write(training / 'label_2', '000004.txt',
          LABEL.format('Van', 10, 10, 29, 29))
    write(results, '000001.txt',
          LABEL.format('Car', 10, 10, 20, 29) + ' 0.9',
          LABEL.format('Car', 40, 40, 55, 55) + ' 0.8',
          LABEL.format('Car', 70, 10, 80, 40) + ' 0.7')
    write(results, '000004.txt', LABEL.format('Car', 10, 10, 29, 29) + ' 0.9')
    # An earlier run has drawn more; what is not of its names stays.
    (tmp_path / 'out/bg').mkdir(parents=True)
    for name in ('3.png', '11.png', 'mine.png'):
        (tmp_path / 'out/bg' / name).touch()
    done = run_python(repo / 'tools/analysis_tools/detection_errors.py',
                      results, training, tmp_path / 'out')
    lines = [line.split()[:2] for line in done.stdout.splitlines()]
    assert lines == [['2', 'frames,'], ['correct', '1'], ['repeated', '0'],
                     ['loc', '0'], ['cls', '0'], ['bg', '1'], ['missed', '1']]
    found = sorted(
        p.relative_to(tmp_path / 'out').as_posix()
        for p in (tmp_path / 'out').rglob('*.png'))
    assert found == ['bg/0.png', 'bg/mine.png', 'missed/0.png']
    picture = cv2.imread(str(tmp_path / 'out/bg/0.png'))
    # The frame of the box: red in BGR, and nothing inside of it.
    assert picture[40, 45].tolist() == [0, 94, 213]
    assert not picture[44:52, 44:52].any()
    missed = cv2.imread(str(tmp_path / 'out/missed/0.png'))
    assert missed[10, 75].tolist() == [233, 180, 86]
    assert not (missed == (0, 94, 213)).all(2).any()


def test_a_missing_label_is_one_line(repo, tmp_path, run_python):
    write(tmp_path / 'results', '000009.txt')
    write(tmp_path / 'training/label_2', '000001.txt')
    done = run_python(repo / 'tools/analysis_tools/detection_errors.py',
                      tmp_path / 'results', tmp_path / 'training',
                      tmp_path / 'out', check=False)
    assert done.returncode == 1 and 'Traceback' not in done.stderr
    assert 'no label file for 1 of 1 frames: 000009' in done.stderr
