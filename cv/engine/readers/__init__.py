"""The models that answer about faces, one file a kind of reader."""
