#!/usr/bin/env bash
# Train with several processes: one per GPU, or on the CPU without any.
#
#   bash tools/dist_train.sh CONFIG NUMBER [OPTIONS OF tools/train.py]
#
# Several machines: set NNODES, NODE_RANK and MASTER_ADDR on each. PORT is
# free to choose; two jobs on one machine need two.
set -euo pipefail

if [ "$#" -lt 2 ] || [ "$1" = --help ] || [ "$1" = -h ]; then
    sed -n '2,7s/^# \{0,1\}//p' "$0"
    [ "$#" -ge 1 ] && { [ "$1" = --help ] || [ "$1" = -h ]; } && exit 0
    exit 2
fi

tools=$(dirname "$0")
exec bash "$tools/dist_run.sh" "$2" "$tools/train.py" "$1" "${@:3}"
