"""The demos of drives, as a user calls them."""
import importlib.util
import io
import shutil

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from PIL import Image

import tests.helpers.drive_dataset  # noqa: F401
from mmxkd.errors import CheckpointError, ConfigError
from mmxkd.evaluation.metrics.following import BYTE_TRACKER, byte_tracker
from mmxkd.formats.mavd.layout import picture_path, read_split
from mmxkd.io.images import read_image
from mmxkd.registry import MODELS
from mmxkd.synthetic import DriveSettings, write_drives
from tests.helpers.commands import load_tool
from tests.helpers.detectors import narrow

SETTINGS = DriveSettings(train=2, val=2, test=2, frames=3, seed=5, scale=.125,
                         sample_rate=8000, duration=.25)


@pytest.fixture(scope='module')
def drives(tmp_path_factory):
    root = tmp_path_factory.mktemp('drives')
    write_drives(root, SETTINGS)
    return root


@pytest.fixture(scope='module')
def detector(drives, tmp_path_factory):
    """Config and weights of a tiny detector that hears, untrained."""
    model = narrow('retinanet', classes=1)
    log_mel = dict(sample_rate=8000, n_fft=256, hop=64, n_mels=20)
    model.backbone = dict(type='mmxkd.SpectrogramBackbone',
                          backbone=dict(model.backbone), in_channels=8)
    model.data_preprocessor = dict(type='mmxkd.SoundDetDataPreprocessor',
                                   frame=(64, 160), sound='audio',
                                   log_mel=log_mel, mean=[-40.] * 8,
                                   std=[20.] * 8)
    model.test_cfg.update(score_thr=0.0, max_per_img=5)
    pipeline = [
        dict(type='mmxkd.LoadMultiChannelAudio', sample_rate=8000,
             frame=(64, 160)),
        dict(
            type='mmxkd.PackMultiModalInputs', modalities=('audio', ),
            meta_keys=('img_id', 'frame_id', 'img_shape', 'ori_shape',
                       'scale_factor'))
    ]
    folder = tmp_path_factory.mktemp('detector')
    config = Config(
        dict(
            default_scope='mmdet',
            model=model, test_dataloader=dict(dataset=dict(
                type='WavDrives', data_root=str(drives), ann_file='truth.json',
                test_mode=True, data_prefix=dict(img=''), pipeline=pipeline)),
            test_evaluator=dict(type='mmxkd.DriveTrackMetric',
                                ann_file=str(drives / 'truth.json'))))
    config.dump(folder / 'config.py')
    torch.manual_seed(0)
    init_default_scope('mmdet')
    built = MODELS.build(model)
    built.init_weights()
    torch.save(
        dict(state_dict=built.state_dict(),
             meta=dict(dataset_meta=dict(classes=('car', )))),
        folder / 'weights.pth')
    return folder / 'config.py', folder / 'weights.pth'


def test_a_gif_of_a_drive(repo, drives, detector, tmp_path, capsys):
    demo = load_tool(repo / 'demo/sound_video.py')
    drive = read_split(drives / 'test_night_all.txt')[0].drive
    out = tmp_path / 'drive.gif'
    demo.main([
        *map(str, detector),
        str(drives / drive), '--out',
        str(out), '--score-thr', '0'
    ])
    assert '3 of 3 frames, 15 detections' in capsys.readouterr().out
    with Image.open(io.BytesIO(out.read_bytes())) as gif:
        # Colour and thermal, each with a caption.
        assert (gif.n_frames, gif.size) == (3, (320, 2 * (128 + 14)))
    with pytest.raises(ConfigError, match="no drive 'drive_nigth_.*mean"):
        demo.main([
            *map(str, detector),
            drive.replace('night', 'nigth'), '--out',
            str(out)
        ])


