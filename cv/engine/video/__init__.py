"""Moving pictures: frames sampled from a file, faces followed through them, and one answer for each person."""
