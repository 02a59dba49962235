#!/usr/bin/env bash
# From nothing to the table of the CMKD paper, on synthetic fog and a CPU.
#
#   bash demo/quickstart.sh [--seeds 1] [--work-dir work_dirs/quickstart]
#
# Installs, draws a data set, trains teacher, baseline, CMKD-MSE and CMKD-Adv
# in the small, evaluates them and saves pictures. What is done is skipped when
# it is run again.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

seeds=1
work_dir=work_dirs/quickstart
while (($#)); do
    case $1 in
    --seeds) seeds=${2:?--seeds needs a number}; shift 2 ;;
    --work-dir) work_dir=${2:?--work-dir needs a folder}; shift 2 ;;
    -h | --help) sed -n '2,8s/^# \{0,1\}//p' "$0"; exit ;;
    *)
        echo "quickstart: unknown option '$1'; known: --seeds, --work-dir" >&2
        exit 2
        ;;
    esac
done
raw=data/stf_synthetic_raw
data=data/stf_synthetic

headline() { printf '\n=== %s\n' "$*"; }

headline '1/5 Install'
bash tools/install.sh
[[ -n ${VIRTUAL_ENV:-} ]] || source .venv/bin/activate
begin=$SECONDS

headline '2/5 Draw road scenes in fog, in the layout of Seeing Through Fog'
if [[ -f $data/manifest.json ]]; then
    echo "$data is there already"
else
    python tools/dataset_converters/synthetic_stf.py "$raw" \
        --frames 1200 --split 0.6,0.1,0.3 --seed 1 --gated rect8
    python tools/dataset_converters/stf.py "$raw" "$data" \
        --train train --val val --test test --num-workers 2
fi

headline "3/5 Train and test teacher, baseline, MSE and Adv ($seeds seed(s))"
python benchmarks/gap_recovered.py --seeds "$seeds" --data-root "$data" \
    --work-dir "$work_dir"

headline '4/5 Draw detections side by side'
runs=$work_dir/seed_0
python tools/analysis_tools/compare_detections.py "$data" \
    "$work_dir/pictures" --sees-gated Teacher --models \
    "Teacher=$runs/teacher/test.bbox.json" \
    "Baseline=$runs/baseline/test.bbox.json" \
    "CMKD-MSE=$runs/mse/test.bbox.json" \
    "CMKD-Adv=$runs/adv/test.bbox.json"

headline '5/5 Done'
cat "$work_dir/gap_report.md"
took=$((SECONDS - begin))
cat <<END

Table:    $work_dir/gap_report.md and .json
Pictures: $work_dir/pictures/
Models:   $work_dir/seed_0/{teacher,baseline,mse,adv}/best_*.pth
After the installation this took $((took / 60)) min $((took % 60)) s.
END
