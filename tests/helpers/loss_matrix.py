"""Any loss with any detector: which pairs train, and why others cannot.

Each of mmdet's detectors of ``tiny_detectors.py`` learns from one of its own
kind that is twice as wide, by each loss, for two iterations. A pair is *ok*
where each distillation loss is finite, its gradient reaches the student and
is finite, and the teacher stays as it was. A pair that cannot apply must be
refused when the model is built, with the reason.

Usage: ``python -m tests.helpers.loss_matrix [--detectors FCOS]
[--losses CWD]``
"""
import argparse
import logging
import re
import time
import warnings
from collections.abc import Callable

import torch
from mmdet.utils import register_all_modules
from mmengine.logging import MMLogger
from mmengine.optim import OptimWrapper
from torch import Tensor

import mmxkd  # noqa: F401  (applies the repairs)
from mmxkd.distillation import CrossModalDistill
from mmxkd.errors import ConfigError
from mmxkd.losses import FeatureDiscriminator
from mmxkd.registry import MODELS
from tests.helpers.tiny_detectors import CLASSES, DETECTORS, SIZE, batch

STUDENT, TEACHER = 8, 16
TWO_STAGE = ('Faster R-CNN', 'Cascade R-CNN', 'Mask R-CNN')
QUERIES = ('Sparse R-CNN', 'DETR', 'Deformable DETR', 'DINO')
ANCHORS = (*TWO_STAGE, 'RetinaNet', 'SSD', 'ATSS', 'GFL', 'YOLOv3', 'YOLOF')


def neck_channels(cfg: dict) -> list[int]:
    """Channels of each level of a detector's neck."""
    neck = cfg['neck']
    if 'num_deconv_filters' in neck:
        return [neck['num_deconv_filters'][-1]]
    channels, inputs = neck['out_channels'], neck['in_channels']
    if not isinstance(channels, int):
        return list(channels)
    return [channels] * neck.get('num_outs',
                                 1 if isinstance(inputs, int) else len(inputs))


def on_neck(kind: str, **options) -> Callable[[str, dict], dict]:
    """A loss between all levels of both necks."""
    return lambda *_: dict(type=kind, student='neck', teacher='neck', **options
                           )


def per_channel(kind: str) -> Callable[[str, dict], dict]:
    """A loss with networks of its own for each level of the necks."""
    return lambda _, teacher: on_neck(kind, channels=neck_channels(teacher))()


def adversarial(_: str, teacher: dict) -> dict:
    """A discriminator for the first level."""
    return dict(type='AdversarialFeatureLoss', student='neck[0]',
                teacher='neck[0]', in_channels=neck_channels(teacher)[0],
                num_levels=1, channels=64, hidden=64, dropout=0.,
                level_cfgs=[dict(grid=(2, 3))])


def imitation(name: str, _: dict) -> dict:
    """With squares where a detector has no anchors."""
    options = {} if name in ANCHORS else dict(square_scale=8)
    return on_neck(
        'FineGrainedImitationLoss',
        connector=dict(type='ConvConnector', kernel_sizes=[3],
                       last_activation=True), **options)()


def dense_head(name: str) -> str:
    """The head that predicts densely."""
    return 'rpn_head' if name in TWO_STAGE else 'bbox_head'


def soft_labels(name: str, _: dict) -> dict:
    """Class logits, wherever and however a head gives them."""
    layer, options = dense_head(name) + '[0]', dict(activation='sigmoid',
                                                    num_classes=CLASSES)
    if name == 'SSD':
        options = dict(num_classes=CLASSES + 1)
    elif name in TWO_STAGE:
        options['num_classes'] = 1
    elif name in QUERIES:
        options = dict(dim=-1,
                       activation=('softmax' if name == 'DETR' else 'sigmoid'))
    if name == 'Sparse R-CNN':
        layer = 'roi_head.bbox_head.1[0]'
    return dict(type='SoftLabelKLLoss', student=layer, teacher=layer,
                **options)


