"""Labels of MAVD, some of whose frames lack a picture."""
import shutil

import pytest
from mmdet.utils import register_all_modules

from mmxkd.datasets.convert.mavd import MavdSettings, convert
from mmxkd.datasets.convert.mavd_frame import SoundSettings
from mmxkd.engine.labelling.stage import paths_read
from mmxkd.errors import ConfigError
from mmxkd.formats.mavd.layout import CAMERAS, picture_path, read_split
from mmxkd.registry import DATASETS
from tests.helpers.mavd_tree import RATE, SECONDS, frames_of, write_tree

STEPS = dict(rgb=[dict(type='LoadImageFromFile', _scope_='mmxkd')],
             thermal=[dict(type='mmxkd.LoadThermal')],
             depth=[dict(type='mmxkd.LoadDepthPicture')])
NAMES = dict(rgb='img', thermal='thermal', depth='depth_picture')


@pytest.fixture
def drives(tmp_path):
    """Three frames; the first lacks thermal, the second depth."""
    register_all_modules(init_default_scope=False)
    root = write_tree(tmp_path / 'drives')
    first, second, _ = frames_of('train')
    (root / picture_path('thermal', first, '.png')).unlink()
    (root / picture_path('depth', second, '.png')).unlink()
    return index(root)


def index(root):
    settings = MavdSettings(
        SoundSettings('auto', sample_rate=RATE, seconds=SECONDS), 'all')
    convert(root, dict(train=read_split(root / 'train_all.txt')), settings)
    return root


def seeing(*cameras):
    """The options of a teacher that sees some cameras."""
    pipeline = [step for camera in cameras for step in STEPS[camera]] + [
        dict(type='mmxkd.CropColumns'),
        dict(type='mmxkd.PackMultiModalInputs', modalities=[
            NAMES[camera] for camera in cameras
        ], meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape'))
    ]
    channels = sum(1 if camera == 'thermal' else 3 for camera in cameras)
    # Within 0..255, as the detector expects it.
    scale = 120. if cameras == ('thermal', ) else 1.
    dataset = dict(_delete_=True, type='mmxkd.MAVDDataset', cameras=cameras,
                   pipeline=pipeline, test_mode=True)
    view = dict(_delete_=True, type='mmxkd.ModalityDetDataPreprocessor',
                modalities=[NAMES[camera] for camera in cameras],
                mean=[0.] * channels, std=[scale] * channels)
    return dict(
        classes=('car', ), cfg={
            'test_dataloader': dict(dataset=dataset),
            'model': dict(data_preprocessor=view),
        })


def labelled(place, drives, *teachers):
    """Names of the frames that are labelled, and what is said of others."""
    content = place.run(*teachers, data=str(drives),
                        ann='annotations/train.json', score_thr=['0.1'])
    left_out = [(e['file_name'].split('/')[-1], e['why'])
                for e in content['info']['left_out']]
    return [i['frame_id'] for i in content['images']], left_out


@pytest.mark.parametrize('camera, missing, entry', [
    ('thermal', 0, 'thermal_path'),
    ('depth', 1, 'depth_picture_path'),
])
def test_a_teacher_of_one_camera(place, drives, camera, missing, entry,
                                 capsys):
    frames = list(map(str, frames_of('train')))
    # It sees a car or none: all of a picture that is bright enough.
    found, left_out = labelled(
        place, drives, place.teacher(gives='class 0', **seeing(camera)))
    lost = frames.pop(missing)
    assert found == frames
    assert left_out == [(f'fl_rgb_{lost.split("/")[1]}.png', f'has no {entry}')
                        ]
    assert '1 of 3 frames are left out' in capsys.readouterr().out


def test_two_teachers_lose_the_frames_of_both(place, drives):
    found, left_out = labelled(
        place, drives, place.teacher(gives='class 0', **seeing('thermal')),
        place.teacher(gives='class 0', **seeing('rgb', 'depth')))
    assert found == [str(frames_of('train')[2])]
    assert [why for _, why in left_out
            ] == ['has no thermal_path', 'has no depth_picture_path']


def test_no_frame_with_thermal(place, drives):
    for folder in drives.glob(f'*/{CAMERAS["thermal"][0]}'):
        shutil.rmtree(folder)
    with pytest.raises(ConfigError,
                       match='LoadThermal: no thermal_path for .*fl_rgb'):
        labelled(place, index(drives),
                 place.teacher(gives='class 0', **seeing('thermal')))


@pytest.mark.parametrize(
    'cameras, paths',
    [
        (('thermal', ), ['thermal_path']),
        # The first frame ends at thermal, the second at depth.
        (('thermal', 'depth'), ['depth_picture_path', 'thermal_path']),
        (('rgb', ), ['img_path']),
    ])
def test_all_that_a_pipeline_reads_is_found(drives, cameras, paths):
    """Also where each frame that is tried first lacks a picture."""
    dataset = DATASETS.build(
        dict(type='mmxkd.MAVDDataset', data_root=str(drives),
             ann_file='annotations/train.json', unlabelled=True, cameras=None,
             pipeline=[step for c in cameras for step in STEPS[c]]))
    infos = [dataset.get_data_info(k) for k in range(3)]
    assert paths_read(dataset, infos) == paths
    assert paths_read(dataset, infos[:2]) == paths


def test_what_is_wrong_beside_missing_files_is_raised(drives):
    dataset = DATASETS.build(
        dict(
            type='mmxkd.MAVDDataset', data_root=str(drives),
            ann_file='annotations/train.json', unlabelled=True, cameras=None,
            pipeline=[
                *STEPS['thermal'],
                dict(type='mmxkd.StretchThermal', window=(0, 1))
            ]))
    infos = [dataset.get_data_info(k) for k in range(3)]
    dataset.pipeline.transforms[1].transform = lambda results: results['nose']
    with pytest.raises(KeyError, match='nose'):
        paths_read(dataset, infos)
