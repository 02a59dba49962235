#!/usr/bin/env bash
# Run a tool with several processes: one per GPU, or on the CPU without any.
# dist_train.sh, dist_test.sh and dist_label.sh call it.
#
#   bash tools/dist_run.sh NUMBER TOOL.py [OPTIONS OF THE TOOL]
#
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each. PORT is
# free to choose; two jobs on one machine need two.
set -euo pipefail

if [ "$#" -lt 2 ] || [ "$1" = --help ] || [ "$1" = -h ]; then
    sed -n '2,8s/^# \{0,1\}//p' "$0"
    [ "$#" -ge 1 ] && { [ "$1" = --help ] || [ "$1" = -h ]; } && exit 0
    exit 2
fi

tools=$(dirname "$0")
export PYTHONPATH="$tools/..${PYTHONPATH:+:$PYTHONPATH}"
# Processes that share the cores of one machine should not each take them all.
export OMP_NUM_THREADS="${OMP_NUM_THREADS:-1}"

exec python -m torch.distributed.run \
    --nnodes="${NNODES:-1}" \
    --node_rank="${NODE_RANK:-0}" \
    --master_addr="${MASTER_ADDR:-127.0.0.1}" \
    --master_port="${PORT:-29500}" \
    --nproc_per_node="$1" \
    "$2" --launcher pytorch "${@:3}"
