"""Random feature maps, and what a loss gives for them."""
import torch


def maps(*shapes, seed=0, **kwargs):
    """Normal numbers of these shapes, the same for a seed."""
    generator = torch.Generator().manual_seed(seed)
    return [torch.randn(*s, generator=generator, **kwargs) for s in shapes]


def drawn(*shape, seed=0):
    """Normal numbers of one shape, in float64."""
    (found, ) = maps(shape, seed=seed, dtype=torch.float64)
    return found


def value_and_gradient(loss, student, teacher):
    """The loss as a number, and its gradient in the student."""
    leaf = student.clone().requires_grad_()
    value = loss(leaf, teacher)
    value.backward()
    return value.item(), leaf.grad
