from mmxkd.engine.heartbeat import Heartbeat


def test_who_is_behind_is_marked(tmp_path):
    beats = [Heartbeat(tmp_path, rank, 3) for rank in range(3)]
    for beat in beats:
        beat.beat('forward of iteration 1', ['a.png', 'b.png'])
    assert '<-' not in beats[0].report()
    beats[0].beat('backward of iteration 1', ['a.png'])
    beats[2].beat('backward of iteration 1', ['c' * 5000])
    lines = beats[2].report().splitlines()
    assert lines[1] == ('rank 1: forward of iteration 1, for 0 s; samples: '
                        'a.png, b.png <- the others wait for it')
    assert [line.count('<-') for line in lines] == [0, 1, 0]
    assert beats[0].report() == beats[2].report()


def test_one_that_has_not_begun(tmp_path):
    beat = Heartbeat(tmp_path / 'new', 0, 2)
    beat.beat('forward of iteration 1', [])
    lines = beat.report().splitlines()
    assert lines[0].endswith('samples: none')
    assert lines[1].startswith('rank 1: not started')
    assert lines[1].endswith('wait for it')


def test_a_shorter_record_replaces_a_longer_one(tmp_path):
    beat = Heartbeat(tmp_path, 0, 1)
    beat.beat('long' * 50, ['x' * 100])
    beat.beat('é', ['ü'])
    assert 'rank 0: é, for 0 s; samples: ü' in beat.report()
    beat.close()
    assert list(tmp_path.iterdir()) == []
