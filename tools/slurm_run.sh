#!/usr/bin/env bash
# Run a tool on a SLURM cluster. slurm_train.sh and slurm_test.sh call it.
#
#   bash tools/slurm_run.sh PARTITION JOB_NAME TOOL.py [OPTIONS OF THE TOOL]
#
# Environment: GPUS (8 in all), GPUS_PER_NODE (8), CPUS_PER_TASK (5), and
# SRUN_ARGS for more arguments of srun.
set -euo pipefail

if [ "$#" -lt 3 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] || [ "${1:-}" = -h ] && exit 0
    exit 2
fi

tools=$(dirname "$0")
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
per_node=${GPUS_PER_NODE:-8}

# SRUN_ARGS is split into words on purpose.
# shellcheck disable=SC2086
exec srun -p "$1" \
    --job-name="$2" \
    --gres=gpu:"$per_node" \
    --ntasks="${GPUS:-8}" \
    --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$3" --launcher slurm "${@:4}"
