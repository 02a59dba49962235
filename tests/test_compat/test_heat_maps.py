import torch
from mmdet.models.dense_heads import centernet_head
from mmdet.models.utils import get_topk_from_heatmap

import mmxkd  # noqa: F401


def test_peaks_do_not_depend_on_the_layout():
    torch.manual_seed(0)
    maps = torch.rand(2, 3, 4, 5)
    expected = get_topk_from_heatmap(maps, k=6)
    found = get_topk_from_heatmap(maps.to(memory_format=torch.channels_last),
                                  k=6)
    for mine, right in zip(found, expected, strict=True):
        assert torch.equal(mine, right)
    scores, places, classes, ys, xs = found
    frame = torch.arange(2)[:, None]
    assert torch.equal(maps[frame, classes, ys.long(), xs.long()], scores)
    assert torch.equal(places, (ys * 5 + xs).long())


def test_heads_that_took_it_by_name_have_it_too():
    assert centernet_head.get_topk_from_heatmap is get_topk_from_heatmap
