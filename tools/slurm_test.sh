#!/usr/bin/env bash
# Test on a SLURM cluster.
#
#   bash tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [OPTIONS OF tools/test.py]
#
# Environment: GPUS (8 in all), GPUS_PER_NODE (8), CPUS_PER_TASK (5), and
# SRUN_ARGS for more arguments of srun.
set -euo pipefail

if [ "$#" -lt 4 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] || [ "${1:-}" = -h ] && exit 0
    exit 2
fi

tools=$(dirname "$0")
exec bash "$tools/slurm_run.sh" "$1" "$2" "$tools/test.py" "$3" "$4" "${@:5}"
