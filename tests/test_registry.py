"""Names are found in any scope, and only then imported."""
import subprocess
import sys

import pytest

from mmxkd import registry


@pytest.mark.parametrize(
    'name, kind',
    [('MODELS', 'CrossModalDistill'), ('MODELS', 'FeatureMSELoss'),
     ('MODELS', 'ModalityDetDataPreprocessor'), ('DATASETS', 'STFDataset'),
     ('DATASETS', 'KittiDataset'), ('TRANSFORMS', 'LoadGatedSlices'),
     ('HOOKS', 'SafeCheckpointHook'), ('OPTIM_WRAPPERS', 'Bf16OptimWrapper'),
     ('OPTIM_WRAPPER_CONSTRUCTORS', 'AlternatingOptimWrapperConstructor')])
def test_every_registry_finds_its_names(name, kind):
    own = getattr(registry, name)
    assert own.get(f'mmxkd.{kind}').__module__.startswith('mmxkd.')
    assert own.root.get(f'mmxkd.{kind}') is own.get(kind)


def test_no_model_is_imported_before_it_is_named():
    code = ('import sys, mmxkd, mmxkd.registry; '
            'print([m for m in sys.modules if m.startswith(("mmdet.models", '
            '"mmcv.ops", "mmxkd.models", "mmxkd.losses"))])')
    done = subprocess.run([sys.executable, '-c', code], check=True,
                          capture_output=True, text=True)
    assert done.stdout.strip() == '[]'
