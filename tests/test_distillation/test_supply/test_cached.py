"""A teacher that was run before is read, and gives the same losses."""
import errno
import os

import pytest
import torch
from mmengine.structures import InstanceData
from torch import nn

from mmxkd.errors import ConfigError
from mmxkd.recording.recorders import RecordError
from tests.helpers.toys import Toy, batch, build, gated_toy, mse, step, toy


class Predictor(Toy):
    """Finds one box in each picture, with the mean of its scores."""

    def predict(self, inputs, data_samples, rescale=True):
        scores = self(inputs, data_samples)[0]
        for sample, score in zip(data_samples, scores, strict=True):
            sample.pred_instances = InstanceData(
                bboxes=torch.tensor([[1.5, 2.25, 1001.3, 9.]]),
                labels=torch.tensor([3]), scores=score.sigmoid().mean()[None])
        return data_samples


def make(folder, dtype='float32', teacher=None, **options):
    cache = {} if folder is None else dict(
        cache=dict(dir=str(folder), dtype=dtype))
    options.setdefault('dry_run', False)
    return build(teacher=dict(cfg=teacher or toy(), random=True, **cache),
                 **options)


def counts(model):
    found = model.teachers['t'].cache.counts
    return found.hits, found.misses, found.damaged


def values(losses):
    return {
        name: [float(v.detach()) for v in value] if isinstance(value, list)
        else float(value.detach()) for name, value in losses.items()
    }


def assert_close(found, expected):
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6)


def test_a_hit_gives_the_same_losses_and_runs_nothing(tmp_path):
    expected = values(step(make(None)))
    first, second = make(tmp_path), make(tmp_path)
    assert values(step(first)) == expected
    assert counts(first) == (0, 2, 0)
    runs = second.teachers['t'].model.runs
    assert values(step(second)) == expected
    assert counts(second) == (2, 0, 0)
    assert second.teachers['t'].model.runs == runs


def test_gradients_of_the_student_are_the_same(tmp_path):
    found = []
    for model in (make(None), make(tmp_path), make(tmp_path)):
        losses = step(model)
        losses['distill/loss_neck'].backward()
        found.append(
            [p.grad for p in model.student.parameters() if p.grad is not None])
    for live, filled, hit in zip(*found, strict=True):
        torch.testing.assert_close(filled, live, rtol=0, atol=0)
        torch.testing.assert_close(hit, live, rtol=0, atol=0)


def test_a_batch_of_which_a_part_is_there(tmp_path):
    """Only the missing frames run; the batch is put together in order."""
    data = batch(3)
    expected = values(step(make(None), batch(3)))
    model = make(tmp_path)
    step(
        model,
        dict(inputs=data['inputs'][1:2],
             data_samples=data['data_samples'][1:2]))
    seen = []
    neck = model.teachers['t'].model.neck
    neck.register_forward_pre_hook(
        lambda _, args: seen.append(len(args[0][0])))
    found = values(step(model, data))
    assert seen == [2] and counts(model) == (1, 3, 0)
    assert_close(found, expected)


def test_half_the_size_in_float16(tmp_path):
    """The same values in the step that computes and in that which reads."""
    expected = values(step(make(None)))['distill/loss_neck']
    filled = values(step(make(tmp_path, 'float16')))['distill/loss_neck']
    read = values(step(make(tmp_path, 'float16')))['distill/loss_neck']
    assert filled == read != expected
    assert read == pytest.approx(expected, rel=1e-3)


def test_predictions_are_kept_exactly(tmp_path):
    """In float16, a box at 1001.3 would be moved by 0.3 pixels."""
    labels = dict(boxes=dict(type='TeacherLabels', teacher='t', score_thr=0,
                             replace=True))
    seen = []

    class Learner(Toy):

        def forward(self, inputs, data_samples=None, mode='tensor'):
            if mode == 'loss':
                seen.append([s.gt_instances for s in data_samples])
            return super().forward(inputs, data_samples, mode)

    for folder in (None, tmp_path, tmp_path):
        step(
            make(folder, 'float16', dict(type=Predictor),
                 student=dict(type=Learner),
                 distiller=dict(labels=labels, losses=dict(loss_neck=mse()))))
    for live, filled, read in zip(*seen, strict=True):
        for found in (filled, read):
            assert found.bboxes.tolist() == live.bboxes.tolist()
            assert found.labels.tolist() == [3]
            assert found.scores.tolist() == pytest.approx(
                live.scores.tolist(), rel=1e-6)


