"""Small detectors and runs for the tests of the distiller."""
from pathlib import Path

import torch
from mmdet.structures import DetDataSample
from mmengine.model import BaseModel
from mmengine.structures import InstanceData
from torch import nn
from torch.utils.data import Dataset

from mmxkd.registry import MODELS

# Statistics of the six channels of images and gated slices.
MEAN = [10., 20., 30., 40., 50., 60.]
STD = [1., 2., 4., 5., 8., 10.]


class Backbone(nn.Module):
    """Strides 2 and 4."""

    def __init__(self, in_channels, channels, inplace=False):
        super().__init__()
        self.stem = nn.Conv2d(in_channels, channels, 3, 2, 1)
        self.bn = nn.BatchNorm2d(channels)
        self.act = nn.ReLU(inplace=inplace)
        self.down = nn.Conv2d(channels, channels, 3, 2, 1)

    def forward(self, x):
        x = self.act(self.bn(self.stem(x)))
        return x, self.down(x)


class Neck(nn.Module):
    """Makes a tuple of ``levels`` maps of ``out_channels``."""

    def __init__(self, channels, out_channels, levels):
        super().__init__()
        self.lateral = nn.ModuleList(
            nn.Conv2d(channels, out_channels, 1) for _ in range(2))
        self.levels = levels

    def forward(self, features):
        outs = [
            conv(f) for conv, f in zip(self.lateral, features, strict=True)
        ]
        while len(outs) < self.levels:
            outs.append(outs[-1][..., ::2, ::2])
        return tuple(outs[:self.levels])


class Head(nn.Module):
    """One convolution shared by all levels."""

    def __init__(self, channels):
        super().__init__()
        self.cls = nn.Conv2d(channels, 1, 1)
        self.runs = 0

    def forward(self, features):
        self.runs += 1
        return [self.cls(f) for f in features]


class Toy(BaseModel):
    """A detector in shape: data preprocessor, backbone, neck, head."""

    def __init__(self, in_channels=3, channels=4, out_channels=6, levels=2,
                 dropout=0.0, inplace=False, data_preprocessor=None,
                 init_cfg=None):
        super().__init__(
            data_preprocessor or dict(type='mmdet.DetDataPreprocessor',
                                      mean=[127.5] * 3, std=[127.5] * 3),
            init_cfg)
        self.backbone = Backbone(in_channels, channels, inplace)
        self.neck = Neck(channels, out_channels, levels)
        self.dropout = nn.Dropout(dropout)
        self.bbox_head = Head(out_channels)
        self.runs = 0

    def extract_feat(self, inputs):
        self.runs += 1
        return self.neck(self.backbone(self.dropout(inputs)))

    def forward(self, inputs, data_samples=None, mode='tensor'):
        scores = self.bbox_head(self.extract_feat(inputs))
        if mode == 'loss':
            return dict(loss_cls=[s.square().mean() for s in scores])
        return scores


def toy(**kwargs):
    return dict(type=Toy, **kwargs)


def gated_toy(**kwargs):
    """A toy that sees images and gated slices."""
    return toy(
        in_channels=6,
        data_preprocessor=dict(type='mmxkd.ModalityDetDataPreprocessor',
                               modalities=('img', 'gated'), mean=MEAN, std=STD,
                               **kwargs))


def mse(student='neck', teacher='neck', **kwargs):
    return dict(type='FeatureMSELoss', student=student, teacher=teacher,
                **kwargs)


def algorithm_cfg(student=None, teacher=None, dry_run=True, distiller=None,
                  **losses):
    """Config of a toy student and one random toy teacher, ``'t'``."""
    if distiller is None:
        distiller = dict(losses=losses or dict(loss_neck=mse()))
    return dict(type='mmxkd.CrossModalDistill', student=student or toy(),
                teachers=dict(t=teacher or dict(cfg=toy(), random=True)),
                distiller=distiller, dry_run=dry_run)


def build(**kwargs):
    """Build it, ready to train."""
    torch.manual_seed(0)
    model = MODELS.build(algorithm_cfg(**kwargs))
    model.init_weights()
    return model.train()


def sample(i=0, height=16, width=24):
    data = DetDataSample(
        metainfo=dict(img_id=i, img_path=f'images/{i}.png',
                      frame_id=f'frame_{i}', img_shape=(
                          height,
                          width), ori_shape=(height,
                                             width), scale_factor=(1.0, 1.0)))
    data.gt_instances = InstanceData(bboxes=torch.tensor([[2., 2., 10., 12.]]),
                                     labels=torch.tensor([0]))
    return data


def batch(size=2, channels=3, height=16, width=24, seed=0):
    """A batch as a data loader collates it."""
    generator = torch.Generator().manual_seed(seed)
    return dict(
        inputs=[
            torch.randint(0, 255, (channels, height, width),
                          generator=generator, dtype=torch.uint8)
            for _ in range(size)
        ], data_samples=[sample(i, height, width) for i in range(size)])


def step(model, data=None, **kwargs):
    """Losses of one training step, without the optimizer's part."""
    data = model.data_preprocessor(data or batch(**kwargs), True)
    return model(**data, mode='loss')


class Pictures(Dataset):
    """Eight fixed pictures with one box each."""

    def __len__(self):
        return 8

    def __getitem__(self, index):
        data = batch(1, seed=index)
        return dict(inputs=data['inputs'][0], data_samples=sample(index))


def runner(model, work_dir, train_cfg=None, **kwargs):
    """mmengine's runner on the pictures, two a batch, without shuffling."""
    from mmengine.runner import Runner
    by_epoch = (train_cfg or {}).get('by_epoch', False)
    return Runner(
        model, str(work_dir), train_dataloader=dict(
            dataset=Pictures(), batch_size=2,
            sampler=dict(type='DefaultSampler', shuffle=False),
            collate_fn=dict(type='pseudo_collate')), train_cfg=train_cfg
        or dict(by_epoch=True, max_epochs=1),
        optim_wrapper=dict(optimizer=dict(type='SGD', lr=0.01, momentum=0.9)),
        default_hooks=dict(
            logger=dict(type='LoggerHook', interval=1),
            checkpoint=dict(type='CheckpointHook', by_epoch=by_epoch,
                            interval=1 if by_epoch else 4)),
        experiment_name=Path(work_dir).name + f'_{id(model)}', **kwargs)
