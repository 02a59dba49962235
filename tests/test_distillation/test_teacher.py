import pytest
import torch
from mmengine.model import BaseModule

from mmxkd.distillation import Teacher
from mmxkd.distillation.teacher import build_teachers
from mmxkd.engine.model_config import read_model_config
from mmxkd.errors import ConfigError
from mmxkd.recording import RecordError
from mmxkd.recording.hook_points import parse
from mmxkd.registry import MODELS
from tests.helpers.toys import algorithm_cfg, build, mse, step, toy


def dropout_teacher(**kwargs):
    torch.manual_seed(0)
    return Teacher('t', toy(dropout=0.5), random=True, **kwargs)


def watch(teacher, text, inputs):
    point = parse(text, teacher.model, 't')
    teacher.tape.add(point)
    teacher.watch(inputs, None)
    return teacher.tape.read(point)


def test_frozen_and_in_eval():
    teacher = dropout_teacher()
    assert not any(p.requires_grad for p in teacher.model.parameters())
    assert not any(m.training for m in teacher.model.modules())


def test_two_passes_are_bit_equal_and_leave_statistics_alone():
    teacher = dropout_teacher()
    before = {k: v.clone() for k, v in teacher.model.state_dict().items()}
    inputs = torch.randn(2, 3, 16, 16)
    first = watch(teacher, 'neck[0]', inputs)
    second = watch(teacher, 'neck[0]', inputs)
    assert torch.equal(first, second)
    assert not first.requires_grad and not first.is_inference()
    for key, value in teacher.model.state_dict().items():
        assert torch.equal(value, before[key])


def test_is_in_eval_again_in_each_pass():
    teacher = dropout_teacher()
    inputs = torch.randn(2, 3, 16, 16)
    first = watch(teacher, 'neck[0]', inputs)
    teacher.model.train()
    assert torch.equal(watch(teacher, 'neck[0]', inputs), first)


@pytest.mark.parametrize('dtype, expected', [('fp32', torch.float32),
                                             ('bf16', torch.bfloat16),
                                             ('fp16', torch.float16)])
@pytest.mark.parametrize('outer', [None, torch.bfloat16, torch.float16])
def test_dtype_is_its_own_whatever_the_student_uses(dtype, expected, outer):
    teacher = dropout_teacher(dtype=dtype)
    with torch.autocast('cpu', outer, enabled=outer is not None):
        found = watch(teacher, 'neck[0]', torch.randn(1, 3, 16, 16))
    assert found.dtype == expected


def test_a_half_teacher_is_near_the_full_one():
    inputs = torch.randn(1, 3, 16, 16)
    full = watch(dropout_teacher(), 'neck[1]', inputs)
    half = watch(dropout_teacher(dtype='bf16'), 'neck[1]', inputs)
    torch.testing.assert_close(half.float(), full, atol=0.05, rtol=0.05)


@pytest.mark.parametrize('text, runs', [('neck', 0), ('backbone[0]', 0),
                                        ('bbox_head', 1)])
def test_the_head_runs_only_when_it_is_read(text, runs):
    teacher = dropout_teacher()
    watch(teacher, text, torch.randn(1, 3, 16, 16))
    assert teacher.model.bbox_head.runs == runs


@pytest.mark.parametrize('dry_run', [True, False])
def test_a_layer_called_again_is_never_cut_off_in_silence(dry_run):
    loss = mse(student='neck[0]', teacher='bbox_head.cls', connector=None)
    with pytest.raises(RecordError, match='was called 2 times'):
        step(build(dry_run=dry_run, loss_cls=loss))


def test_all_calls_are_learned_when_the_part_is_done():
    teacher = dropout_teacher()
    for _ in range(2):
        found = watch(teacher, 'bbox_head.cls@*', torch.randn(1, 3, 16, 16))
        assert [tuple(f.shape) for f in found] == [(1, 1, 8, 8), (1, 1, 4, 4)]


def test_mode_is_what_the_model_is_called_with():
    teacher = Teacher('t', toy(), random=True, mode='loss')
    seen = []
    teacher.model.register_forward_pre_hook(
        lambda m, args, kwargs: seen.append(kwargs['mode']), with_kwargs=True)
    watch(teacher, 'neck', torch.randn(1, 3, 16, 16))
    assert seen == ['loss']


def test_without_a_checkpoint_only_when_asked_for():
    teacher = Teacher('t', toy())
    with pytest.raises(
            ConfigError, match='teachers.t.checkpoint is not set: '
            'a random teacher teaches noise'):
        teacher.load()
    assert not teacher.loaded
    allowed = Teacher('t', toy(), random=True)
    allowed.load()
    assert allowed.loaded


