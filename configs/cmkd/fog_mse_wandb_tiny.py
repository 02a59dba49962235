# fog_mse_tiny.py, with its curves in Weights & Biases too, without a network
# or an account. It needs `pip install wandb`. To upload the run:
# `wandb sync work_dirs/fog_mse_wandb_tiny/*/vis_data/wandb/offline-run-*`;
# without mode='offline' it is uploaded while it trains.
_base_ = './fog_mse_tiny.py'

visualizer = dict(vis_backends=[
    dict(type='LocalVisBackend'),
    dict(
        type='WandbVisBackend',
        init_kwargs=dict(project='mmxkd', mode='offline'),
        define_metric_cfg={'coco/bbox_mAP': 'max'})
])
