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


def test_one_that_is_not_seen(tmp_path):
    """On another machine, without a common folder."""
    beat = Heartbeat(tmp_path / 'new', 0, 2)
    beat.beat('forward of iteration 1')
    lines = beat.report().splitlines()
    assert lines[0].endswith('samples: none')
    assert lines[1] == 'rank 1: not seen from here'
    beats = beat.read()
    assert beats[0].limited and not beats[1].limited
    assert beat.behind(beats) == [1]


def test_iterations_come_before_what_is_within_them(tmp_path):
    """One process may validate on one batch less than the others."""
    beats = [Heartbeat(tmp_path, rank, 2) for rank in range(2)]
    for beat in beats:
        for _ in range(3 + beat.rank):
            beat.beat('val', iteration=4)
    assert beats[0].behind(beats[0].read()) == [0]
    beats[0].beat('forward', iteration=5)
    beats[1].beat('forward', iteration=5)
    assert beats[0].behind(beats[0].read()) == []


def test_a_shorter_record_replaces_a_longer_one(tmp_path):
    beat = Heartbeat(tmp_path, 0, 1)
    beat.beat('long' * 50, ['\u4e2d\x01"' * 1000] * 9)
    assert 'rank 0: longlong' in beat.report()
    assert (tmp_path / 'rank_0.heartbeat').stat().st_size <= 2048
    beat.beat('é', ['ü'])
    assert 'rank 0: é, for 0 s; samples: ü' in beat.report()
    beat.close()
    assert list(tmp_path.iterdir()) == []