class Blank(BaseModule):
    """Weights of whatever the memory held."""

    def __init__(self, init_cfg=None):
        super().__init__(init_cfg)
        self.codes = torch.nn.Parameter(torch.full((2, ), torch.nan))
        self.linear = torch.nn.Linear(2, 2)

    def init_weights(self):
        super().init_weights()
        torch.nn.init.ones_(self.codes)


@pytest.mark.parametrize('several', [False, True])
def test_a_random_teacher_is_initialised_without_pretrained_parts(several):
    missing = dict(type='Pretrained', checkpoint='http://localhost:1/x.pth')
    threes = dict(type='Constant', layer='Linear', val=3.0)
    model = toy(init_cfg=missing)
    teacher = Teacher('t', model, random=True)
    teacher.model.neck = Blank([threes, missing] if several else missing)
    before = teacher.model.backbone.stem.weight.clone()
    teacher.load()
    assert teacher.model.neck.codes.tolist() == [1, 1]
    assert (teacher.model.neck.linear.weight == 3).all() == several
    assert torch.equal(teacher.model.backbone.stem.weight, before)
    assert not teacher.model.training


def test_what_a_checkpoint_lacks_is_initialised_where_that_is_allowed(
        tmp_path):
    teacher = Teacher('t', toy(), checkpoint=str(tmp_path / 'part.pth'),
                      strict=False)
    weights = {
        key: torch.full_like(value, 7)
        for key, value in teacher.model.state_dict().items()
        if key.startswith('backbone.')
    }
    torch.save(dict(state_dict=weights), tmp_path / 'part.pth')
    teacher.model.neck = Blank()
    teacher.load()
    assert teacher.model.neck.codes.tolist() == [1, 1]
    assert (teacher.model.backbone.stem.weight == 7).all()


def test_a_teacher_that_was_never_loaded_is_not_run():
    model = MODELS.build(algorithm_cfg())
    with pytest.raises(ConfigError, match="teacher 't' was never loaded"):
        step(model)


@pytest.mark.parametrize('cfg, message', [
    (dict(t=dict(checkpoint='x')), "teachers.t: 'cfg' is missing"),
    (dict(t=dict(cfg=toy(), chekpoint='x')),
     "teachers.t.chekpoint is unknown; did you mean 'checkpoint'"),
    (dict(student=dict(cfg=toy())), "other than 'student'"),
    ({'my teacher': dict(cfg=toy())}, 'teachers.my teacher: expected a name'),
    (dict(t=dict(cfg=toy(), dtype='bf61')), "did you mean 'bf16'"),
    (dict(t=dict(cfg=toy(), mode='tensor')), "expected 'predict' or 'loss'"),
    (dict(t=dict(cfg=3)), 'teachers.t.cfg: expected a config file or a dict'),
    (dict(t=dict(cfg=dict(channels=3))), "neither a model"),
])
def test_bad_configs(cfg, message):
    with pytest.raises(ConfigError, match=message):
        build_teachers(cfg)


def test_a_config_file_that_is_not_there(tmp_path):
    (tmp_path / 'fog_teacher.py').write_text('model = dict(type="X")')
    path = str(tmp_path / 'fog_techer.py')
    with pytest.raises(
            ConfigError, match='there is no file .* did you mean '
            r".*fog_teacher\.py"):
        read_model_config(path, 'teachers.t.cfg')


def test_the_model_part_of_configs(tmp_path):
    path = tmp_path / 'teacher.py'
    path.write_text("default_scope = 'mmdet'\n"
                    "model = dict(type='RetinaNet', backbone=dict())")
    assert read_model_config(str(path), 'k') == (dict(type='RetinaNet',
                                                      backbone={}), 'mmdet')
    assert read_model_config(dict(type='A', x=1), 'k') == (dict(type='A',
                                                                x=1), None)
    # A distilled student teaches in turn.
    distilled = dict(model=algorithm_cfg(student=dict(type='B')))
    assert read_model_config(distilled, 'k')[0] == dict(type='B')
    model, scope = read_model_config(
        'mmdet::retinanet/retinanet_r18_fpn_1x_coco.py', 'k')
    assert (model['type'], scope) == ('RetinaNet', 'mmdet')


def test_a_teacher_that_no_loss_reads_is_refused():
    cfg = algorithm_cfg()
    cfg['teachers']['idle'] = dict(cfg=toy(), random=True)
    cfg['distiller'] = dict(losses=dict(loss_a=mse(teacher='t:neck')))
    with pytest.raises(ConfigError, match=r"no loss reads the teachers "
                       r"\['idle'\]"):
        MODELS.build(cfg)
    with pytest.raises(ConfigError, match='model.teachers is empty'):
        MODELS.build(dict(cfg, teachers={}))


def test_moves_and_casts_with_the_algorithm():
    model = build()
    model.double()
    assert next(model.teachers['t'].model.parameters()).dtype == torch.float64
    model.to('meta')
    assert next(model.teachers['t'].model.parameters()).is_meta
