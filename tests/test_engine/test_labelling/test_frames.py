import json
import shutil

import cv2
import pytest

from mmxkd.errors import ConfigError, CorruptSampleError
from tests.helpers.blobs import DATA, rows, write_frames

GATED = '''
pipeline = [
    dict(type='LoadImageFromFile', _scope_='mmxkd'),
    dict(type='mmxkd.LoadGatedSlices'),
    dict(type='LoadAnnotations', with_bbox=True),
    dict(type='mmxkd.PackMultiModalInputs', modalities=('img', 'gated'),
         meta_keys=('img_id', 'img_path', 'ori_shape', 'img_shape',
                    'scale_factor'))]
model.update(data_preprocessor=dict(
    type='mmxkd.ModalityDetDataPreprocessor', modalities=('img', 'gated'),
    mean=[0.] * 6, std=[1.] * 6))
'''


@pytest.fixture
def converted(place):
    """A folder in the layout of STFDataset, without labels."""
    root = place.root / 'stf'
    write_frames(root, 'data', DATA, labelled=False)
    for folder in ('images', 'gated0', 'gated1', 'gated2', 'annotations'):
        (root / folder).mkdir()
    content = json.loads((root / 'data.json').read_text())
    for image in content['images']:
        name = image['file_name']
        picture = cv2.imread(str(root / name))
        for k in range(3):
            cv2.imwrite(str(root / f'gated{k}' / name), picture[..., 0])
        (root / name).replace(root / 'images' / name)
        image.update(file_name=f'images/{name}', frame_id=name[:-4],
                     weather='clear', daytime='night')
    (root / 'data.json').unlink()
    (root / 'annotations/unlabelled.json').write_text(json.dumps(content))
    return root


def stf_teacher(place, gated=True):
    """One that reads STFDataset; ``gated``: also the slices."""
    teacher = place.teacher()
    path = place.root / 'stf.py'
    path.write_text(
        open(teacher.cfg.filename).read() + (GATED if gated else '')
        + "for loader in (test_dataloader, val_dataloader):\n"
        "    loader['dataset'].update(type='mmxkd.STFDataset', "
        "pipeline=pipeline)\n")
    from mmengine.config import Config

    from mmxkd.engine.labelling.teachers import Teacher
    return Teacher(Config.fromfile(path), teacher.checkpoint)


def test_a_converted_folder_without_labels(place, converted):
    content = place.run(stf_teacher(place), data=str(converted), ann=None,
                        score_thr=['.62'])
    wanted = place.run(score_thr=['.62'], out=place.root / 'plain.json')
    assert rows(content) == rows(wanted) and len(rows(content)) == 6
    assert content['images'][0]['frame_id'] == 'data_10'
    assert content['info']['left_out'] == []
    # It is training data of the class that read the frames.
    from mmxkd.datasets import STFDataset
    dataset = STFDataset(ann_file=str(place.out), data_root=str(converted),
                         metainfo=dict(classes=('tall', 'wide')), pipeline=[])
    assert [len(dataset.get_data_info(k)['instances'])
            for k in range(5)] == [2, 0, 2, 1, 1]


def test_frames_without_a_second_modality(place, converted, capsys):
    """Left out, counted and listed; who does not read it labels them."""
    (converted / 'gated1/data_11.png').unlink()
    (converted / 'gated2/data_14.png').unlink()
    content = place.run(stf_teacher(place), data=str(converted), ann=None,
                        score_thr=['.62'])
    assert [i['id'] for i in content['images']] == [10, 12, 13]
    assert {r[0] for r in rows(content)} == {10, 12, 13}
    left_out = content['info']['left_out']
    assert [(e['file_name'], e['why']) for e in left_out] == [
        (f'images/data_{k}.png', f'has no {converted}/gated{s}/data_{k}.png')
        for k, s in ((11, 1), (14, 2))
    ]
    shown = capsys.readouterr().out
    assert '2 of 5 frames are left out' in shown
    assert 'images/data_11.png: has no' in shown
    alone = place.run(stf_teacher(place, gated=False), data=str(converted),
                      ann=None, score_thr=['.62'], out=place.root / 'a.json')
    assert [i['id'] for i in alone['images']] == [10, 11, 12, 13, 14]


def test_a_frame_that_one_of_several_teachers_cannot_see(place, converted):
    (converted / 'gated0/data_12.png').unlink()
    content = place.run(stf_teacher(place, gated=False), stf_teacher(place),
                        data=str(converted), ann=None, score_thr=['.62'])
    assert [i['id'] for i in content['images']] == [10, 11, 13, 14]
    assert len(content['annotations']) == 4


def test_no_frame_has_the_second_modality(place, converted):
    shutil.rmtree(converted / 'gated1')
    with pytest.raises(ConfigError, match='no frame is left.*gated1'):
        place.run(stf_teacher(place), data=str(converted), ann=None)


def test_pictures_of_a_folder(place):
    """Those of all folders in it, by name; sizes are read."""
    root = place.root / 'pictures'
    write_frames(root / 'b', 'data', DATA[:1])
    picture = cv2.imread(str(root / 'b/data_10.png'))
    for name in ('a.bmp', 'c/z.JPG', 'c/z.tiff'):
        (root / name).parent.mkdir(exist_ok=True)
        cv2.imwrite(str(root / name), picture)
    (root / 'b/data.json').unlink()
    (root / 'readme.txt').write_text('no picture')
    content = place.run(data=str(root), ann=None, score_thr=['.6'])
    assert [(i['id'], i['file_name'], i['width'], i['height'])
            for i in content['images']
            ] == [(k, name, 64, 48)
                  for k, name in enumerate(('a.bmp', 'b/data_10.png',
                                            'c/z.JPG', 'c/z.tiff'), 1)]
    assert content['categories'] == [
        dict(id=1, name='tall'),
        dict(id=2, name='wide')
    ]
    found = [[r[1:3] for r in rows(content) if r[0] == k] for k in (1, 2, 4)]
    assert found == [[(2, [30, 10, 20, 8]), (1, [4, 4, 8, 20])]] * 3
    assert content['info']['data']['pictures'] == str(root)


