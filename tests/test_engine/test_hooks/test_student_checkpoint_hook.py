import pytest
import torch

from mmxkd.errors import CheckpointError

HOOK = [dict(type='mmxkd.StudentCheckpointHook')]


def load(toy_runner, tmp_path, change):
    runner = toy_runner(custom_hooks=HOOK)
    state = {
        k: torch.ones_like(v) for k, v in runner.model.state_dict().items()
    }
    change(state)
    path = str(tmp_path / 'student.pth')
    torch.save(dict(meta={}, state_dict=state), path)
    runner._load_from = path
    runner.load_checkpoint(path)
    return runner.model


def test_extras_of_the_distiller_are_left_out(toy_runner, tmp_path):
    model = load(
        toy_runner, tmp_path, lambda state: state.update(
            {'distiller.connectors.a.weight': torch.zeros(1)}))
    assert (model.linear.weight == 1).all()


def test_names_of_a_parallel_wrapper_are_fine(toy_runner, tmp_path):

    def wrap(state):
        for key in list(state):
            state['module.' + key] = state.pop(key)

    assert (load(toy_runner, tmp_path, wrap).linear.weight == 1).all()


@pytest.mark.parametrize('change, message', [
    (lambda s: s.pop('linear.bias'), 'missing keys .*linear.bias'),
    (lambda s: s.update(other=torch.zeros(1)), 'unexpected key .*other'),
    (lambda s: s.update({'linear.bias': torch.zeros(3)}), 'size mismatch'),
    (lambda s: s.clear(), 'missing keys'),
])
def test_what_does_not_fit_is_refused(toy_runner, tmp_path, change, message):
    with pytest.raises(CheckpointError,
                       match='(?s)student.pth does not fit.*' + message):
        load(toy_runner, tmp_path, change)


def test_what_is_not_finite_is_refused(toy_runner, tmp_path):

    def spoil(state):
        state['linear.bias'][0] = float('nan')

    with pytest.raises(CheckpointError,
                       match='student.pth is not finite: linear.bias is NaN'):
        load(toy_runner, tmp_path, spoil)
