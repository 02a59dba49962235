# What a VGG16-SSD teaches an SSDLite with the same priors: the losses of Chen
# et al. as a published SSD version has them, one bound for the batch, and a
# hint on all class logits.
chen = dict(
    losses=dict(
        loss_chen=dict(
            type='ChenDenseHeadLoss',
            student='bbox_head',
            teacher='vgg:bbox_head',
            mu=0.5,
            temperature=1.0,
            background_weight=1.5,
            nu=0.5,
            margin=0.0,
            bound='batch',
            logit_hint=0.5)))