def on_dense_head(kind: str) -> Callable[[str, dict], dict]:
    """A loss between the dense heads of both sides."""
    return lambda name, _: dict(type=kind, student=dense_head(name), teacher=
                                dense_head(name))


# Name → (name of the detector, config of its teacher) → config of the loss.
FEATURES: dict[str, Callable[[str, dict], dict]] = {
    'FeatureMSE': on_neck('FeatureMSELoss'),
    'Adversarial': adversarial,
    'Imitation': imitation,
    'MTA': on_neck('MultiTeacherAlignmentLoss'),
    'Attention': on_neck('AttentionTransferLoss'),
    'DualKL': on_neck(
        'DualKLLoss', connector=dict(type='ConvConnector', kernel_sizes=[3,
                                                                         1])),
    'Affinity': on_neck('AffinityLoss'),
    'MaskedFeature': on_neck('MaskedFeatureLoss'),
    'Pearson': on_neck('PearsonLoss'),
    'Spearman': on_neck('SpearmanLoss'),
    'CWD': on_neck('ChannelWiseDistillationLoss'),
    'PKD': on_neck('PKDLoss', connector=dict(type='AlignConnector')),
    'Ranking': on_neck('RankingLoss', connector=dict(type='ConvConnector')),
    'MGD': per_channel('MGDLoss'),
    'FGD': per_channel('FGDLoss'),
    'FeatureSum': on_neck(
        'FeatureSumLoss',
        parts=dict(pearson=dict(type='PearsonLoss', weight=0.5),
                   affinity=dict(type='AffinityLoss'))),
}
LOSSES = FEATURES | {
    'SoftLabels': soft_labels,
    'CrossKD': on_dense_head('CrossKDLoss'),
    'ChenDense': on_dense_head('ChenDenseHeadLoss'),
    'ChenRoI': lambda *_: dict(type='ChenRoIHeadLoss', student='roi_head',
                               teacher='roi_head'),
}
# The detectors that a loss between heads applies to.
HEADS: dict[str, tuple[str, ...]] = {
    # The RoIs of two Sparse R-CNNs are not the same ones.
    'SoftLabels': tuple(name for name in DETECTORS
                        if name not in ('DINO', 'Sparse R-CNN')),
    'CrossKD': ('RetinaNet', 'ATSS', 'GFL', 'FCOS', 'FoveaBox', 'RepPoints',
                'CondInst'),
    'ChenDense': (*TWO_STAGE, 'SSD'),
    'ChenRoI': ('Faster R-CNN', 'Mask R-CNN'),
}


def build(detector: str, loss: str) -> CrossModalDistill:
    """A student and a teacher of one kind, and one loss between them.

    Raises:
        ConfigError: The loss does not apply.
    """
    torch.manual_seed(0)
    # Before its weights are initialised, its RoIs are no boxes.
    dry = (detector, loss) != ('Sparse R-CNN', 'SoftLabels')
    # In prediction, DETR's head gives its last decoder layer alone.
    mode = 'loss' if (detector, loss) == ('DETR', 'SoftLabels') else 'predict'
    make = DETECTORS[detector]
    teacher = make(TEACHER)
    model = MODELS.build(
        dict(
            type='mmxkd.CrossModalDistill', student=make(STUDENT),
            teachers=dict(t=dict(cfg=teacher, random=True, mode=mode)),
            distiller=dict(losses=dict(
                loss_kd=LOSSES[loss](detector, teacher))),
            dry_run=SIZE if dry else False))
    model.init_weights()
    for module in model.distiller.modules():
        if isinstance(module, FeatureDiscriminator):
            # Its single channel before a ReLU may be dead by the draw of
            # its weights, the more so in the small; not what is asked here.
            torch.nn.init.constant_(module.conv2.bias, 1.0)
    return model.train()


