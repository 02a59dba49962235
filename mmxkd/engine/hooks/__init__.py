"""Hooks of mmengine's runner."""
from .channels_last_hook import ChannelsLastHook
from .checkpoint_meaning_hook import CheckpointMeaningHook
from .epoch_seed_hook import EpochSeedHook, seed_everything
from .finite_guard_hook import FiniteGuardHook
from .graceful_stop_hook import GracefulStopHook
from .hang_guard_hook import HangGuardHook
from .label_sources_hook import LabelSourcesHook
from .lone_sample_guard_hook import LoneSampleGuardHook
from .parts_init_hook import PartsInitHook
from .run_record_hook import RunRecordHook
from .safe_checkpoint_hook import SafeCheckpointHook
from .starting_weights_hook import StartingWeightsHook
from .stem_init_hook import StemInitHook, inflate_stem
from .step_state_hook import StepStateHook
from .strict_early_stopping_hook import StrictEarlyStoppingHook
from .student_checkpoint_hook import StudentCheckpointHook
from .teacher_cache_hook import TeacherCacheHook
from .teacher_meaning_hook import TeacherMeaningHook
from .torchvision_weights_hook import TorchvisionWeightsHook, from_torchvision

__all__ = [
    'ChannelsLastHook', 'CheckpointMeaningHook', 'EpochSeedHook',
    'FiniteGuardHook', 'GracefulStopHook', 'HangGuardHook', 'LabelSourcesHook',
    'LoneSampleGuardHook', 'PartsInitHook', 'RunRecordHook',
    'SafeCheckpointHook', 'StartingWeightsHook', 'StemInitHook',
    'StepStateHook', 'StrictEarlyStoppingHook', 'StudentCheckpointHook',
    'TeacherCacheHook', 'TeacherMeaningHook', 'TorchvisionWeightsHook',
    'from_torchvision', 'inflate_stem', 'seed_everything'
]
