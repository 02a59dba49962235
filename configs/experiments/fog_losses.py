# Which method teaches best, on the same frames in as many iterations? Tiny
# models on synthetic fog learn from the teacher's boxes on 1,200 frames that
# have no labels, for 720 iterations, on pictures of which half are mirrored.
# Published losses beside the boxes are compared to LEAP, and LEAP to itself
# without one of its parts or with one more.
#
#   python tools/experiment.py configs/experiments/fog_losses.py
_base_ = './fog_unlabelled.py'


def arm(config, start='pretrain', labels='labels', **others):
    return dict(
        config=f'configs/leap/{config}.py',
        starts_from=start,
        labelled_by=labels,
        epochs=8,
        **others)


def taught(config, **others):
    return arm(
        config,
        taught_by=dict(teacher_long='model.teachers.gated.checkpoint'),
        **others)


arms = dict(
    _delete_=True,
    **{
        name: _base_.arms[name]
        for name in ('pretrain', 'baseline', 'baseline_long', 'teacher_long',
                     'labels', 'both_labels')
    },
    baseline_mirrored=dict(
        config='configs/leap/ablation/fog_baseline_mirrored_tiny.py',
        starts_from='pretrain',
        epochs=16),
    boxes=arm('fog_boxes_tiny'),
    # Published losses beside the boxes.
    mse=taught('losses/fog_boxes_mse_tiny'),
    adv=taught('losses/fog_boxes_adv_tiny'),
    mta=taught('losses/fog_boxes_mta_tiny'),
    dual_kl=taught('losses/fog_boxes_dual_kl_tiny'),
    imitation=taught('losses/fog_boxes_imitation_tiny'),
    chen=taught('losses/fog_boxes_chen_tiny'),
    # LEAP, and LEAP without one of its parts.
    leap=arm('fog_leap_tiny', 'teacher_long', 'both_labels'),
    leap_one_view=arm('fog_leap_tiny', 'teacher_long'),
    leap_no_start=arm('fog_boxes_tiny', labels='both_labels'),
    leap_unmirrored=arm('ablation/fog_leap_unmirrored_tiny', 'teacher_long',
                        'both_labels'),
    # LEAP with one more part: weights by score, soft scores, features.
    leap_scores=arm('ablation/fog_leap_scores_tiny', 'teacher_long',
                    'both_labels'),
    leap_soft=taught(
        'ablation/fog_leap_soft_tiny',
        start='teacher_long',
        labels='both_labels'),
    leap_mse=taught(
        'ablation/fog_leap_mse_tiny',
        start='teacher_long',
        labels='both_labels'),
    # Labels by humans on all frames, with the same start and pictures.
    leap_human=dict(
        config='configs/leap/ablation/fog_leap_human_tiny.py',
        starts_from='teacher_long',
        epochs=8))
teacher = 'teacher_long'
baseline = ('baseline', 'baseline_long', 'baseline_mirrored')
reachable = 'leap_human'
