"""Exports are slow: one of each family serves all tests."""
import pytest

pytest.importorskip('onnxscript', reason='needs the extra compress')


@pytest.fixture(scope='session', params=['shuffledet', 'ssdlite'])
def exported(request, repo, tmp_path_factory):
    """Folder, model, config and path of an exported detector."""
    from mmxkd.export.onnx_file import export_onnx, read_detector
    from tests.helpers.onnx_case import write_case
    root = tmp_path_factory.mktemp(request.param) / 'case'
    config, checkpoint = write_case(root, repo, request.param)
    model, cfg, classes = read_detector(str(config), str(checkpoint))
    path = str(root / 'detector.onnx')
    export_onnx(model, cfg, classes, path)
    return root, model, cfg, path
