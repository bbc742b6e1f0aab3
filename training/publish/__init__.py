"""From a finished run to the weights, the manifest and the card that are served."""
