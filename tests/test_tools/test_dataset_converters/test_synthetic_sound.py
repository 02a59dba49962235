import json


def test_the_command_as_a_user_calls_it(repo, run_python, tmp_path):
    tool = repo / 'tools/dataset_converters/synthetic_sound.py'
    options = ('--train', 2, '--val', 2, '--test', 2, '--frames', 1, '--scale',
               .125, '--sample-rate', 8000, '--duration', .2, '--seed', 3,
               '--interval', .5, '--lamps', .1, '--num-workers', 1)
    done = run_python(tool, tmp_path / 'sound', *options)
    assert 'train_all 2, train_day_all 1, train_night_all 1' in done.stdout
    assert 'drives: 100%' in done.stderr
    settings = json.loads((tmp_path / 'sound/synthetic.json').read_text())
    assert settings == {
        'train': 2, 'val': 2, 'test': 2, 'frames': 1, 'interval': .5,
        'seed': 3, 'scale': .125, 'sample_rate': 8000, 'duration': .2,
        'lamps': .1, 'noise': dict(own=28.0, wind=62.0, full_scale=4.0)
    }
    assert (tmp_path / 'sound/truth.json').is_file()
    again = run_python(tool, tmp_path / 'sound', '--seed', 4, check=False)
    assert again.returncode == 1
    assert again.stderr.startswith('error: ')
    assert 'other settings' in again.stderr