def test_pictures_of_a_converted_folder_are_those_of_the_camera(
        place, converted):
    shutil.rmtree(converted / 'annotations')
    content = place.run(stf_teacher(place), data=str(converted), ann=None,
                        score_thr=['.62'])
    assert [i['file_name'] for i in content['images']
            ] == [f'images/data_{k}.png' for k in range(10, 15)]
    assert content['images'][0]['weather'] == 'unknown'


def test_the_only_list_of_a_folder_is_taken(place, converted):
    lists = converted / 'annotations'
    (lists / 'unlabelled.json').rename(lists / 'train.json')
    content = place.run(stf_teacher(place), data=str(converted), ann=None,
                        score_thr=['.62'])
    assert content['info']['data']['path'] == str(lists / 'train.json')
    shutil.copy(lists / 'train.json', lists / 'test.json')
    with pytest.raises(
            ConfigError, match=r'2 annotation files \(test.json, '
            r'train.json\): name one with --ann'):
        place.run(stf_teacher(place), data=str(converted), ann=None)


def test_frames_of_the_config(place):
    """Without a word: those of its test set; human labels are not read."""
    content = place.run(ann=None)
    assert [i['file_name'] for i in content['images']
            ] == [f'val_{k}.png' for k in (10, 11, 12)]
    assert len(content['annotations']) == 4
    assert all('score' in a for a in content['annotations'])


def change(content, number, **values):
    content['images'][number].update(values)


@pytest.mark.parametrize('damage, error, message', [
    (lambda c: change(c, 3, file_name='data_11.png'), ConfigError,
     "'data_11.png' is listed twice, as frames 1 and 3"),
    (lambda c: change(c, 3, id=11), CorruptSampleError,
     r'images\[3\] has the id 11'),
    (lambda c: change(c, 3, file_name='../x.png'), CorruptSampleError,
     'leads out of the folder'),
    (lambda c: c['images'].clear(), ConfigError, 'has no frame'),
    (lambda c: c.pop('images'), CorruptSampleError, "no list 'images'"),
    (lambda c: c['categories'].reverse(), ConfigError, 'the order differs'),
])
def test_bad_lists(place, damage, error, message):
    path = place.root / 'data.json'
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    with pytest.raises(error, match=message):
        place.run()


def test_a_list_that_was_cut_off(place):
    path = place.root / 'data.json'
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(CorruptSampleError, match='data.json.*not JSON'):
        place.run()


def test_names_that_are_not_there(place):
    with pytest.raises(
            ConfigError, match='no annotation file.*dat.json; did '
            'you mean .*data.json'):
        place.run(ann='dat.json')
    with pytest.raises(ConfigError, match='--data: no folder'):
        place.run(data=str(place.root / 'nowhere'))
    (place.root / 'empty').mkdir()
    with pytest.raises(ConfigError, match='holds no picture'):
        place.run(data=str(place.root / 'empty'), ann=None)


def test_a_picture_that_is_missing_or_broken(place):
    path = place.root / 'data_12.png'
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(Exception, match='data_12.png'):
        place.run()
    path.unlink()
    content = place.run()
    assert [e['file_name']
            for e in content['info']['left_out']] == ['data_12.png']


def test_an_unlabelled_list_is_not_training_data(place):
    """It would be taken for frames in which there is nothing."""
    from mmxkd.datasets.checked_coco import CheckedCOCO
    with pytest.raises(CorruptSampleError, match="no list 'annotations'"):
        CheckedCOCO(str(place.root / 'data.json'))


def test_frames_of_another_form(place, tmp_path):
    """KITTI's info files are read by their own class."""
    from mmengine.config import Config

    from mmxkd.datasets.convert.kitti import convert
    from mmxkd.engine.labelling.teachers import Teacher
    from tests.helpers.kitti_tree import write_kitti
    root = write_kitti(tmp_path / 'kitti')
    convert(root, dict(val=['000000', '000002']))
    classes = ('Car', 'Pedestrian', 'Cyclist')
    teacher = place.teacher(classes=classes)
    path = place.root / 'kitti.py'
    path.write_text(
        open(teacher.cfg.filename).read()
        + "for loader in (test_dataloader, val_dataloader):\n"
        "    loader['dataset'] = dict(type='mmxkd.KittiDataset', data_root="
        f"{str(root)!r}, ann_file='kitti_infos_val.json', test_mode=True, "
        'pipeline=pipeline)\n')
    teacher = Teacher(Config.fromfile(path), teacher.checkpoint)
    content = place.run(teacher, ann=None, score_thr=['0'])
    assert [
        (i['file_name'], i['frame_id'], i['width']) for i in content['images']
    ] == [(f'training/image_2/{k}.png', k, 320) for k in ('000000', '000002')]
    assert [c['name'] for c in content['categories']] == list(classes)
    assert len(content['annotations']) > 0
    # The boxes of humans are read as well: it finds none of them.
    with pytest.raises(ConfigError,
                       match="finds none of 2 objects of the class 'Car'"):
        place.run(teacher, ann=None, overwrite=True)
