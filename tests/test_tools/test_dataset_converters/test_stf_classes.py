"""``--classes pedestrian`` made a data set without any object."""
import pytest


@pytest.fixture(scope='module')
def raw(repo, run_python, tmp_path_factory):
    root = tmp_path_factory.mktemp('fog') / 'raw'
    run_python(repo / 'tools/dataset_converters/synthetic_stf.py', root,
               '--frames', 6, '--split', '0.5,0.25,0.25', '--gated', 'rect8')
    return root


@pytest.mark.parametrize('classes', ['Pedestrian', 'pedestrian', 'Pedestrain'])
def test_classes_are_those_of_the_labels(repo, run_python, raw, tmp_path,
                                         classes):
    done = run_python(repo / 'tools/dataset_converters/stf.py', raw,
                      tmp_path / 'out', '--train', 'train', '--val', 'val',
                      '--test', 'test', '--classes', classes, check=False)
    if classes == 'Pedestrian':
        assert done.returncode == 0
        assert 'train: 3 frames, 8 boxes' in done.stdout
        assert 'LargeVehicle' in done.stdout  # in the table
        return
    assert done.returncode == 1
    error = done.stderr.strip().splitlines()[-1]
    assert f"no label is of the class '{classes}', they have" in error
    assert "'Pedestrian' (" in error and "'PassengerCar' (" in error
    assert not (tmp_path / 'out').exists()
