import struct
import sys

import pytest
import torch
from mmengine.runner import CheckpointLoader
from safetensors.torch import load_file, save_file

import mmxkd  # noqa: F401
from mmxkd.compat.safetensors_files import write_safetensors
from mmxkd.errors import CheckpointError

SHARED = torch.arange(6.).reshape(2, 3)
WEIGHTS = {
    'a.weight': SHARED,
    'b.weight': SHARED,
    'transposed': SHARED.T,
    'half': torch.tensor([1.5], dtype=torch.bfloat16),
    'bn.num_batches_tracked': torch.tensor(7),
    'none': torch.ones(0, 2),
}


def load(path):
    return CheckpointLoader.load_checkpoint(str(path), map_location='cpu')


def same(read, written):
    return read.keys() == written.keys() and all(
        torch.equal(read[key], value) and read[key].dtype == value.dtype
        for key, value in written.items())


def test_what_is_written_is_read(tmp_path):
    """Also weights that share memory, which the package alone refuses."""
    path = tmp_path / 'a.safetensors'
    meta = dict(dataset_meta=dict(classes=['car', 'bus']), epoch=3)
    write_safetensors(path, WEIGHTS, meta)
    content = load(path)
    assert content['meta'] == meta
    assert same(content['state_dict'], WEIGHTS)
    assert same(load_file(path), WEIGHTS)


def test_files_of_others_are_read(tmp_path):
    path = tmp_path / 'other.safetensors'
    save_file({'w': torch.ones(2)}, path, metadata=dict(format='pt'))
    assert load(path)['meta'] == {}
    assert same(load(path)['state_dict'], {'w': torch.ones(2)})


@pytest.mark.parametrize('spoil', [
    lambda c: b'', lambda c: c[:5], lambda c: c[:-1], lambda c: c[:60],
    lambda c: struct.pack('<Q', 2**40) + c[8:],
    lambda c: c.replace(b'F32', b'F99'), lambda c: c.replace(b'{', b'[', 1),
    lambda c: b'PK' + c
])
def test_a_damaged_file_is_named(tmp_path, spoil):
    path = tmp_path / 'bad.safetensors'
    write_safetensors(path, {'w': torch.ones(20)}, {})
    path.write_bytes(spoil(path.read_bytes()))
    with pytest.raises(CheckpointError, match=r'bad\.safetensors: damaged'):
        load(path)


@pytest.mark.parametrize('text', ['[1]', '{', '[' * 10**5, '3'])
def test_metadata_that_are_no_dict(tmp_path, text):
    path = tmp_path / 'bad.safetensors'
    save_file({'w': torch.ones(2)}, path, metadata=dict(mmxkd_meta=text))
    with pytest.raises(CheckpointError, match=r'bad\.safetensors'):
        load(path)


def test_a_missing_file_is_a_missing_file(tmp_path):
    with pytest.raises(FileNotFoundError, match='none.safetensors'):
        load(tmp_path / 'none.safetensors')


def test_other_places_are_refused():
    with pytest.raises(CheckpointError, match='a.safetensors: only local'):
        load('https://example.org/a.safetensors')


def test_without_the_package_the_error_says_so(tmp_path, monkeypatch):
    path = tmp_path / 'a.safetensors'
    write_safetensors(path, WEIGHTS, {})
    monkeypatch.setitem(sys.modules, 'safetensors', None)
    for use in (lambda: load(path),
                lambda: write_safetensors(path, WEIGHTS, {})):
        with pytest.raises(CheckpointError, match='a.safetensors: .*'
                           'pip install safetensors'):
            use()
