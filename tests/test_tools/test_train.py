import pytest
import torch


@pytest.mark.parametrize('name', [
    'train.py', 'test.py', 'dist_train.sh', 'dist_test.sh', 'slurm_train.sh',
    'slurm_test.sh'
])
def test_help(tool, name):
    assert 'CONFIG' in tool(name, '--help').stdout.upper()


def test_too_few_arguments(tool):
    assert 'CONFIG NUMBER' in tool('dist_train.sh', 'a', code=2).stdout
    assert 'PARTITION' in tool('slurm_test.sh', 'a', code=2).stdout


def test_a_misspelt_config_is_offered_the_right_one(tool, tiny):
    done = tool('train.py', tiny / 'tinny.py', code=2)
    assert f"no file '{tiny}/tinny.py'; did you mean '{tiny}/tiny.py'" in (
        done.stderr)
    assert 'Traceback' not in done.stderr


def test_a_missing_checkpoint_is_an_error_before_training(tool, tiny):
    (tiny / 'epoch_1.pth').touch()
    done = tool('train.py', tiny / 'tiny.py', '--resume', tiny / 'epoch_7.pth',
                code=2)
    assert f"did you mean '{tiny}/epoch_1.pth'" in done.stderr


@pytest.mark.slow
def test_options(tool, tiny):
    """--amp, --seed, --cfg-options reach the run and its checkpoints."""
    done = tool('train.py', tiny / 'tiny.py', '--work-dir', tiny / 'options',
                '--amp', '--seed', 11, '--cfg-options',
                'optim_wrapper.optimizer.lr=0.002')
    text = done.stdout + done.stderr
    assert 'Bf16OptimWrapper' in text
    saved = torch.load(tiny / 'options/epoch_1.pth', weights_only=True)
    assert saved['meta']['seed'] == 11
    assert 'lr=0.002' in saved['meta']['cfg']
    assert saved['meta']['dataset_meta']['classes'] == ('box', )
    for path in (tiny / 'options').glob('*.pth'):
        assert torch.serialization.get_unsafe_globals_in_checkpoint(
            str(path)) == []


@pytest.mark.slow
def test_a_nan_ends_the_run_before_it_does_harm(tool, tiny):
    done = tool('train.py', tiny / 'tiny.py', '--work-dir', tiny / 'nan',
                '--cfg-options', 'model.bbox_head.loss_bbox.loss_weight=1e39',
                code=1)
    assert 'NonFiniteLossError: iteration 0: loss_bbox' in done.stderr
    assert 'the step was not taken. Samples of this batch: ' in done.stderr
    assert 'train_' in done.stderr.split('Samples of this batch:')[1]
    assert not list((tiny / 'nan').glob('*.pth'))


def test_auto_scale_lr_without_its_key(tool, tiny):
    done = tool('train.py', tiny / 'tiny.py', '--auto-scale-lr', '--work-dir',
                tiny / 'scale', code=1)
    assert 'ConfigError' in done.stderr and 'base_batch_size' in done.stderr
