from mmxkd.synthetic import paint_order, sample_kitti_scene


def _names(order):
    return [thing.position[0] for thing in order]


def test_a_long_neighbour_is_painted_by_its_side(make_block):
    # By its centre the truck is farther than the man beside its rear, who
    # hides it; and nearer than the man beyond it, whom it hides.
    truck = make_block(4, 15, size=(3, 2.5, 9))
    before = make_block(2, 16, size=(1.8, .5, .5))
    beyond = make_block(6, 14, size=(1.8, .5, .5))
    for things in ((truck, before, beyond), (before, beyond, truck)):
        assert _names(paint_order(things)) == [6, 4, 2]


def test_without_a_reason_the_far_comes_first(make_block):
    things = [make_block(-5, 30), make_block(5, 40), make_block(0, 20)]
    assert _names(paint_order(things)) == [5, -5, 0]
    assert paint_order([]) == ()


def test_things_in_one_another_are_painted_by_distance(make_block):
    things = [make_block(.1, 20.0), make_block(.2, 20.5), make_block(.3, 19.5)]
    assert _names(paint_order(things)) == [.2, .1, .3]


def test_whole_scenes_keep_everything():
    scene = sample_kitti_scene(0, 3)
    order = paint_order(scene.objects[::-1])
    assert len(order) == len(scene.objects)
    assert {id(thing)
            for thing in order} == {id(thing) for thing in scene.objects}
