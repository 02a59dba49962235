"""Arms × seeds: run what is missing, measure the recovered gap, report.

An *arm* is one way to train a detector: a config, what it starts from and who
teaches it. An experiment trains each arm once per seed.
"""
from .arm import Arm
from .merge import merge_reports
from .plan import Plan, load_plan
from .report import report_of, write_report
from .run import Run, ToolError, build_runs
from .schedule import run_all
from .seeds import seeds_of
from .step import Step

__all__ = [
    'Arm', 'Plan', 'Run', 'Step', 'ToolError', 'build_runs', 'load_plan',
    'merge_reports', 'report_of', 'run_all', 'seeds_of', 'write_report'
]
