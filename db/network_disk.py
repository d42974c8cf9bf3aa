"""Detect network file systems, on which SQLite's locks are unreliable."""

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
    """Return the type of the network file system that holds `folder`, such as "nfs4", or None if it is on none.

    `mounts` is a list of mounts in the format of /proc/mounts, by default that file itself. If the operating system
    has no such file, the result is None.
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
        if inside and len(mounted) >= len(longest):  # of equal mount points, the last one hides the others
            longest, kind = mounted, fields[2]
    return kind if kind in _NETWORK or kind in _FUSE else None
