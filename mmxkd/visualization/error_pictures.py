"""A picture of one mistake of a detector."""
from collections.abc import Sequence

import cv2
import numpy as np

# BGR, distinct also to colour-blind eyes (Okabe and Ito).
_TRUTH, _WRONG = (233, 180, 86), (0, 94, 213)


def draw_error(image: np.ndarray, box: Sequence[float] | None, text: str,
               true_box: Sequence[float] | None = None,
               true_text: str = '') -> np.ndarray:
    """Draw a detection in red, and the object that it concerns in blue.

    Args:
        image (np.ndarray): (H, W, 3) uint8, BGR.
        box (Sequence[float], optional): x1, y1, x2, y2 of the detection;
            None where an object was missed.
        text (str): Its class and score.
        true_box, true_text: Of the object, where there is one.

    Returns:
        np.ndarray: The picture, of the size of ``image``.
    """
    drawn = image.copy()
    if true_box is not None:
        _rectangle(drawn, true_box, true_text, _TRUTH, below=True)
    if box is not None:
        _rectangle(drawn, box, text, _WRONG)
    return drawn


def _rectangle(image: np.ndarray, box: Sequence[float], text: str,
               colour: tuple[int, int, int], below: bool = False) -> None:
    x1, y1, x2, y2 = (round(float(v)) for v in box)
    cv2.rectangle(image, (x1, y1), (x2, y2), colour, 1)
    # Beside the box, where the picture has room for it.
    y = y2 + 11 if below else y1 - 4
    y = min(max(y, 10), image.shape[0] - 3)
    cv2.putText(image, text, (max(x1, 0), y), cv2.FONT_HERSHEY_SIMPLEX, 0.4,
                colour, 1, cv2.LINE_AA)
