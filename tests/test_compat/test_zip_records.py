import struct
import zipfile

import pytest
import torch

from mmxkd.compat.checkpoint_io import read_checkpoint
from mmxkd.compat.zip_records import fault_of_archive
from mmxkd.errors import CheckpointError

ENTRY = b'PK\x01\x02'


@pytest.fixture
def path(tmp_path):
    path = tmp_path / 'a.pth'
    torch.save(
        dict(state_dict=dict(w=torch.full((16, ), 3.), none=torch.ones(0))),
        path)
    return path


def entry_of_weights(content: bytes) -> int:
    """Where the directory's entry of the 64 bytes of ``w`` begins."""
    place = content.index(ENTRY)
    while struct.unpack_from('<I', content, place + 24)[0] != 64:
        place = content.index(ENTRY, place + 1)
    return place


def change(path, offset, code, value):
    """Overwrite a field of that entry."""
    content = bytearray(path.read_bytes())
    struct.pack_into(code, content, entry_of_weights(content) + offset, value)
    path.write_bytes(content)


def test_a_whole_file_has_no_fault(path):
    assert fault_of_archive(str(path)) is None
    assert float(read_checkpoint(str(path))['state_dict']['w'].sum()) == 48


def test_a_flipped_bit_of_a_weight_is_noticed(path):
    """PyTorch itself would load it."""
    content = bytearray(path.read_bytes())
    content[content.index(struct.pack('<f', 3.) * 16) + 5] ^= 1
    path.write_bytes(content)
    assert float(torch.load(path,
                            weights_only=True)['state_dict']['w'].sum()) != 48
    with pytest.raises(CheckpointError,
                       match='a.pth: record a/data/0 does not match'):
        read_checkpoint(str(path))


def test_the_mark_of_a_folder_is_noticed(path):
    """``zipfile`` reads the record, PyTorch what was in memory."""
    change(path, 38, '<I', 0x10)
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
    with pytest.raises(CheckpointError,
                       match='the entry of record a/data/0 is damaged'):
        read_checkpoint(str(path))


@pytest.mark.parametrize('offset, value', [(20, 0), (24, 2**31), (42, 2**30)])
def test_wrong_sizes_are_noticed_before_they_are_allocated(
        path, offset, value, monkeypatch):
    change(path, offset, '<I', value)
    monkeypatch.setattr(torch._C, 'PyTorchFileReader', None)
    assert fault_of_archive(
        str(path)) == ('the entry of record a/data/0 is damaged')
