"""Pretrained networks by name, as torch modules: ResNet50, EfficientNet-Lite, torchvision's and timm's."""
