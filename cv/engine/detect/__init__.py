"""Where the faces of a picture stand: MTCNN's cascade, within a budget of memory whatever the picture's size."""

from cv.engine.detect.mtcnn import Detector

__all__ = ["Detector"]
