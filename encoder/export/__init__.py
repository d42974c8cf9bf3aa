"""Write ONNX files: from torch, as one file of backbone and head, as int8."""