def test_a_part_of_a_drive(repo, drives, detector, tmp_path, capsys):
    demo = load_tool(repo / 'demo/sound_video.py')
    drive = read_split(drives / 'test_night_all.txt')[0].drive
    out = tmp_path / 'drive.gif'

    def run(*options):
        demo.main([
            *map(str, detector), drive, '--out',
            str(out), '--score-thr', '0', *options
        ])
        with Image.open(out) as gif:
            return gif.n_frames, capsys.readouterr().out

    number, told = run('--start', '1', '--frames', '1')
    assert number == 1 and '1 of 3 frames, 5 detections' in told
    assert run('--step', '2')[0] == 2
    with pytest.raises(ConfigError, match='--start=3: the drive has frames '
                       r'0\.\.2'):
        run('--start', '3')
    assert demo.part_of(list(range(10)), 1, 3, 2) == [1, 3, 5]


def test_a_frame_without_thermal(repo, drives, detector, tmp_path, capsys):
    """It is known before the drive is detected; colours are shown alone."""
    root = shutil.copytree(drives, tmp_path / 'drives')
    frames = read_split(root / 'test_night_all.txt')
    (root / picture_path('thermal', frames[1], '.png')).unlink()
    config = Config.fromfile(detector[0])
    config.test_dataloader.dataset.data_root = str(root)
    config.dump(tmp_path / 'config.py')
    demo, out = load_tool(repo / 'demo/sound_video.py'), tmp_path / 'drive.gif'
    demo.main([
        str(tmp_path / 'config.py'),
        str(detector[1]), frames[0].drive, '--out',
        str(out)
    ])
    told = capsys.readouterr().out
    assert '1 of 3 frames have no thermal picture, the first of them' in told
    assert frames[1].stamp in told
    with Image.open(out) as gif:
        assert (gif.n_frames, gif.size) == (3, (320, 128 + 14))


def test_weights_that_are_not_the_models(repo, drives, detector, tmp_path):
    """Half of them would draw a detector that is half random."""
    demo = load_tool(repo / 'demo/sound_video.py')
    content = torch.load(detector[1], weights_only=True)
    weights = content['state_dict']
    half = dict(list(weights.items())[::2])
    drive = read_split(drives / 'test_night_all.txt')[0].drive
    for name, kept, message in (
        ('half', half, r'half.pth: \d+ weights match, .* missing'),
        ('more', dict(weights, nose=torch.zeros(1)), 'unexpected: nose'),
    ):
        path = tmp_path / f'{name}.pth'
        torch.save(dict(content, state_dict=kept), path)
        with pytest.raises(CheckpointError, match=message):
            demo.main([
                str(detector[0]),
                str(path), drive, '--out',
                str(tmp_path / 'x.gif')
            ])
    # Parts of a distiller are no part of the detector.
    taught = {**weights, 'distiller.connector.weight': torch.zeros(1)}
    path = tmp_path / 'taught.pth'
    torch.save(dict(content, state_dict=taught), path)
    demo.load_model(Config.fromfile(detector[0]), path, 'cpu')


@pytest.mark.parametrize('wrong, message', [
    (['--out', 'drive.mp4'], 'drive.mp4: expected a name in .gif'),
    (['--out', 'drive'], 'expected a name in .gif'),
    (['--zoom', '0'], '--zoom=0, expected a whole number of 1 or more'),
    (['--frames', '0'], '--frames=0, expected a whole number of 1 or more'),
    (['--step', '0'], '--step=0, expected a whole number of 1 or more'),
    (['--start', '-1'], '--start=-1, expected a whole number of 0 or more'),
    (['--seconds', '0'], '--seconds=0.0, expected a number from 0.02 to 600'),
    (['--seconds', 'nan'], '--seconds=nan, expected a number'),
    (['--score-thr', '5'], '--score-thr=5.0, expected a number from 0 to 1'),
    (['--score-thr', 'nan'], '--score-thr=nan, expected a number'),
    (['--device', 'gpu'], 'gpu'),
])
def test_options_of_the_gif_that_cannot_be(repo, wrong, message, capsys):
    demo = load_tool(repo / 'demo/sound_video.py')
    with pytest.raises(SystemExit):
        demo.main(['config.py', 'weights.pth', 'drive', *wrong])
    assert message in capsys.readouterr().err


