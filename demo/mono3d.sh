#!/usr/bin/env bash
# From nothing to a monocular 3-D detector that LiDAR depth has taught, on
# synthetic streets and a CPU.
#
#   bash demo/mono3d.sh [--work-dir work_dirs/mono3d] [--epochs 2]
#
# Installs, draws streets, trains the teacher (depth), the student (RGB) and the
# student that is taught, with tiny models, and tests the last one: KITTI's AP,
# and one official result file per frame. So few epochs show that the chain
# runs, not what it reaches: benchmarks/mono_gap.py does. Skips what is done.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work_dir=work_dirs/mono3d
epochs=2
while (($#)); do
    case $1 in
    --work-dir) work_dir=${2:?--work-dir needs a folder}; shift 2 ;;
    --epochs) epochs=${2:?--epochs needs a number}; shift 2 ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit ;;
    *)
        echo "mono3d: unknown option '$1'; known: --work-dir, --epochs" >&2
        exit 2
        ;;
    esac
done
data=data/kitti_synthetic

headline() { printf '\n=== %s\n' "$*"; }

headline '1/5 Install'
bash tools/install.sh --with mmdet3d
[[ -n ${VIRTUAL_ENV:-} ]] || source .venv/bin/activate
begin=$SECONDS

headline '2/5 Draw streets in the layout of KITTI, and convert them'
if [[ -f $data/kitti_infos_val.json && -d $data/training/depth_2 ]]; then
    echo "$data is there already"
else
    python tools/dataset_converters/synthetic_kitti.py "$data"
    python tools/dataset_converters/kitti.py "$data" --depth
fi

# train NAME OPTIONS…: one tiny config, unless its best checkpoint is there
train() {
    local out=$work_dir/$1
    if compgen -G "$out/best_*.pth" >/dev/null; then
        echo "$out is trained already"
        return
    fi
    python tools/train.py "configs/monommkd/$1_tiny.py" --work-dir "$out" \
        --resume --seed 0 --cfg-options train_cfg.max_epochs="$epochs" \
        train_cfg.val_interval="$epochs" \
        param_scheduler.1.T_max="$epochs" "${@:2}"
}

headline '3/5 Train the teacher, which sees depth, and the student, which sees RGB'
train teacher
train student

headline '4/5 Train the student again, taught'
train mmkd model.teachers.depth.checkpoint="$work_dir/teacher"

headline '5/5 Test it'
best=$(compgen -G "$work_dir/mmkd/best_*.pth" | head -n 1)
python tools/test.py configs/monommkd/mmkd_tiny.py "$best" \
    --work-dir "$work_dir/test" --out "$work_dir/results"

took=$((SECONDS - begin))
cat <<END

Results: $work_dir/results/data/, one file per frame
Models:  $work_dir/{teacher,student,mmkd}/best_*.pth
After the installation this took $((took / 60)) min $((took % 60)) s.
END
