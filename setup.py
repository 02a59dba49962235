"""Packaging of ``mmxkd``: metadata, extras, and ``mmxkd/.mim``.

``mim`` looks for configs and tools in ``mmxkd/.mim`` of the installed package.
A wheel carries copies of them; an editable install gets links in the checkout,
so that nothing goes stale.
"""
import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM = ('configs', 'tools', 'model-index.yml')


def version() -> str:
    """The version in ``mmxkd/version.py``, read without importing it."""
    text = (ROOT / 'mmxkd/version.py').read_text()
    match = re.search(r"^__version__ = '(.+)'$", text, re.M)
    if match is None:
        raise RuntimeError('mmxkd/version.py has no __version__ line')
    return match[1]


def requirements(name: str) -> list[str]:
    """The lines of ``requirements/<name>.txt`` without comments."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text().splitlines()
    lines = [line.split('#')[0].strip() for line in lines]
    return [line for line in lines if line]


class BuildWithMim(build_py):
    """``build_py`` that adds ``mmxkd/.mim``."""

    def run(self) -> None:
        super().run()
        if self.editable_mode:
            self._link(ROOT / 'mmxkd/.mim')
        else:
            self._copy(Path(self.build_lib) / 'mmxkd/.mim')

    @staticmethod
    def _link(mim: Path) -> None:
        mim.mkdir(exist_ok=True)
        for name in MIM:
            link = mim / name
            if link.is_symlink():
                link.unlink()
            link.symlink_to(os.path.relpath(ROOT / name, mim))

    @staticmethod
    def _copy(mim: Path) -> None:
        shutil.rmtree(mim, ignore_errors=True)
        mim.mkdir(parents=True)
        for name in MIM:
            if (ROOT / name).is_dir():
                shutil.copytree(
                    ROOT / name, mim / name,
                    ignore=shutil.ignore_patterns('__pycache__', '*.pyc'))
            else:
                shutil.copy2(ROOT / name, mim / name)


# mmengine, mmcv and mmdet are extras: OpenMMLab's releases and OneDL's have
# the same import names, and pip would write the one over the other.
STACKS = {name: requirements(name) for name in ('openmmlab', 'onedl')}
EXTRAS = {
    name: requirements(name)
    for name in ('tests', 'lint', 'mmrazor', 'mmdet3d', 'safetensors', 'sound',
                 'track', 'compress')
}

setup(
    name='mmxkd',
    version=version(),
    description='Cross-modal knowledge distillation of detectors, '
    'as an OpenMMLab plugin',
    long_description=(ROOT / 'README.md').read_text(encoding='utf-8'),
    long_description_content_type='text/markdown',
    license='Apache-2.0',
    keywords='knowledge distillation, object detection, multi-modal, mmdet',
    classifiers=[
        'Development Status :: 4 - Beta',
        'Intended Audience :: Science/Research',
        'Operating System :: POSIX :: Linux',
        'Programming Language :: Python :: 3.11',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    # Of the tree's directories only the package is installed: a top-level
    # `tests` or `tools` in site-packages would shadow other projects' own.
    packages=find_packages(include=('mmxkd', 'mmxkd.*')),
    python_requires='>=3.11',
    install_requires=requirements('runtime'),
    extras_require={
        **STACKS,
        **EXTRAS,
        # With the stack that has mmrazor and mmdet3d.
        'all': [
            line for lines in (STACKS['openmmlab'], *EXTRAS.values())
            for line in lines
        ],
    },
    cmdclass={'build_py': BuildWithMim},
    zip_safe=False,
)
