"""One file a training run."""
