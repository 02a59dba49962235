"""The distiller under mmengine's runner: schedules, resume, EMA, DDP."""
import pytest
import torch

from tests.helpers.stopping_losses import algorithm, runs, stop_after
from tests.helpers.toys import Toy, runner


def weights(model):
    return {k: v.clone() for k, v in model.state_dict().items()}


def assert_equal(one, other):
    assert set(one) == set(other)
    for key, value in one.items():
        assert torch.equal(value, other[key]), key


def test_an_epoch_based_run_stops_by_epoch(tmp_path):
    model = algorithm(a=stop_after(2, by_epoch=True),
                      adv=stop_after(1, by_epoch=True))
    run = runner(model, tmp_path, dict(by_epoch=True, max_epochs=3))
    run.train()
    # Four iterations an epoch, of which the last has no teacher.
    assert runs(model) == 8
    history = run.message_hub.get_scalar('train/distill/loss_a').data[0]
    assert (history[:8] > 0).all() and (history[8:] == 0).all()
    history = run.message_hub.get_scalar('train/distill/loss_adv').data[0]
    assert (history[:4] > 0).all() and (history[4:] == 0).all()
    assert_equal(
        weights(model),
        torch.load(tmp_path / 'epoch_3.pth', weights_only=True)['state_dict'])


def test_an_iteration_based_run_stops_by_iteration(tmp_path):
    model = algorithm(a=stop_after(3), adv=stop_after(2))
    runner(model, tmp_path, dict(type='IterBasedTrainLoop',
                                 max_iters=6)).train()
    assert runs(model) == 3


def resume(work_dir, until, file, **losses):
    model = algorithm(**losses)
    run = runner(model, work_dir,
                 dict(type='IterBasedTrainLoop', max_iters=until), resume=True,
                 load_from=str(file))
    run.train()
    return model


@pytest.mark.parametrize('stop', [2, 4, 6])
def test_a_resumed_run_is_the_uninterrupted_one(tmp_path, stop):
    """Stopped at 4 of 8: before, at and after the schedule's border."""
    losses = dict(a=dict(type='Linear', start=1., stop=0.5, begin=1, end=7),
                  adv=stop_after(stop, 0.1))
    whole = algorithm(**losses)
    runner(whole, tmp_path / 'whole',
           dict(type='IterBasedTrainLoop', max_iters=8)).train()
    half = algorithm(**losses)
    runner(half, tmp_path / 'half', dict(type='IterBasedTrainLoop',
                                         max_iters=4)).train()
    again = resume(tmp_path / 'again', 8, tmp_path / 'half/iter_4.pth',
                   **losses)
    assert_equal(weights(again), weights(whole))


def test_resumed_after_the_stop_the_teacher_rests(tmp_path):
    losses = dict(a=stop_after(3), adv=stop_after(2))
    runner(algorithm(**losses), tmp_path / 'half',
           dict(type='IterBasedTrainLoop', max_iters=4)).train()
    again = resume(tmp_path / 'again', 8, tmp_path / 'half/iter_4.pth',
                   **losses)
    assert runs(again) == 0


def test_a_plain_students_file_is_a_start(tmp_path):
    torch.manual_seed(5)
    plain = Toy()
    torch.save(dict(state_dict=plain.state_dict(), meta={}),
               tmp_path / 'plain.pth')
    model = algorithm()
    run = runner(model, tmp_path, load_from=str(tmp_path / 'plain.pth'))
    run.load_or_resume()
    assert_equal(model.student.state_dict(), plain.state_dict())


def test_ema_holds_the_student_alone(tmp_path):
    model = algorithm()
    run = runner(model, tmp_path, dict(by_epoch=True, max_epochs=2),
                 custom_hooks=[dict(type='EMAHook', momentum=0.1)])
    teacher = weights(model.teachers['t'].model)
    run.train()
    assert_equal(weights(model.teachers['t'].model), teacher)
    file = torch.load(tmp_path / 'epoch_2.pth', weights_only=True)
    assert set(file['state_dict']) == set(model.state_dict())
    assert {
        k.removeprefix('module.') for k in file['ema_state_dict']
        if k != 'steps'
    } == set(model.state_dict())
    # mmengine stores the averaged weights as the model's.
    assert not torch.equal(file['state_dict']['bbox_head.cls.weight'],
                           model.student.bbox_head.cls.weight)
    # All eight steps have run with the model's own records, none with
    # those of the average.
    assert runs(model) == 8

    again = algorithm()
    run = runner(again, tmp_path / 'again', dict(by_epoch=True, max_epochs=3),
                 custom_hooks=[dict(type='EMAHook', momentum=0.1)],
                 resume=True, load_from=str(tmp_path / 'epoch_2.pth'))
    run.train()
    assert runs(again) == 4


@pytest.mark.slow
def test_two_processes_with_a_stop_and_no_unused_parameters(
        repo, run_python, tmp_path, free_port):
    """A schedule that stops a loss mid-run must not confuse DDP."""
    done = run_python('-m', 'torch.distributed.run', '--nproc_per_node=2',
                      f'--master_port={free_port}',
                      repo / 'tests/helpers/ddp_run.py', tmp_path)
    found = [(tmp_path / f'rank_{rank}.txt').read_text() for rank in (0, 1)]
    # Four iterations of two images a process; the teacher ran in two.
    assert found[0].startswith('teacher ran 2 times, weights ')
    assert found[0] == found[1]
    assert 'find_unused_parameters' not in done.stderr
