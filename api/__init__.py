"""The REST interface under /api/v1: it validates, hands over to cv.services, and serializes."""
