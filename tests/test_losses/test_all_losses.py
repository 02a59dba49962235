"""What every loss of the package must do.

``tests/helpers/loss_cases`` lists the losses.
"""
from dataclasses import replace

import pytest
import torch

from mmxkd.registry import MODELS
from tests.helpers.loss_case import (
    Draw,
    LossCase,
    all_cases,
    map_tensors,
    tensors,
)

ALL = all_cases()
TINY = Draw(sizes=((3, 4), (2, 2)))


def cases(wanted=lambda case: True):
    return pytest.mark.parametrize(
        'case', [pytest.param(c, id=c.name) for c in ALL if wanted(c)])


def prepare(case: LossCase, arguments: dict, change) -> dict:
    """Change the tensors of student and teacher; the student's are leaves."""
    arguments = dict(arguments)
    for name in (*case.student, *case.teacher):
        arguments[name] = map_tensors(
            lambda tensor: change(tensor.detach()).clone(), arguments[name])
    for tensor in student_of(case, arguments):
        tensor.requires_grad_()
    return arguments


def student_of(case: LossCase, arguments: dict) -> list[torch.Tensor]:
    return [t for name in case.student for t in tensors(arguments[name])]


def run(case: LossCase, arguments: dict, module=None) -> torch.Tensor:
    """The value; what is drawn at random is the same in each call."""
    module = case.module() if module is None else module
    torch.manual_seed(1)
    return module(**arguments)


def value_and_gradient(case, arguments, change=lambda tensor: tensor,
                       module=None):
    arguments = prepare(case, arguments, change)
    value = run(case, arguments, module)
    value.backward()
    return value.detach(), [t.grad for t in student_of(case, arguments)]


def assert_same(case, arguments, change, rtol=1e-5):
    """Neither the value nor the gradient is changed."""
    value, gradient = value_and_gradient(case, arguments)
    changed, other = value_and_gradient(case, arguments, change)
    torch.testing.assert_close(changed.float(), value, rtol=rtol, atol=1e-7)
    scale = max(g.abs().max().item() for g in gradient)
    for one, two in zip(gradient, other, strict=True):
        torch.testing.assert_close(two.float(), one, rtol=rtol,
                                   atol=rtol * scale)


def assert_finite(value, gradient):
    assert value.isfinite()
    for one in gradient:
        assert one is not None and one.isfinite().all()


def test_names_are_unique():
    assert len({case.name for case in ALL}) == len(ALL)


def test_no_loss_is_forgotten():
    # Losses between heads need whole detectors: see test_heads/.
    ours = {
        name for name, kind in MODELS.module_dict.items() if
        kind.__module__.startswith('mmxkd.losses.') and not kind.between_heads
    }
    assert ours - {type(case.module()).__name__ for case in ALL} == set()


@cases()
def test_value_is_a_float32_scalar(case):
    value = run(case, case.inputs(Draw()))
    assert value.shape == () and value.dtype == torch.float32
    assert value.isfinite()


@cases()
def test_the_student_learns_in_each_level(case):
    value, gradient = value_and_gradient(case, case.inputs(Draw()))
    assert_finite(value, gradient)
    reached = [one.abs().max() > 0 for one in gradient]
    # A level may hold no object.
    assert any(reached) if case.takes_boxes else all(reached)


@cases()
def test_the_teacher_gets_no_gradient(case):
    arguments = prepare(case, case.inputs(Draw()), lambda tensor: tensor)
    teacher = [
        t.requires_grad_() for name in case.teacher
        for t in tensors(arguments[name])
    ]
    assert teacher
    run(case, arguments).backward()
    assert all(t.grad is None for t in teacher)


@cases(lambda case: case.gradcheck)
def test_gradcheck(case):
    arguments = prepare(case, case.inputs(replace(TINY)), torch.Tensor.double)
    module = case.module().double()
    leaves = student_of(case, arguments) + list(module.parameters())
    assert torch.autograd.gradcheck(lambda *_: run(case, arguments, module),
                                    leaves)


@cases()
def test_float64_gives_the_same(case):
    arguments = case.inputs(Draw())
    value, _ = value_and_gradient(case, arguments)
    precise, _ = value_and_gradient(case, arguments, torch.Tensor.double,
                                    case.module().double())
    assert precise.dtype == torch.float64
    torch.testing.assert_close(value.double(), precise, rtol=1e-4, atol=1e-7)


@cases()
@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_half_precision_is_only_that_of_the_inputs(case, dtype):
    """What is computed from rounded inputs is computed in float32."""
    arguments = case.inputs(Draw())
    rounded, wanted = value_and_gradient(case, arguments,
                                         lambda t: t.to(dtype).float())
    value, gradient = value_and_gradient(case, arguments,
                                         lambda t: t.to(dtype))
    torch.testing.assert_close(value.float(), rounded, rtol=1e-5, atol=1e-7)
    for one, two in zip(gradient, wanted, strict=True):
        assert one.dtype == dtype and one.isfinite().all()
        torch.testing.assert_close(one, two.to(dtype), rtol=2e-2, atol=1e-4)


