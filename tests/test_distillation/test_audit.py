from mmxkd.distillation.audit import connector_table
from tests.helpers.toys import build, mse, toy


def rows(text):
    return [[cell.strip() for cell in line.split('|')[1:-1]]
            for line in text.splitlines() if '|' in line][1:]


def test_connectors_by_level():
    model = build(
        student=toy(levels=3), teacher=dict(cfg=toy(out_channels=9, levels=3),
                                            random=True),
        loss_a=mse('neck', ['t:neck[0]', 't:neck[0]', 't:neck[2]']),
        loss_b=mse('bbox_head[0]', 'bbox_head[0]'), loss_c=mse(
            'neck[0]', 'neck[0]', connector=dict(type='AlignConnector',
                                                 in_channels=6,
                                                 out_channels=9)),
        loss_d=mse('backbone.act', 'backbone.down'))
    assert rows(connector_table(model.distiller.losses.values())) == [
        ['loss_a', '0', '64×64', '64×64', '1×1 conv 6 → 9'],
        ['loss_a', '1', '32×32', '64×64', '1×1 conv 6 → 9, resize'],
        ['loss_a', '2', '16×16', '16×16', '1×1 conv 6 → 9'],
        ['loss_b', '0', '64×64', '64×64', 'none needed'],
        ['loss_c', '0', '64×64', '64×64', '1×1 conv 6 → 9'],
        ['loss_d', '0', '64×64', '32×32', 'resize']
    ]
