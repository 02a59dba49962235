import json


def test_the_command_as_a_user_calls_it(repo, run_python, tmp_path):
    tool = repo / 'tools/dataset_converters/synthetic_kitti.py'
    done = run_python(tool, tmp_path / 'kitti', '--train', 1, '--val', 1,
                      '--test', 1, '--scale', .125, '--seed', 3,
                      '--azimuth-step', 2, '--num-workers', 1)
    assert 'train 1, val 1, trainval 2, test 1' in done.stdout
    assert 'scenes: 100%' in done.stderr
    assert json.loads((tmp_path / 'kitti/synthetic.json').read_text()) == {
        'train': 1, 'val': 1, 'test': 1, 'seed': 3, 'scale': .125,
        'azimuth_step': 2.0
    }
    assert (tmp_path / 'kitti/training/label_2/000001.txt').is_file()
    again = run_python(tool, tmp_path / 'kitti', '--seed', 4, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith('error: ')
    assert 'other settings' in again.stderr