@cases()
def test_autocast_changes_nothing(case):
    arguments = case.inputs(Draw())
    plain = run(case, arguments)
    with torch.autocast('cpu', torch.bfloat16):
        value = run(case, arguments)
    assert value.dtype == torch.float32
    torch.testing.assert_close(value, plain, rtol=1e-6, atol=1e-7)


def channels_last(tensor):
    if tensor.dim() != 4:
        return tensor
    # A map of one channel or one cell is both; `clone` keeps the strides.
    return tensor.contiguous(memory_format=torch.channels_last)


@cases()
def test_channels_last(case):
    assert_same(case, case.inputs(Draw()), channels_last)


@cases()
@pytest.mark.parametrize('draw', [
    pytest.param(dict(batch=1), id='batch of one'),
    pytest.param(dict(sizes=((8, 5), (4, 3))), id='higher than wide'),
    pytest.param(dict(sizes=((2, 9), (1, 5))), id='one row'),
    pytest.param(dict(sizes=((4, 4), (1, 1))), id='one cell'),
])
def test_batches_and_sizes(case, draw):
    assert_finite(*value_and_gradient(case, case.inputs(Draw(**draw))))


@cases()
def test_zero_maps(case):
    assert_finite(
        *value_and_gradient(case, case.inputs(Draw()), torch.zeros_like))


@cases()
def test_zero_teacher(case):
    arguments = case.inputs(Draw())
    for name in case.teacher:
        arguments[name] = map_tensors(torch.zeros_like, arguments[name])
    assert_finite(*value_and_gradient(case, arguments))


@cases()
def test_great_numbers(case):
    assert_finite(*value_and_gradient(case, case.inputs(Draw()),
                                      lambda tensor: 100 * tensor))


@cases(lambda case: case.zero_at_equality)
def test_zero_where_student_equals_teacher(case):
    arguments = case.inputs(Draw())
    assert run(case, arguments) > 1e-4
    same = run(case, case.made_equal(arguments))
    assert same.item() == pytest.approx(0, abs=1e-6)


@cases(lambda case: case.takes_boxes)
def test_no_object(case):
    arguments = prepare(case, case.inputs(Draw(boxes=0)),
                        lambda tensor: tensor)
    module = case.module()
    value = run(case, arguments, module)
    if case.zero_without_boxes:
        assert value.item() == 0
    value.backward()
    # DDP waits for the gradient of every parameter.
    leaves = student_of(
        case, arguments) + [p for p in module.parameters() if p.requires_grad]
    assert_finite(value, [leaf.grad for leaf in leaves])


@cases(lambda case: case.takes_boxes)
def test_one_image_without_object(case):
    """Boxes of the first image are gone, those of the second stay."""
    full, empty = case.inputs(Draw()), case.inputs(Draw(boxes=0))
    mixed = dict(full)
    for name, value in full.items():
        if name == 'batch_data_samples':
            mixed[name] = [empty[name][0], *value[1:]]
    assert_finite(*value_and_gradient(case, mixed))


@cases(lambda case: hasattr(case.build(), 'levels'))
def test_total_is_that_of_the_levels(case):
    module, arguments = case.module(), case.inputs(Draw())
    total = run(case, arguments, module)
    torch.manual_seed(1)
    found = module.levels(**arguments)
    assert all(one.shape == () for one in found)
    torch.testing.assert_close(module.reduce(found), total)


FIVE = ((16, 12), (8, 6), (4, 3), (2, 2), (1, 1))


@cases(lambda case: case.by_level and hasattr(case.build(), 'levels'))
def test_five_levels_at_once_are_its_levels(case):
    arguments = case.inputs(Draw(sizes=FIVE))
    module = case.module()
    torch.manual_seed(1)
    found = module.levels(**arguments)
    assert len(found) == 5
    lists = [
        name for name, value in arguments.items()
        if isinstance(value, list) and len(value) == 5
    ]
    assert set(case.student) <= set(lists)
    for i, one in enumerate(found):
        alone = arguments | {name: [arguments[name][i]] for name in lists}
        torch.manual_seed(1)
        (value, ) = module.levels(**alone)
        torch.testing.assert_close(value, one)


@cases()
def test_every_parameter_learns(case):
    """Or has a zero gradient: DDP waits for each."""
    module = case.module()
    value = run(case, prepare(case, case.inputs(Draw()), lambda t: t), module)
    value.backward()
    for name, parameter in module.named_parameters():
        assert parameter.grad is not None, name
