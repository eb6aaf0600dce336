#!/bin/sh
# Installs the programs that judge this project, from Debian packages, where it is root on Debian;
# elsewhere it says what is missing and succeeds: the tests that need those programs are skipped.
# `install.sh --python` does the same for what building and running takes.
set -eu

builders="python3:python3 cc:gcc"
judges="e2fsck:e2fsprogs mke2fs:e2fsprogs debugfs:e2fsprogs docker-registry:docker-registry
sfdisk:fdisk qemu-img:qemu-utils
skopeo:skopeo umoci:umoci mmdebstrap:mmdebstrap 7zz:7zip grub-fstest:grub-common
bsdtar:libarchive-tools mtree:mtree-netbsd setfacl:acl getfattr:attr setcap:libcap2-bin
setpriv:util-linux mount:mount losetup:mount sfdisk:fdisk mkfs.xfs:xfsprogs openssl:openssl cpio:cpio busybox:busybox-static
qemu-system-x86_64:qemu-system-x86 qemu-system-aarch64:qemu-system-arm gcc:gcc readelf:binutils
 aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu lz4:lz4 tree:tree ssh:openssh-client veritysetup:cryptsetup-bin dmsetup:dmsetup groff:groff-base tmux:tmux git:git qemu-img:qemu-utils
unshare:util-linux nsenter:util-linux tar:tar"

[ "${1-}" = --python ] && wanted=$builders || wanted=$judges
PATH=$PATH:/usr/sbin:/sbin
missing= packages=
for pair in $wanted; do
    command -v "${pair%%:*}" >/dev/null && continue
    missing="$missing ${pair%%:*}"
    packages="$packages ${pair##*:}"
done
# Debian keeps these apart from python3. The judges include Debian's own Python: an ordinary user
# runs the program, who may not be able to run the Python that is first on root's PATH.
[ "${1-}" = --python ] && python=python3 || python=/usr/bin/python3
if command -v "$python" >/dev/null; then
    "$python" -c 'import ensurepip' 2>/dev/null || missing="$missing venv" packages="$packages python3-venv"
    "$python" -c 'import os, sysconfig
open(os.path.join(sysconfig.get_path("include"), "Python.h")).close()' 2>/dev/null ||
        missing="$missing Python.h" packages="$packages python3-dev"
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not installed:$missing" >&2
    echo "on Debian, as root: apt-get install$(printf ' %s\n' $packages | sort -u | tr -d '\n')" >&2
    exit 0
fi

# no service is to start because its package was installed
if [ ! -e /usr/sbin/policy-rc.d ]; then
    trap 'rm -f /usr/sbin/policy-rc.d' EXIT
    printf '#!/bin/sh\nexit 101\n' >/usr/sbin/policy-rc.d
    chmod +x /usr/sbin/policy-rc.d
fi
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq install -y --no-install-recommends $packages </dev/null
