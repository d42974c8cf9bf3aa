"""What writes ONNX: torch to ONNX, backbone and head in one file, int8."""
