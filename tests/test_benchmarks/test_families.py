"""The benchmark of families on finished runs, and its verdicts."""
import json

import pytest
from mmengine.config import Config, DictAction

from mmxkd.errors import ConfigError
from mmxkd.experiments import load_plan


@pytest.fixture
def families(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import families
    return families


@pytest.mark.parametrize('gain, word', [(1.0, 'positive'),
                                        (0.0, 'not positive'),
                                        (-1.0, 'not positive')])
def test_verdicts_say_what_came_out(families, gain, word):
    base = {'0': 10., '1': 14.}
    found = families.verdict(
        dict(baseline=dict(test=base),
             distilled=dict(test={k: v + gain for k, v in base.items()})))
    assert found.endswith(f'seeds {gain:+.2f} {gain:+.2f}: {word}')


def test_students_differ_in_their_teacher_alone(families, repo, tmp_path):
    """So that all arms of a seed draw the same data."""
    for family in families.FAMILIES:
        plan = load_plan(repo / f'configs/experiments/families_{family}.py',
                         repo, tmp_path)
        assert len(plan.seeds) >= 3
        teacher, alone, taught = (Config.fromfile(plan.arms[name].config)
                                  for name in ('teacher', 'baseline',
                                               'distilled'))
        assert taught.model.student == alone.model
        for key in ('train_dataloader', 'train_cfg', 'randomness',
                    'test_dataloader', 'test_evaluator', 'optim_wrapper'):
            assert taught[key] == alone[key], key
        for key in ('train_dataloader', 'test_dataloader'):
            assert teacher[key] == alone[key], key
        # No checkpoint is chosen: there is one validation, at the end.
        for cfg in (teacher, alone):
            assert cfg.train_cfg.val_interval == cfg.train_cfg.max_epochs
            assert (cfg.param_scheduler[-1].T_max == cfg.train_cfg.max_epochs)


def test_teachers_know_the_classes_that_they_teach(families, repo, tmp_path,
                                                   monkeypatch):
    monkeypatch.chdir(repo)
    for family in families.FAMILIES:
        plan = load_plan(repo / f'configs/experiments/families_{family}.py',
                         repo, tmp_path)
        taught = with_options(plan.arms['distilled'])
        trained = with_options(plan.arms['teacher'])
        (entry, ) = taught.model.teachers.values()
        found = [
            cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
            for cfg in (Config.fromfile(entry.cfg), trained, taught)
        ]
        assert found[0] == found[1] == found[2], family


def with_options(arm):
    cfg = Config.fromfile(arm.config)
    pairs = (option.split('=', 1) for option in arm.options)
    cfg.merge_from_dict(
        {key: DictAction._parse_iterable(value) for key, value in pairs})
    return cfg


def test_it_prints_the_table_of_finished_runs(families, repo, tmp_path, capsys,
                                              monkeypatch):
    """Of detections that are there; a perfect and two poorer arms."""
    data = tmp_path / 'data'
    (data / 'annotations').mkdir(parents=True)
    truth = dict(
        images=[dict(id=1, file_name='a.png', width=90, height=90)],
        annotations=[
            dict(id=1, image_id=1, category_id=1, bbox=[0, 0, 30, 30],
                 area=900, iscrowd=0),
            dict(id=2, image_id=1, category_id=2, bbox=[40, 40, 30, 30],
                 area=900, iscrowd=0)
        ], categories=[dict(id=1, name='RBC'),
                       dict(id=2, name='WBC')])
    for split in ('train', 'val', 'test'):
        (data / f'annotations/{split}.json').write_text(json.dumps(truth))
    work = tmp_path / 'work/families_bccd'
    found = [
        dict(image_id=1, category_id=a['category_id'], bbox=a['bbox'],
             score=.9) for a in truth['annotations']
    ]
    for seed in (0, 1):
        for arm, kept in (('teacher', 2), ('baseline', 0), ('distilled', 1)):
            folder = work / f'seed_{seed}' / arm
            folder.mkdir(parents=True)
            (folder / 'trained.json').write_text('{"checkpoint": "x.pth"}')
            for split in ('val', 'test'):
                (folder / f'{split}.bbox.json').write_text(
                    json.dumps(found[:kept]))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr('mmxkd.experiments.report.pictures_of',
                        lambda *args: None)
    families.main([
        'bccd', '--seeds', '2', '--work-dir', 'work', '--data-root',
        f'bccd={data}'
    ])
    text = capsys.readouterr().out
    assert "mAP is VOC2007's AP at 11 points in %" in text
    assert '| distilled | 50.0 ± 0.0 | 50.0 ± 0.0 | 50 %' in text
    assert 'bccd: distilled − baseline, test: +50.00 in the mean' in text


def test_data_of_a_family_that_is_not_asked_for(families):
    with pytest.raises(ConfigError, match="'streets'.*'bccd'"):
        families.main(['bccd', '--data-root', 'streets=/nowhere'])
