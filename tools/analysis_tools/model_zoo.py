"""Write docs/model_zoo.md: all models of model-index.yml, as one page.

    python tools/analysis_tools/model_zoo.py

What a model learns from is read from its config; results and weights are
those of its metafile. Run it again after you change one of them; a test
compares.
"""
import argparse
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

from mmengine.config import Config
from mmengine.fileio import load

import mmxkd  # noqa: F401
from mmxkd.io.atomic import write_bytes

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / 'docs/model_zoo.md'
HEAD = '''# Model zoo

`python tools/analysis_tools/model_zoo.py` writes this page from the metafiles
in `configs/*/metafile.yml`, which `mim` reads too. Train a model with
`python tools/train.py CONFIG`, and test it with
`python tools/test.py CONFIG CHECKPOINT`. Many have a `*_tiny.py` beside them:
the same with a tiny model, for synthetic data and a CPU.
'''


def collections_of(root: Path) -> Iterator[tuple[dict, list[dict]]]:
    """Each collection with its models, in the order of the index."""
    for file in load(root / 'model-index.yml')['Import']:
        meta = load(root / file)
        for collection in meta['Collections']:
            yield collection, [
                model for model in meta['Models']
                if model['In Collection'] == collection['Name']
            ]


def section(collection: Mapping, models: list[dict], root: Path,
            page: Path) -> str:
    """The part of the page of one collection.

    Args:
        collection (dict): Of a metafile.
        models (list[dict]): Its models.
        root (Path): Root of the repository.
        page (Path): The page that links are relative to.
    """
    meta, paper = collection.get('Metadata', {}), collection.get('Paper')
    lines = [f'## {collection["Name"]}', '']
    if paper:
        lines += [f'[{paper["Title"]}]({paper["URL"]}).', '']
    for key, values in meta.items():
        values = values if isinstance(values, list) else [values]
        lines.append(f'- {key}: {", ".join(map(str, values))}')
    readme = collection['README']
    lines += [
        f'- How to use it, and what is published: [{readme}]'
        f'({link(root / readme, page)})', ''
    ]
    lines += [
        '| model | config | learns from | results | weights |',
        '|---|---|---|---|---|'
    ]
    for model in models:
        config = root / model['Config']
        cfg = Config.fromfile(config, import_custom_modules=False)
        cells = (model['Name'], f'[{config.name}]({link(config, page)})',
                 teaching(cfg), results(model), weights(model))
        lines.append('| ' + ' | '.join(cells) + ' |')
    return '\n'.join(lines) + '\n'


def link(target: Path, page: Path) -> str:
    """A path relative to the page's folder."""
    return Path(os.path.relpath(target, page.parent)).as_posix()


def teaching(cfg: Mapping) -> str:
    """What the model of a config learns from.

    Examples:
        >>> teaching(dict(model=dict(type='FCOS')))
        'labels'
    """
    data = cfg.get('train_dataloader', {}).get('dataset', {})
    pseudo = 'pseudo' in Path(data.get('ann_file') or '').stem
    parts = ["teachers' labels" if pseudo else 'labels']
    if data.get('unlabelled'):
        labels = cfg['model']['distiller']['labels'].values()
        found = {
            name for entry in labels
            for name in entry.get('teachers') or [entry['teacher']]
        }
        parts = [
            'no labels but boxes of ' +
            (f'{len(found)} teachers' if len(found) > 1 else 'the teacher')
        ]
    for dataset in data.get('datasets', ()):
        if any(step.get('source') == 'teacher' for step in dataset.pipeline):
            parts.append("a teacher's labels")
    teachers = cfg['model'].get('teachers') or {}
    names = [f'`{Path(t["cfg"]).name}`' for t in teachers.values()]
    if names:
        losses = cfg['model']['distiller']['losses'].values()
        kinds = dict.fromkeys(loss['type'].split('.')[-1] for loss in losses)
        parts.append(', '.join(names) + ' by ' + ', '.join(f'`{kind}`'
                                                           for kind in kinds))
    return '; '.join(parts)


def results(model: Mapping) -> str:
    """The results of a metafile's model, in words.

    Examples:
        >>> results(dict(Results=[dict(Dataset='COCO',
        ...                            Metrics={'box AP': 37.4})]))
        'COCO: box AP 37.4'
    """
    return '; '.join(f'{result["Dataset"]}: '
                     + ', '.join(f'{name} {value}'
                                 for name, value in result['Metrics'].items())
                     for result in model.get('Results', ())) or 'none yet'


def weights(model: Mapping) -> str:
    """A link to the weights of a metafile's model, if it has any."""
    return f'[file]({model["Weights"]})' if 'Weights' in model else 'none'


def page_of(root: Path = ROOT, page: Path = PAGE) -> str:
    """The whole page."""
    parts = [HEAD]
    parts += [
        section(collection, models, root, page)
        for collection, models in collections_of(root)
    ]
    return '\n'.join(parts)


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--out', type=Path, default=PAGE, metavar='FILE',
                        help='page to write (default: docs/model_zoo.md)')
    out = parser.parse_args().out.resolve()
    write_bytes(out, page_of(page=out).encode())


if __name__ == '__main__':
    main()
