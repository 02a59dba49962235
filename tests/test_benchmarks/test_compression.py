"""Bars and table of the benchmark of compression, on rows that are given."""
import pytest


@pytest.fixture
def compression(repo, monkeypatch):
    monkeypatch.syspath_prepend(str(repo / 'benchmarks'))
    import compression
    return compression


def steps(fine, small):
    """Rows of two seeds, whose detectors find ``fine`` and ``small``."""

    def rows(values, megabytes, macs):
        return [
            dict(metric='coco/bbox_mAP', value=value, megabytes=megabytes,
                 macs=macs, milliseconds=2.) for value in values
        ]

    return {
        'given': rows((.5, .5), 4., 2e6), 'pruned': rows((.1, .2), 2., 1e6),
        'pruned and trained': rows(fine, 2., 1e6),
        'int8': rows(small, .5, 1e6)
    }


def test_means_count(compression):
    taught = steps((.48, .42), (.47, .40))
    alone = steps((.50, .41), (.50, .41))
    found = compression.bars(taught, alone)
    assert [bar.figure for bar in found] == pytest.approx([.5, .125, 1.5, -.5])
    assert [bar.reached for bar in found] == [True, True, True, False]


def test_the_table_has_each_seed(compression):
    text = compression.table(dict(taught=steps((.48, .42), (.47, .40))))
    assert ('| taught | pruned and trained | 45.0 | 48.0, 42.0 | 2.00 | '
            '1.0 M | 2.0 |') in text
