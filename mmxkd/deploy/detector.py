"""One ONNX file as a detector: pictures in, boxes out."""
import json
from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
import onnxruntime

from . import convdet, ssd
from .boxes import Detections
from .priors import unpack_priors

#: What makes detections of the raw outputs, by the word in the file.
DECODERS = dict(ssd=ssd, convdet=convdet)
#: Of the recipe in a file; another number is another form.
FORMAT = 2
KEY = 'mmxkd'
#: What a recipe holds beside format and head.
PARTS = ('classes', 'priors', 'options', 'resized', 'padded', 'resize_float',
         'mean', 'std', 'to_rgb')


class DeployError(ValueError):
    """A file or a picture that cannot be used; says what was expected."""


class OnnxDetector:
    """A detector that ``tools/export_onnx.py`` has written.

    The file holds the network, its priors, and a recipe: how pictures are
    resized and normalised, and how boxes are chosen.

    Args:
        path (str): The ``.onnx`` file.
        threads (int): Of onnxruntime within one layer.

    Attributes:
        recipe (dict): What the file says beside the network.
        classes (tuple[str, ...]): Names by label.
        priors (np.ndarray): (P, 4) x1, y1, x2, y2 in pixels of the input.

    Raises:
        DeployError: The file is not such a detector.
    """

    def __init__(self, path: str, threads: int = 1) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        try:
            self.session = onnxruntime.InferenceSession(
                path, options, providers=['CPUExecutionProvider'])
        except Exception as error:
            # onnxruntime has an error class for each of its own codes.
            raise DeployError(f'{path}: onnxruntime cannot read it '
                              f'({error})') from error
        self.recipe = self._read_recipe(path)
        self.classes = tuple(self.recipe['classes'])
        self._decoder = DECODERS[self.recipe['head']]
        outputs = self.session.get_outputs()
        names = [output.name for output in outputs]
        if names != list(self._decoder.OUTPUTS):
            raise DeployError(f'{path}: its outputs are {names}, expected '
                              f'{list(self._decoder.OUTPUTS)}: the graph is '
                              'not the one that the recipe was written for')
        try:
            self.priors = unpack_priors(self.recipe.pop('priors'),
                                        outputs[0].shape[1])
        except (TypeError, ValueError) as error:
            raise DeployError(f'{path}: its recipe does not fit its network '
                              f'({error})') from error

    def _read_recipe(self, path: str) -> dict[str, Any]:
        given = self.session.get_modelmeta().custom_metadata_map.get(KEY)
        if given is None:
            raise DeployError(f'{path}: an ONNX file, but not one of '
                              'tools/export_onnx.py: it has no recipe')
        try:
            recipe = json.loads(given)
        except ValueError as error:
            raise DeployError(f'{path}: its recipe is not JSON '
                              f'({error})') from error
        if not isinstance(recipe, dict):
            raise DeployError(f'{path}: its recipe is a '
                              f'{type(recipe).__name__}, expected a dict')
        if (recipe.get('format') != FORMAT
                or recipe.get('head') not in DECODERS):
            raise DeployError(
                f'{path}: recipe of format {recipe.get("format")!r} for head '
                f'{recipe.get("head")!r}, expected format {FORMAT} and one of '
                f'{tuple(DECODERS)}: it is of another version of mmxkd')
        lacking = [name for name in PARTS if name not in recipe]
        if lacking:
            raise DeployError(f'{path}: its recipe has no '
                              f'{", ".join(lacking)}')
        return recipe

    def __call__(self, images: Sequence[np.ndarray]) -> list[Detections]:
        """Detect objects in pictures.

        Args:
            images (Sequence[np.ndarray]): (H, W, 3) uint8 each, blue first,
                as ``cv2.imread`` gives them; of any sizes.

        Returns:
            list[Detections]: In pixels of each picture.

        Raises:
            DeployError: A picture has another form.
        """
        if isinstance(images, np.ndarray) and images.ndim != 4:
            raise DeployError(f'images is one array of shape {images.shape}, '
                              'expected a list of pictures: detector([image])')
        if not len(images):
            return []
        raw = self.raw(np.stack([self.preprocess(i) for i in images]))
        return [
            self._rescaled(self.decode(raw, index), image.shape)
            for index, image in enumerate(images)
        ]

    def preprocess(self, image: np.ndarray) -> np.ndarray:
        """Resize and normalise: (H, W, 3) uint8 to (3, H', W') float32."""
        if not isinstance(image, np.ndarray):
            raise DeployError(
                f'picture is {type(image).__name__}, expected an array; '
                'cv2.imread gives None for a file that it cannot read')
        if (image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8
                or image.size == 0):
            raise DeployError(f'picture of shape {image.shape}, '
                              f'{image.dtype}: expected (H, W, 3), uint8')
        recipe = self.recipe
        if recipe['resize_float']:
            image = image.astype(np.float32)
        height, width = recipe['resized']
        image = cv2.resize(image, (width, height))
        if recipe['to_rgb']:
            image = image[..., ::-1]
        image = ((image.astype(np.float32) - np.float32(recipe['mean']))
                 / np.float32(recipe['std']))
        more = np.subtract(recipe['padded'], recipe['resized'])
        image = np.pad(image, ((0, more[0]), (0, more[1]), (0, 0)))
        return np.ascontiguousarray(image.transpose(2, 0, 1))

    def raw(self, inputs: np.ndarray) -> dict[str, np.ndarray]:
        """The network's outputs for (N, 3, H, W) inputs, by their names."""
        names = self._decoder.OUTPUTS
        return dict(
            zip(names, self.session.run(names, dict(image=inputs)),
                strict=True))

    def decode(self, raw: Mapping[str, np.ndarray], index: int) -> Detections:
        """Detections in picture ``index``, in pixels of the input."""
        own = {name: values[index] for name, values in raw.items()}
        return self._decoder.decode(own, self.priors, self.recipe['options'],
                                    tuple(self.recipe['resized']))

    def _rescaled(self, found: Detections, shape: Sequence[int]) -> Detections:
        height, width = self.recipe['resized']
        scale = np.array([width / shape[1], height / shape[0]], np.float32)
        return found._replace(boxes=found.boxes / np.tile(scale, 2))
