"""EfficientDet as any detector of mmdet: trained, tested, asked for boxes."""
import cv2
import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, inference_detector, init_detector
from mmdet.registry import MODELS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import HorizontalBoxes
from mmengine.config import Config
from mmengine.runner import save_checkpoint
from mmengine.structures import InstanceData

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='Resize', scale=(128, 128), keep_ratio=True),
    dict(
        type='PackDetInputs', meta_keys=('img_id', 'img_path', 'ori_shape',
                                         'img_shape', 'scale_factor'))
]


@pytest.fixture(scope='module')
def cfg(repo) -> Config:
    cfg = Config.fromfile(repo / 'configs/_base_/models/efficientdet_d2.py')
    cfg.default_scope = 'mmdet'
    cfg.custom_imports = dict(imports=['mmxkd'])
    # One network less deep and wide, to be fast; D0's.
    cfg.model.backbone.arch = 'b0'
    cfg.model.neck.update(in_channels=[40, 112, 320], out_channels=32,
                          num_cells=1)
    cfg.model.bbox_head.update(in_channels=32, stacked_convs=1, num_classes=2)
    cfg.visualizer = dict(type='DetLocalVisualizer')
    cfg.test_pipeline = PIPELINE
    cfg.test_dataloader = dict(
        dataset=dict(type='CocoDataset', pipeline=PIPELINE))
    return cfg


@pytest.fixture(scope='module')
def trained(cfg):
    """A detector that has learned one picture with two objects by heart."""
    torch.manual_seed(0)
    model = MODELS.build(cfg.model)
    model.init_weights()
    picture = np.full((128, 128, 3), 90, np.uint8)
    picture[20:60, 12:52] = (30, 30, 220)
    picture[60:110, 70:110] = (220, 40, 30)
    sample = DetDataSample(metainfo=dict(img_shape=(128, 128), ori_shape=(
        128, 128), scale_factor=(1., 1.), pad_shape=(128, 128)))
    sample.gt_instances = InstanceData(
        bboxes=HorizontalBoxes(
            torch.tensor([[12., 20, 52, 60], [70, 60, 110, 110]])),
        labels=torch.tensor([0, 1]))
    data = dict(inputs=[torch.from_numpy(picture).permute(2, 0, 1)] * 2,
                data_samples=[sample, sample.clone()])
    # Statistics of batch norm settle in a few steps.
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.momentum = 0.3
    optim = torch.optim.AdamW(model.parameters(), 5e-3)
    sums = []
    for _ in range(30):
        batch = model.data_preprocessor(data, training=True)
        losses = model(**batch, mode='loss')
        total = sum(losses.values())
        optim.zero_grad()
        total.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 10)
        optim.step()
        sums.append(total.item())
    assert np.isfinite(sums).all()
    return model.eval(), picture, sums


def test_it_learns(trained):
    sums = trained[2]
    assert np.mean(sums[-5:]) < 0.1 * np.mean(sums[:5])


def test_init_detector_inference_and_inferencer(trained, cfg, tmp_path):
    model, picture, _ = trained
    weights, config = tmp_path / 'd0.pth', tmp_path / 'd0.py'
    save_checkpoint(
        dict(state_dict=model.state_dict(),
             meta=dict(dataset_meta=dict(classes=('red', 'blue')))),
        str(weights))
    cfg.dump(config)
    # Twice as large, so that boxes must be scaled back.
    large = cv2.resize(picture, (256, 256), interpolation=cv2.INTER_NEAREST)
    path = tmp_path / 'picture.png'
    cv2.imwrite(str(path), large)
    expected = np.array([[24, 40, 104, 120], [140, 120, 220, 220]])

    detector = init_detector(str(config), str(weights), device='cpu')
    found = inference_detector(detector, str(path)).pred_instances
    best = [
        int(found.scores.masked_fill(found.labels != c, 0).argmax())
        for c in (0, 1)
    ]
    np.testing.assert_allclose(found.bboxes[best].numpy(), expected, atol=16)
    assert found.scores[best].min() > 0.3

    inferencer = DetInferencer(str(config), str(weights), device='cpu',
                               show_progress=False)
    (answer, ) = inferencer(str(path), out_dir='')['predictions']
    np.testing.assert_allclose(answer['bboxes'], found.bboxes, atol=1e-3)
    np.testing.assert_allclose(answer['scores'], found.scores, atol=1e-5)


def test_best_class_only_gives_each_anchor_one_class(trained):
    head = trained[0].bbox_head
    logits = [torch.full((1, 18, 1, 1), -9.)]
    logits[0][0, :2] = torch.tensor([2., 1.])[:, None, None]
    deltas, metas = [torch.zeros(1, 36, 1, 1)], [dict(img_shape=(128, 128))]
    saved = head.prior_generator
    head.prior_generator = type(saved)([8])
    try:
        for only, labels in ((True, [0]), (False, [0, 1])):
            cfg = Config(dict(head.test_cfg, best_class_only=only))
            (found, ) = head.predict_by_feat(logits, deltas,
                                             batch_img_metas=metas, cfg=cfg)
            assert found.labels.tolist() == labels
    finally:
        head.prior_generator = saved
    assert found.scores.tolist() == pytest.approx(
        torch.tensor([2., 1.]).sigmoid().tolist())


@pytest.mark.parametrize('size', [(100, 90), (65, 129)])
def test_any_size_gives_a_pyramid(trained, size):
    """Levels that do not halve exactly are brought to fit."""
    model = trained[0]
    with torch.no_grad():
        levels = model.extract_feat(torch.zeros(1, 3, *size))
    heights = [-(-size[0] // s) for s in (8, 16, 32, 64, 128)]
    assert [level.shape[2] for level in levels] == heights
