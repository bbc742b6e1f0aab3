"""Jobs of many images: what comes in, who works on it, and what goes out. Rows are written by cv.services."""
