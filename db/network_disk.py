"""Whether a folder lies on a network file system, where SQLite's locks cannot be relied on."""

import os
import re
from pathlib import Path

_MOUNTS = Path("/proc/mounts")
_NETWORK = {
    "afs",
    "beegfs",
    "ceph",
    "cifs",
    "davfs",
    "glusterfs",
    "gpfs",
    "lustre",
    "ncpfs",
    "nfs",
    "nfs4",
    "smb3",
    "smbfs",
}
_FUSE = {f"fuse.{name}" for name in ("ceph", "davfs2", "gcsfuse", "glusterfs", "rclone", "s3fs", "sshfs")}


def network_disk(folder: Path, mounts: str | None = None) -> str | None:
    """Return the name of the network file system that `folder` lies on, None where it lies on none.

    `mounts` is what the operating system says of what is mounted, as /proc/mounts has it; where it says nothing,
    nothing is known.
    """
    if mounts is None:
        try:
            mounts = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:
            return None
    place = os.path.realpath(folder)
    longest, kind = "", ""
    for line in mounts.splitlines():
        fields = line.split()
        if len(fields) < 3:
            continue
        mounted = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), fields[1])
        inside = mounted == "/" or place == mounted or place.startswith(f"{mounted}/")
        if inside and len(mounted) >= len(longest):  # the last of equals lies on top
            longest, kind = mounted, fields[2]
    return kind if kind in _NETWORK or kind in _FUSE else None