def train(model: CrossModalDistill, iterations: int = 2) -> None:
    """Two steps, checked.

    Raises:
        AssertionError: The distillation loss or its gradient is not finite,
            no gradient reaches the student, or the teacher has changed.
    """
    teacher = model.teachers['t'].model
    before = {k: v.clone() for k, v in teacher.state_dict().items()}
    trained = [p for p in model.student.parameters() if p.requires_grad]
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), 1e-3),
                             clip_grad=dict(max_norm=1.))
    for _ in range(iterations):
        data = model.data_preprocessor(batch(masks=model.student.with_mask),
                                       True)
        losses = model(**data, mode='loss')
        value = losses['distill/loss_kd']
        assert value.isfinite(), f'the loss is {value.item()}'
        check_gradient(value, trained)
        optimizer.update_params(model.parse_losses(losses)[0])
    for name, tensor in teacher.state_dict().items():
        assert torch.equal(tensor, before[name]), f'teacher: {name} changed'


def check_gradient(value: Tensor, trained: list[Tensor]) -> None:
    """Raise where a loss does not teach."""
    gradients = [
        g for g in torch.autograd.grad(value, trained, retain_graph=True,
                                       allow_unused=True) if g is not None
    ]
    assert gradients, 'no gradient path to the student'
    assert all(g.isfinite().all() for g in gradients), 'gradient not finite'
    assert any(g.any() for g in gradients), 'the gradient is zero'


def outcome(detector: str, loss: str) -> str:
    """``'ok'``, or the reason of the refusal.

    Raises:
        AssertionError: The pair is neither trained nor refused.
    """
    try:
        train(build(detector, loss))
    except ConfigError as error:
        return str(error)
    return 'ok'


def quiet() -> None:
    """Registers mmdet's parts; no word but our own."""
    warnings.simplefilter('ignore')
    register_all_modules()
    MMLogger.get_current_instance().setLevel(logging.ERROR)


def short(reason: str) -> str:
    """Without what differs between detectors that fail alike."""
    reason = reason.removeprefix("distiller loss 'loss_kd': ")
    reason = re.sub(r"^hook point .* has no layer", 'there is no layer',
                    reason)
    reason = re.sub(r'; did you mean .*', '', reason)
    reason = re.sub(r'^\w+Head of the student', 'the head', reason)
    return re.sub(r'^roi_head\S+ of the student and \S+ are', 'the RoIs are',
                  reason.partition(': each detector')[0])


def table(outcomes: dict[tuple[str, str], str]) -> str:
    """Markdown: detectors × losses, and the reasons as numbered notes."""
    detectors = list(dict.fromkeys(d for d, _ in outcomes))
    losses = list(dict.fromkeys(name for _, name in outcomes))
    notes: list[str] = []
    rows = [['', *losses], ['---'] * (len(losses) + 1)]
    for detector in detectors:
        row = [detector]
        for loss in losses:
            reason = outcomes[detector, loss]
            if reason != 'ok':
                reason = short(reason)
                if reason not in notes:
                    notes.append(reason)
                reason = str(notes.index(reason) + 1)
            row.append(reason)
        rows.append(row)
    lines = ['| ' + ' | '.join(row) + ' |' for row in rows]
    return '\n'.join(
        [*lines, '', *(f'{i}. {note}' for i, note in enumerate(notes, 1))])


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument('--detectors', nargs='+', choices=list(DETECTORS),
                        default=list(DETECTORS), metavar='NAME')
    parser.add_argument('--losses', nargs='+', choices=list(LOSSES),
                        default=list(LOSSES), metavar='NAME')
    args = parser.parse_args()
    torch.set_num_threads(1)
    quiet()
    start, found = time.time(), {}
    for detector in args.detectors:
        for loss in args.losses:
            try:
                found[detector, loss] = outcome(detector, loss)
            except Exception as error:  # shown in the table
                found[detector,
                      loss] = (f'FAILED: {type(error).__name__}: {error}')
    print(table(found))
    ok = sum(value == 'ok' for value in found.values())
    failed = sum(value.startswith('FAILED') for value in found.values())
    print(f'\n{len(found)} pairs: {ok} ok, {len(found) - ok - failed} '
          f'refused, {failed} failed; {time.time() - start:.0f} s')


if __name__ == '__main__':
    main()
