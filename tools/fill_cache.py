"""Fill the caches of a config's teachers, without training.

    python tools/fill_cache.py CONFIG

Training fills a cache on its own, in the first epoch. This command does it
before, e.g. on a machine with a faster GPU, or once for several runs. It may
stop at any time: run it again, and it goes on. A RandomFlip shows each frame
in one direction per epoch; --epochs 4 finds nearly all of both.
"""
import argparse
import copy
import sys

from mmengine.config import ConfigDict
from mmengine.logging import print_log

import mmxkd  # noqa: F401  Repairs of upstream come before anything else.
from mmxkd.engine import launch
from mmxkd.engine.hooks import TeacherCacheHook
from mmxkd.engine.pipeline_probe import cached_teachers, views_of
from mmxkd.errors import ConfigError

EVERY = 50


def parse_args() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('config', type=launch.existing_file,
                        help='config of a distillation')
    launch.add_arguments(parser)
    parser.add_argument('--epochs', type=int, default=1,
                        help='passes over the data (default: %(default)s)')
    return parser.parse_args()


def fill(runner, epochs: int) -> None:
    """Ask every cached teacher for every batch.

    Raises:
        ConfigError: No teacher has a cache.
    """
    teachers = cached_teachers(runner.model)
    if not teachers:
        raise ConfigError('no teacher of this config has a cache; set e.g. '
                          "model.teachers.NAME.cache=dict(dir='…')")
    model = getattr(runner.model, 'module', runner.model)
    model.init_weights()
    loader = runner.build_dataloader(
        each_frame_once(runner.cfg.train_dataloader), seed=runner.seed)
    runner._train_dataloader = loader
    TeacherCacheHook().before_train(runner)
    views = {name: views_of(runner.model, name) for name in teachers}
    for epoch in range(epochs):
        loader.sampler.set_epoch(epoch)
        for i, batch in enumerate(loader, start=1):
            for name, see in views.items():
                model.supply(name, see(batch))
            if i % EVERY == 0 or i == len(loader):
                done = '; '.join(f'{name}: {teacher.cache.counts}'
                                 for name, teacher in teachers.items())
                print_log(
                    f'pass {epoch + 1}/{epochs}, batch {i}/{len(loader)}: '
                    f'{done}', logger='current')


def each_frame_once(dataloader: ConfigDict) -> ConfigDict:
    """The same frames, none of them twice in a pass.

    The sampler of a training may leave out some, repeat others, or never end.
    The order is drawn, so that commands that run at once share the work.
    """
    loader = copy.deepcopy(dataloader)
    loader.pop('batch_sampler', None)
    loader.update(sampler=dict(type='DefaultSampler', shuffle=True),
                  drop_last=False)
    return loader


def main() -> None:
    args = parse_args()
    cfg = launch.load_config(args)
    # No checkpoint is written, and no run resumed.
    cfg.default_hooks, cfg.custom_hooks = {}, []
    fill(launch.build_runner(cfg), args.epochs)


if __name__ == '__main__':
    try:
        main()
    except ConfigError as error:
        sys.exit(f'error: {error}')
