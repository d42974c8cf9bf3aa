"""timm's networks by name: weights of files, and no network connection."""

import socket
from pathlib import Path

import pytest
import torch

from hashtag_archive.encoder import EncoderError
from hashtag_archive.encoder.pretrained import timm_networks
from hashtag_archive.encoder.pretrained.registry import load_pretrained
from hashtag_archive.encoder.pretrained.vision import torchvision_models
from hashtag_archive.indexer.progress import silent
from tests.encoder.pretrained.test_by_name import batches

torchvision_models()  # timm imports torchvision, which may lack operators
timm = pytest.importorskip("timm", reason="timm is not installed")
constants = pytest.importorskip("huggingface_hub.constants", reason="timm is not installed")


def test_timm_without_weights_and_network_ends_in_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise ConnectionError("no route\nto the hub")

    monkeypatch.setattr(timm, "create_model", refuse)
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))  # bound, not listening: connections are refused
        monkeypatch.setattr(constants, "ENDPOINT", f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(
            EncoderError, match=r"timm:resnet18: not downloaded.*--weights.*Connection refused"
        ):
            load_pretrained("timm:resnet18", None, 200, batches, 0, silent)
    monkeypatch.setattr(timm_networks, "_hub_obstacle", lambda: None)
    with pytest.raises(EncoderError, match=r"timm:resnet18: not downloaded.*\(no route to the hub\)$"):
        load_pretrained("timm:resnet18", None, 200, batches, 0, silent)
    (tmp_path / "w.pth").write_bytes(b"junk")
    with pytest.raises(EncoderError, match=r"w\.pth: not the weights of timm's resnet18"):
        load_pretrained("timm:resnet18", str(tmp_path / "w.pth"), 200, batches, 0, silent)


@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_timms_weights_are_loaded_from_a_file(ending: str, tmp_path: Path) -> None:
    from safetensors.torch import save_file

    saved = timm.create_model("test_vit", pretrained=False)
    path = tmp_path / f"mine.{ending}"
    save_file(saved.state_dict(), path) if ending == "safetensors" else torch.save(saved.state_dict(), path)
    made = load_pretrained("timm:test_vit", str(path), 200, batches, 0, silent)
    assert made.spec.name == "timm:test_vit.r160_in1k-mine"
    loaded = made.backbone.network.state_dict()
    torch.testing.assert_close(
        loaded["patch_embed.proj.weight"], saved.state_dict()["patch_embed.proj.weight"]
    )


def test_a_file_of_another_networks_weights_is_refused(tmp_path: Path) -> None:
    torch.save({"some.other": torch.zeros(3)}, tmp_path / "alien.pth")
    with pytest.raises(EncoderError, match=r"alien\.pth: not the weights of timm's test_vit"):
        load_pretrained("timm:test_vit", str(tmp_path / "alien.pth"), 200, batches, 0, silent)
    fewer = timm.create_model("test_vit", pretrained=False).state_dict()
    del fewer["blocks.0.attn.qkv.weight"]
    torch.save(fewer, tmp_path / "fewer.pth")
    with pytest.raises(EncoderError, match=r"fewer\.pth: not the weights of timm's test_vit"):
        load_pretrained("timm:test_vit", str(tmp_path / "fewer.pth"), 200, batches, 0, silent)


@pytest.mark.parametrize("name", ["timm:resnt18", "timm:resnet18.bogus"])
def test_an_unknown_network_or_set_of_weights_is_refused_with_those_that_are_close(name: str) -> None:
    with pytest.raises(EncoderError, match=r"timm has no network '.*'; did you mean resnet18"):
        load_pretrained(name, "none", 200, batches, 0, silent)
