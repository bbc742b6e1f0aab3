"""Detects faces with MTCNN's cascade; the memory used does not grow with the picture's size."""

from cv.engine.detect.mtcnn import Detector

__all__ = ["Detector"]
