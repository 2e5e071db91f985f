"""What kind of file system a ledger lies on: locks of other machines are not to be trusted (fault L6)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Mount", "mount_of", "network_warning"]

_MOUNTS = Path("/proc/self/mountinfo")
#: File systems whose files another machine, or the host of a virtual one, may open at the same time.
_SHARED = frozenset({
    "nfs", "nfs4", "cifs", "smb2", "smb3", "smbfs", "ncpfs", "afs", "ceph", "glusterfs", "lustre", "gfs2", "ocfs2",
    "beegfs", "9p", "virtiofs", "vboxsf", "prl_fs", "davfs",
})
#: FUSE file systems that are a disk of this machine.
_LOCAL_FUSE = frozenset({
    "fuse.mergerfs", "fuse.ntfs", "fuse.ntfs-3g", "fuse.exfat", "fuse.fuse-overlayfs", "fuse.lxcfs",
    "fuse.gocryptfs", "fuse.encfs", "fuse.ext2",
})


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """A mounted file system."""

    point: str
    kind: str

    @property
    def shared(self) -> bool:
        """Whether others than this machine may reach it."""
        return self.kind in _SHARED or (self.kind.startswith("fuse.") and self.kind not in _LOCAL_FUSE)


def mount_of(path: Path, table: str | None = None) -> Mount | None:
    """The file system that ``path`` (or the nearest folder above it that is there) lies on; None if unknown.

    ``table``: text in the form of /proc/self/mountinfo; by default this machine's own.
    """
    if table is None:
        try:
            table = _MOUNTS.read_text(encoding="utf-8", errors="surrogateescape")
        except OSError:  # not Linux
            return None
    mounts = [mount for line in table.splitlines() if (mount := _parsed(line)) is not None]
    where = path.resolve()
    over = [mount for mount in mounts if where.is_relative_to(mount.point)]
    # Of several on one point the last one mounted covers the others.
    return max(enumerate(over), key=lambda each: (len(each[1].point), each[0]), default=(0, None))[1]


def network_warning(path: Path, table: str | None = None) -> str | None:
    """What to tell of a ledger on a file system of other machines; None where there is nothing to tell."""
    mount = mount_of(path, table)
    if mount is None or not mount.shared:
        return None
    return (
        f"{path}: the ledger lies on {mount.point}, a network or shared file system ({mount.kind}). Its locks may not "
        "hold between machines: two runs at once could damage the ledger or pay twice. Run from one machine only, or "
        "put the ledger on a local disk with --ledger."
    )


def _parsed(line: str) -> Mount | None:
    """One line of mountinfo: ``id parent major:minor root POINT options... - KIND source options``."""
    before, dash, after = line.partition(" - ")
    fields = before.split(" ")
    if not dash or len(fields) < 5 or not after:
        return None
    point = re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), fields[4])
    return Mount(point=point, kind=after.split(" ", 1)[0])
