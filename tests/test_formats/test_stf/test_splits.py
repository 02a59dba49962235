import pytest

from mmxkd.errors import ConfigError
from mmxkd.formats.stf.layout import StfLayout, sequence_of
from mmxkd.formats.stf.splits import NIGHT_POOL, named_splits, resplit_pool


@pytest.fixture
def layout(tmp_path):
    for folder in ('cam_stereo_left_lut', 'gated0_rect8', 'splits'):
        (tmp_path / folder).mkdir()
    for name, hours in (('a', range(8)), ('b', range(8, 12))):
        lines = [
            f'2018-02-03_{hour:02d}-00-00,{30 * k:05d}' for hour in hours
            for k in range(10)
        ]
        (tmp_path / f'splits/{name}.txt').write_text('\n'.join(lines))
    return StfLayout(tmp_path)


def test_named_splits_are_joined_without_repeats(layout):
    splits = named_splits(layout, {'train': ['a', 'a'], 'val': ['b']})
    assert [len(splits[s]) for s in ('train', 'val', 'test')] == [80, 40, 0]


def test_a_frame_in_two_splits_is_refused(layout):
    with pytest.raises(ConfigError, match='stands in train and in test'):
        named_splits(layout, {'train': ['a'], 'test': ['a']})


def test_no_sequence_is_torn_apart(layout):
    splits = resplit_pool(layout, ['a', 'b'], (.5, .25, .25), seed=0)
    assert [len(splits[s]) for s in ('train', 'val', 'test')] == [60, 30, 30]
    sequences = [{sequence_of(i) for i in ids} for ids in splits.values()]
    assert sum(map(len, sequences)) == 12
    assert len(set().union(*sequences)) == 12


def test_resplit_depends_on_the_seed_alone(layout):
    again = [
        resplit_pool(layout, ['a', 'b'], (.5, .25, .25), seed)
        for seed in (0, 0, 1)
    ]
    assert again[0] == again[1] != again[2]


def test_shares_must_sum_to_one(layout):
    with pytest.raises(ConfigError, match='sum 1'):
        resplit_pool(layout, ['a'], (.5, .5, .5), 0)


def test_official_night_pool(shared_data, tmp_path):
    for folder in ('cam_stereo_left_lut', 'gated0_rect8'):
        (tmp_path / folder).mkdir()
    layout = StfLayout(tmp_path, splits_dir=shared_data / 'stf_splits')
    splits = resplit_pool(layout, NIGHT_POOL, (.7, .15, .15), seed=0)
    sizes = [len(splits[s]) for s in ('train', 'val', 'test')]
    assert sum(sizes) == 5803
    assert sizes == pytest.approx([4062, 870, 870], abs=60)
    assert layout.conditions(layout.split_ids('snow_night')[0]) == ('snow',
                                                                    'night')