def test_what_fails_at_once_does_so_before_the_model(repo, detector, tmp_path,
                                                     monkeypatch):
    demo = load_tool(repo / 'demo/sound_video.py')

    def never(*args, **kwargs):
        raise AssertionError('the model was built')

    monkeypatch.setattr(demo, 'init_detector', never)
    path = tmp_path / 'config.py'
    path.write_text('model = dict()\n')
    with pytest.raises(ConfigError, match='config.py: has no test_dataloader'):
        demo.main([str(path), 'weights.pth', 'drive'])
    find = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name, *args: None
        if name == 'lap' else find(name, *args))
    with pytest.raises(ModuleNotFoundError, match='lap.*--with track'):
        demo.main([*map(str, detector), 'drive'])


def test_a_missing_extra_is_an_error_without_a_traceback(
        repo, detector, run_python, tmp_path):
    """As a user sees it."""
    (tmp_path / 'sitecustomize.py').write_text(
        'import importlib.util\n'
        'find = importlib.util.find_spec\n'
        'importlib.util.find_spec = lambda name, *a: (\n'
        '    None if name == "lap" else find(name, *a))\n')
    done = run_python(repo / 'demo/sound_video.py', *detector, 'drive',
                      check=False, PYTHONPATH=str(tmp_path))
    assert done.returncode == 1
    assert done.stderr.strip().endswith(
        "error: ByteTracker needs the package lap, which is not installed: "
        'bash tools/install.sh --with track')
    assert 'Traceback' not in done.stderr


def test_boxes_that_are_heard_are_those_that_are_drawn(repo, drives):
    """The truth in place of detections: its boxes in the colours of tracks."""
    demo = load_tool(repo / 'demo/sound_video.py')
    truth = np.array([[20., 10, 70, 40]])
    frame = read_split(drives / 'test_all.txt')[0]
    path = drives / f'{frame.drive}/fl_rgb/fl_rgb_{frame.stamp}.jpg'
    info = dict(img_path=path, instances=[dict(bbox=truth[0].tolist())])
    row = np.array([[1., *truth[0], .9, 0]])
    (picture, ) = demo.draw([info], [row], zoom=1)
    image = read_image(path, 'rgb')[..., ::-1]
    assert picture.shape == (64 + 14, 160, 3)
    np.testing.assert_array_equal(picture[14 + 45:, :], image[45:])
    assert (picture[14 + 10, 30] != image[10, 30]).any()
    (cut, ) = demo.draw([dict(info, columns=(20, 120))], [row], zoom=1)
    np.testing.assert_array_equal(cut[14 + 45:], image[45:, 20:120])


def test_the_tracker_is_that_of_the_metric(repo):
    demo = load_tool(repo / 'demo/sound_video.py')
    mine = dict(type='ByteTracker', motion=dict(type='KalmanFilter'))
    metric = dict(type='mmxkd.DriveTrackMetric', ann_file='x', tracker=mine)
    for evaluator, expected in ((metric, mine),
                                ([dict(type='CocoMetric'), metric], mine),
                                (dict(metric, tracker=None), BYTE_TRACKER),
                                (dict(metric, tracker=None, start_score=.8),
                                 byte_tracker(.8)), ([], BYTE_TRACKER)):
        config = Config(dict(test_evaluator=evaluator))
        assert demo.tracker_of(config) == expected


def test_a_picture_of_all_views(repo, drives, tmp_path, capsys):
    demo = load_tool(repo / 'demo/drive_views.py')
    drive = read_split(drives / 'test_day_all.txt')[0].drive
    out = tmp_path / 'views.png'
    demo.main([str(drives), drive, '--frame', '1', '--out', str(out)])
    assert 'vehicles' in capsys.readouterr().out
    assert read_image(out, 'sheet').shape[1] == 1100
    frame, name = demo.load_frame(drives, drive, 1)
    assert name == read_split(drives / 'test_day_all.txt')[1]
    assert frame.rgb.shape == (64, 160, 3) == frame.depth.shape
    assert frame.spectrogram.shape[0] == 8
    assert len(frame.boxes) == len(frame.ids) == len(frame.places)
    with pytest.raises(ConfigError, match='has frames 0..2: 3'):
        demo.load_frame(drives, drive, 3)
    with pytest.raises(ConfigError, match="unknown drive 'drive_dai"):
        demo.load_frame(drives, drive.replace('day', 'dai'), 0)
