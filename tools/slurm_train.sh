#!/usr/bin/env bash
# Train on a SLURM cluster.
#
#   bash tools/slurm_train.sh PARTITION JOB_NAME CONFIG WORK_DIR [OPTIONS OF tools/train.py]
#
# Environment: GPUS (8 in all), GPUS_PER_NODE (8), CPUS_PER_TASK (5), and
# SRUN_ARGS for more arguments of srun.
set -euo pipefail

if [ "$#" -lt 4 ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "${1:-}" = --help ] || [ "${1:-}" = -h ] && exit 0
    exit 2
fi

partition=$1 job=$2 config=$3 last=$4
tools=$(dirname "$0")
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
per_node=${GPUS_PER_NODE:-8}

# SRUN_ARGS is split into words on purpose.
# shellcheck disable=SC2086
exec srun -p "$partition" \
    --job-name="$job" \
    --gres=gpu:"$per_node" \
    --ntasks="${GPUS:-8}" \
    --ntasks-per-node="$per_node" \
    --cpus-per-task="${CPUS_PER_TASK:-5}" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    python -u "$tools/train.py" "$config" --work-dir "$last" --launcher slurm "${@:5}"
