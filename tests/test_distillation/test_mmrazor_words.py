"""MMRazor's names of methods; test_loss_config.py has its other words."""
from mmxkd.distillation.mmrazor_words import by_layer, find_owner
from tests.helpers.drawing_head import Head, Model


def test_class_path_of_mmrazor_finds_the_layer():
    model = Model(3.)
    path = f'{Head.__module__}.Head'
    assert find_owner(model, path) == 'head'
    assert by_layer(model, f'{path}.draw()@1') == 'head.draw()@1'
    assert by_layer(model, 'head.draw()') == 'head.draw()'
