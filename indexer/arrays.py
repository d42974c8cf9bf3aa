"""The array types that all rooms share."""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Ids = NDArray[np.int64]
Pixels = NDArray[np.uint8]
Truth = NDArray[np.bool_]