def test_calls_of_a_shared_layer(tmp_path):
    losses = dict(loss_calls=mse('bbox_head.cls@*', 'bbox_head.cls@*'),
                  loss_one=mse('bbox_head.cls@1', 'bbox_head.cls@1'))
    models = [make(folder, **losses) for folder in (None, tmp_path, tmp_path)]
    expected, filled, read = (values(step(model)) for model in models)
    assert expected == filled == read
    assert counts(models[2]) == (2, 0, 0)


@pytest.mark.parametrize('change, message', [
    (dict(dtype='float16'), "made with dtype='float32', now it is 'float16'"),
    (dict(teacher=toy(dropout=0.1)), 'this cache was made with model='),
    (dict(loss_back=mse('backbone', 'backbone')),
     r"made with reads='neck \(outputs\)', now it is 'backbone"),
])
def test_caches_of_others_are_refused(tmp_path, change, message):
    step(make(tmp_path))
    with pytest.raises(ConfigError, match=message):
        step(make(tmp_path, **change))


def test_other_weights_are_refused(tmp_path):
    step(make(tmp_path))
    other = make(tmp_path)
    with torch.no_grad():
        next(other.teachers['t'].model.neck.parameters()).add_(1e-3)
    with pytest.raises(ConfigError, match='this cache was made with weights'):
        step(other)


def test_precision_of_the_teacher_is_a_condition(tmp_path):
    step(make(tmp_path))
    model = build(
        teacher=dict(cfg=toy(), random=True, dtype='bf16', cache=dict(
            dir=str(tmp_path))))
    with pytest.raises(ConfigError, match="precision='float32', now it is "
                       "'bfloat16'"):
        step(model)


@pytest.mark.parametrize('data, message', [
    (dict(seed=1), "frame 'images/0.png 0' has other values"),
    (dict(height=20), r"frame 'images/0.png 0' has the size \[20, 24\]"),
])
def test_other_pictures_of_one_name_are_refused(tmp_path, data, message):
    """In a new run they may be meant; in one run, somebody draws."""
    step(make(tmp_path))
    model = make(tmp_path)
    with pytest.raises(ConfigError, match=message) as error:
        step(model, **data)
    assert 'remove the folder or name another dir' in str(error.value)
    step(model)
    with pytest.raises(ConfigError, match=message) as error:
        step(model, **data)
    assert 'remove the folder' not in str(error.value)
    assert 'remove teachers.t.cache, so that the teacher runs' in str(
        error.value)


def test_other_padding_is_refused(tmp_path):
    """Which changes what a convolution sees at the border."""
    model = make(tmp_path)
    step(model)
    data, large = batch(), batch(1, width=40)
    data['inputs'].append(large['inputs'][0])
    large['data_samples'][0].set_metainfo(dict(img_id=7))
    data['data_samples'].append(large['data_samples'][0])
    with pytest.raises(
            ConfigError, match=r"'images/0.png 0' was padded to \[3, 16, 24\]"
            r', now to \[3, 16, 40\].*mmxkd.Pad'):
        step(model, data)


def test_a_flipped_frame_has_its_own_file(tmp_path):
    model = make(tmp_path)
    step(model)
    data = batch()
    data['inputs'] = [picture.flip(2) for picture in data['inputs']]
    for sample in data['data_samples']:
        sample.set_metainfo(dict(flip=True, flip_direction='horizontal'))
    live = values(step(make(None), data))
    for _ in range(2):
        assert_close(values(step(model, data)), live)
    assert counts(model) == (2, 4, 0)
    assert model.teachers['t'].cache._store.frames() == 4


def test_only_what_the_teacher_sees_counts(tmp_path):
    """Another view of the gated slices; the image may change."""
    view = dict(type='mmxkd.ModalityDetDataPreprocessor',
                modalities=('gated', ), mean=[40.] * 3, std=[5.] * 3)
    teacher = toy(data_preprocessor=view)
    student = gated_toy()

    def both(seed):
        data = batch(seed=seed)
        gated = batch(seed=9)['inputs']
        return dict(data, inputs=dict(img=data['inputs'], gated=gated))

    model = make(tmp_path, teacher=teacher, student=student)
    step(model, both(0))
    step(model, both(1))
    assert counts(model) == (2, 2, 0)


