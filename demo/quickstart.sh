#!/usr/bin/env bash
# From nothing to a table of what distillation teaches, on synthetic fog and a
# CPU.
#
#   bash demo/quickstart.sh [--seeds 1] [--work-dir work_dirs/quickstart]
#
# Installs, draws a data set, trains teacher, baseline, CMKD-MSE, CMKD-Adv and a
# student that learns from frames without labels by LEAP, with tiny models,
# evaluates them and saves pictures. Skips what is done when you run it again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds=1
work_dir=work_dirs/quickstart
while (($#)); do
    case $1 in
    --seeds) seeds=${2:?--seeds needs a number}; shift 2 ;;
    --work-dir) work_dir=${2:?--work-dir needs a folder}; shift 2 ;;
    -h | --help) sed -n '2,9s/^# \{0,1\}//p' "$0"; exit ;;
    *)
        echo "quickstart: unknown option '$1'; known: --seeds, --work-dir" >&2
        exit 2
        ;;
    esac
done
data=data/stf_synthetic
clear=data/stf_synthetic_clear

headline() { printf '\n=== %s\n' "$*"; }

headline '1/5 Install'
bash tools/install.sh
[[ -n ${VIRTUAL_ENV:-} ]] || source .venv/bin/activate
begin=$SECONDS

headline '2/5 Draw road scenes, in the layout of Seeing Through Fog'
# draw FOLDER OPTIONS…: synthetic frames, through the converter of the real ones
draw() {
    if [[ -f $1/manifest.json ]]; then
        echo "$1 is there already"
        return
    fi
    python tools/dataset_converters/synthetic_stf.py "$1_raw" \
        --gated rect8 "${@:2}"
    local others=()
    [[ " $* " != *' --unlabelled '* ]] || others=(--unlabelled unlabelled --keep-truth)
    python tools/dataset_converters/stf.py "$1_raw" "$1" \
        --train train --val val --test test "${others[@]}" --num-workers 2
}
draw "$data" --frames 640 --split 0.28,0.16,0.56 --seed 1 --unlabelled 1200
[[ -f $data/annotations/unlabelled.json ]] || {
    echo "quickstart: $data is of an older version, without unlabelled" \
        "frames; remove it and ${data}_raw, and start again" >&2
    exit 1
}
# What all models start from is trained without fog.
draw "$clear" --frames 600 --split 0.9,0.05,0.05 --seed 77 --weather clear=1

headline "3/5 Train and test teacher, baseline and three students ($seeds seed(s))"
python tools/experiment.py configs/experiments/quickstart.py --seeds "$seeds" \
    --data-root fog="$data" clear="$clear" --work-dir "$work_dir"

headline '4/5 Draw detections side by side'
runs=$work_dir/seed_0
python tools/analysis_tools/compare_detections.py "$data" \
    "$work_dir/pictures" --sees-gated Teacher --models \
    "Teacher=$runs/teacher/test.bbox.json" \
    "Baseline=$runs/baseline/test.bbox.json" \
    "CMKD-MSE=$runs/mse/test.bbox.json" \
    "CMKD-Adv=$runs/adv/test.bbox.json" \
    "LEAP=$runs/leap/test.bbox.json"

headline '5/5 Done'
cat "$work_dir/gap_report.md"
took=$((SECONDS - begin))
cat <<END

Table:    $work_dir/gap_report.html, .md and .json
Pictures: $work_dir/pictures/
Models:   $work_dir/seed_0/{teacher,baseline,mse,adv,leap}/best_*.pth
After the installation this took $((took / 60)) min $((took % 60)) s.
END
