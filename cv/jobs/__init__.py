"""Jobs of many images: their inputs, progress and results. cv.services writes the rows."""
