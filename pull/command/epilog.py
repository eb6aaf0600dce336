"""What `--help` says before and after the options."""

from __future__ import annotations

from typing import Final

__all__ = ["DESCRIPTION", "EPILOG"]

DESCRIPTION: Final = """\
Pull a container image and write it as an ext4 filesystem: complete, writable, and without root.
"""

EPILOG: Final = """\
references:
  debian:12                          Docker Hub
  ghcr.io/owner/name@sha256:...      any registry, by digest
  oci:DIR[:TAG|:@N]                  an OCI layout in a directory; @0 is its first image
  oci-archive:FILE[:TAG|:@N]         the same in a tar archive
  docker-archive:FILE[:NAME|:@N]     what docker save writes
  -                                  either archive on standard input

sizes take the units K, M, G, T (also KiB, MiB, ...), which are powers of 1024.

examples:
  %(prog)s debian:12 debian.ext4
  %(prog)s --free 2G --label rootfs ubuntu:24.04 ubuntu.ext4
  %(prog)s --platform linux/arm64 alpine alpine.ext4
  %(prog)s oci:./layout:v1 image.ext4
  docker save my/image | %(prog)s - image.ext4
  %(prog)s --list alpine
  %(prog)s --add ./init:/sbin/init:755 --tar flat.tar alpine alpine.ext4
  %(prog)s --exclude /usr/share/doc --exclude '*.pyc' debian:12 small.ext4
  %(prog)s --map-owner 0:100000:65536 --add-text /etc/hostname=box debian:12 box.ext4
  %(prog)s --size-report debian:12
  %(prog)s --boot python:3.12-slim app.ext4
  %(prog)s --onto debian.ext4 my/image my-image.qcow2
  %(prog)s --inspect python:3.12-slim
  %(prog)s --username me --password-stdin registry.example/app app.ext4 <password-file

pull uses the logins of docker, podman and skopeo. $PYEXT4_CACHE is the directory for downloads
unless --cache-dir names one. $SOURCE_DATE_EPOCH sets the times of the filesystem itself and caps
those of --add. Without it they come from the image. Equal images give equal bytes.

Exit status: 0 done, 1 failed for good, 2 wrong usage, 75 failed but worth another try (no
connection, or the server answered 408, 425, 429 or 5xx), 129 hung up, 130 interrupted,
143 terminated. With --json, standard output has errors too. OUT.ext4 is replaced as a whole, or
stays as it was. If the reader of standard output leaves early, that is a failure; if standard error
can't be written, it is not. Signals that are ignored at the start, as with nohup, stay ignored.
"""