def test_damaged_files_are_computed_again(tmp_path):
    expected = values(step(make(tmp_path)))
    files = sorted(tmp_path.rglob('*.npz'))
    whole = files[0].read_bytes()
    files[0].write_bytes(whole[:-200] + b'\0' + whole[-199:])
    model = make(tmp_path)
    assert_close(values(step(model)), expected)
    assert counts(model) == (1, 1, 1)
    again = make(tmp_path)
    step(again)
    assert counts(again) == (2, 0, 0)
    assert str(model.teachers['t'].cache.counts) == (
        '1 frames read, 1 computed (1 of them because a file was damaged)')


def test_a_full_disk_is_said_and_leaves_whole_files(tmp_path):
    model = make(tmp_path)
    step(model, batch(1))
    path = model.teachers['t'].cache._store.path('images/1.png 1')
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(f'{path.name}.{os.getpid()}.partial')
    partial.symlink_to('/dev/full')
    pair = batch()
    pair['inputs'][0] = batch(1)['inputs'][0]
    with pytest.raises(OSError) as error:
        step(model, pair)
    assert error.value.errno == errno.ENOSPC
    assert error.value.filename == str(path)
    assert not path.exists() and not partial.is_symlink()


def test_too_little_room_is_said_before_the_first_file(tmp_path, monkeypatch):
    model = make(tmp_path)
    cache = model.teachers['t'].cache
    cache.expected = 1000
    monkeypatch.setattr('shutil.disk_usage',
                        lambda _: type('Usage', (), dict(free=10**6)))
    with pytest.raises(
            OSError, match=r'0 of 1000 frames are there, 2.9 MB to '
            'come, but the disk has 1.0 MB left'):
        step(model)
    assert not list(tmp_path.rglob('*.npz'))


def test_a_teacher_whose_frames_depend_on_each_other(tmp_path):

    class Mixed(Toy):

        def extract_feat(self, inputs):
            return super().extract_feat(inputs - inputs.mean(0, True))

    with pytest.raises(RecordError, match='depends on the other frames'):
        step(make(tmp_path, teacher=dict(type=Mixed)))


def test_a_record_that_is_not_per_frame(tmp_path):

    class Crossed(Toy):

        def __init__(self, **kwargs):
            super().__init__(**kwargs)
            self.rest = Rows()

        def extract_feat(self, inputs):
            return self.rest(super().extract_feat(inputs))

    class Rows(nn.Module):

        def forward(self, features):
            self.flat = [f.flatten(0, 1) for f in features]
            self.tell(self.flat)
            return features

        def tell(self, flat):
            return flat

    with pytest.raises(RecordError, match=r't:rest.tell\(\) gave a tensor'):
        step(
            make(tmp_path, teacher=dict(type=Crossed),
                 student=dict(type=Crossed),
                 loss_rows=mse('rest.tell()', 'rest.tell()')))


@pytest.mark.parametrize('cache, message', [
    ('x', "teachers.t.cache='x': expected a dict with 'dir'"),
    ({}, "teachers.t.cache: 'dir' is missing"),
    (dict(dir=''), "teachers.t.cache.dir='': expected the path"),
    (dict(dir='x', dtyp='float16'), "cache.dtyp is unknown; did you mean "
     "'dtype'"),
    (dict(dir='x', dtype='fp16'), "teachers.t.cache.dtype='fp16', expected"),
])
def test_what_cannot_be_built(cache, message):
    with pytest.raises(ConfigError, match=message):
        build(teacher=dict(cfg=toy(), random=True, cache=cache))


def test_a_teacher_that_draws_in_mode_loss():
    with pytest.raises(ConfigError, match="mode='loss' draws samples anew"):
        build(teacher=dict(cfg=toy(), random=True, mode='loss', cache=dict(
            dir='x')))


def test_samples_must_say_which_frame_they_are(tmp_path):
    data = batch()
    data['data_samples'] = [
        type(s)(metainfo=dict(img_shape=s.img_shape))
        for s in data['data_samples']
    ]
    with pytest.raises(ConfigError, match="add one of .*'img_id'.* to meta"):
        step(make(tmp_path), data)
