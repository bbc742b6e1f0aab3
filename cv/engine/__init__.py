"""Pure vision: bytes in, described faces out. Imports no Django."""

import os

# The official builds of ONNX Runtime report their use to Microsoft over HTTPS unless this is set before the import.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
