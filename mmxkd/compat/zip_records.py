"""Check sums of a checkpoint, over what PyTorch's own reader gives.

What breaks: ``torch.load`` does not look at the check sums (CRC-32) of the
zip archive that ``torch.save`` writes: a flipped bit in a weight is another
weight. Python's ``zipfile`` does, but it reads in another way: of a record
that one flipped bit marks as a folder it takes the bytes, PyTorch takes
whatever was in memory.
Repair: every record is read with PyTorch's reader and compared with its check
sum before the file is loaded.
Versions: torch <= 2.13. We know of no report.
Can go: when ``torch.load`` compares them.
"""
import os
import zipfile
import zlib

# The largest ratio that deflate can reach is 1032.
_LARGEST_RATIO = 1100
_FOLDER = 0x10


def fault_of_archive(path: str) -> str | None:
    """What is wrong with the zip archive of a checkpoint.

    Args:
        path (str): A file of ``torch.save`` in its zip format.

    Returns:
        str or None: The fault in a few words; None where every record is
        what was written.

    Raises:
        Exception: Of many kinds, where the archive cannot be read at all.
    """
    import torch
    with zipfile.ZipFile(path) as archive:
        records = archive.infolist()
    size = os.path.getsize(path)
    for record in records:
        # Before anything is allocated.
        if (record.external_attr & _FOLDER or record.is_dir()
                or record.header_offset + record.compress_size > size
                or record.file_size > _LARGEST_RATIO * record.compress_size
                or record.compress_type == zipfile.ZIP_STORED
                and record.file_size != record.compress_size):
            return f'the entry of record {record.filename} is damaged'
    reader = torch._C.PyTorchFileReader(path)
    for record in records:
        # PyTorch leaves out the folder that all records are in.
        name = record.filename.partition('/')[2]
        if zlib.crc32(reader.get_record(name)) != record.CRC:
            return f'record {record.filename} does not match its check sum'
    return None
