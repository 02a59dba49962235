"""Every golden file, and every array of it, was compared or put in."""
from tests.helpers.golden_mono import FILES

from . import (
    test_golden_distillation,
    test_golden_htl,
    test_golden_losses,
    test_golden_networks,
    test_golden_targets,
)
from .test_golden_targets import infos  # noqa: F401


def test_golden_files_are_all_used(
        mono_golden,
        repo,
        infos,  # noqa: F811
        capsys):
    losses = test_golden_losses.compare(mono_golden, repo)
    found = [
        *(test_golden_networks.compare(mono_golden, k)
          for k in ('did', 'gup')),
        *test_golden_targets.compare(mono_golden, infos), losses.did,
        losses.gup, *(test_golden_htl.compare(mono_golden, name)
                      for name in test_golden_htl.NAMES),
        test_golden_distillation.compare(mono_golden)
    ]
    there = {path.stem for path in mono_golden.glob('*.npz')}
    assert {golden.name for golden in found} == set(FILES) == there
    for golden in found:
        golden.assert_good()
        assert not set(golden.arrays) - golden.used, golden.name
    compared = sum(len(golden.compared) for golden in found)
    with capsys.disabled():
        print(f'\n{compared} golden arrays compared (bar: 300)')
    assert compared >= 300
