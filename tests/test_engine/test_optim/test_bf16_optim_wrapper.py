import torch


def test_forward_runs_in_bf16_and_weights_stay_fp32(toy_runner):
    runner = toy_runner(
        epochs=2, optim_wrapper=dict(type='mmxkd.Bf16OptimWrapper',
                                     optimizer=dict(type='SGD', lr=0.1)))
    seen = []
    runner.model.linear.register_forward_hook(
        lambda module, args, output: seen.append(output.dtype))
    before = runner.model.linear.weight.detach().clone()
    runner.train()
    assert set(seen) == {torch.bfloat16}
    assert runner.model.linear.weight.dtype == torch.float32
    assert not torch.equal(before, runner.model.linear.weight)
