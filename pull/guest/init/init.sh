#!/bin/sh
# The init of a machine for images with /bin/sh and mount, if no init was compiled for their
# architecture. It does most of what init.c does, and says what it can't do: an overlay, and limits
# other than nofile. A user other than root needs setpriv or GNU chroot in the image.
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
boot=/.pyext4/boot
child='' ending=poweroff overlay='' grow=''

exec 3>&2 # until /dev/console is there

say() { echo "pyext4 init: $*" >&3; }
have() { command -v "$1" >/dev/null 2>&1; }

# Look for other processes: kernel threads and ended processes have no command line.
has_others() {
    for process in /proc/[0-9]*; do
        line=''
        [ "$process" = /proc/1 ] || read -r line <"$process/cmdline"
        [ -z "$line" ] || return 0
    done 2>/dev/null
    return 1
}

# Turn the machine off; $1 is the exit status.
end() {
    kill -TERM -1 2>/dev/null
    for _ in 1 2 3 4 5; do
        has_others || break
        sleep 1
    done
    kill -KILL -1 2>/dev/null
    have sync && sync
    mount -o remount,ro / || say "can't make the root read-only"
    say "exit status $1"
    if [ "$ending" = reboot ]; then key=b; else key=o; fi
    have "$ending" && "$ending" -f
    echo "$key" >/proc/sysrq-trigger
    while :; do sleep 1; done # an init that returned would be a panic
}

die() {
    status=$1
    shift
    say "$*"
    end "$status"
}

mount_on() { # TYPE PATH OPTIONS
    mkdir -p "$2" 2>/dev/null
    while read -r _ path _; do
        [ "$path" != "$2" ] || return 0
    done 2>/dev/null </proc/mounts
    mount -t "$1" -o "$3" "$1" "$2" 2>&3 || say "can't mount $1 on $2"
}

is_empty() {
    for entry in "$1"/* "$1"/.[!.]*; do
        [ ! -e "$entry" ] && [ ! -L "$entry" ] || return 1
    done
}

# Split a line of the boot file into $key and $value.
statement() {
    key=${1%% *} value=${1#* }
    [ "$value" != "$1" ] || value=
    case $value in
    *\\*)
        value=$(printf '%b.' "$value")
        value=${value%.}
        ;;
    esac
}

mount_on devtmpfs /dev nosuid,mode=0755
exec 3<>/dev/console
mount_on proc /proc nosuid,nodev,noexec

[ -r $boot ] || die 127 "can't read $boot: no such file or directory"
read -r line <$boot
[ "$line" = "pyext4-boot 1" ] || die 126 "$boot: line 1: not pyext4-boot 1: made for another init"

# `--` ends the kernel's words; the words after it replace the command
read -r words </proc/cmdline
replaced=''
case " $words " in
*' -- '*)
    replaced=${words#*-- } words=${words%%-- *}
    ;;
esac
for word in $words; do
    case $word in
    reboot=k* | reboot=*,k*) ending=reboot ;;
    esac
done
for word in $words; do
    case $word in
    pyext4.overlay=*) overlay=${word#*=} ;;
    pyext4.grow) grow=1 ;;
    pyext4.end=poweroff | pyext4.end=reboot) ending=${word#*=} ;;
    pyext4.*) die 126 "kernel command line: $word: unknown" ;;
    esac
done
[ -z "$overlay" ] || die 126 "overlay: the init that is a shell script has none"

mount_on sysfs /sys nosuid,nodev,noexec
mount_on cgroup2 /sys/fs/cgroup nosuid,nodev,noexec
mount_on devpts /dev/pts nosuid,noexec,mode=0620,gid=5,ptmxmode=0666
mount_on tmpfs /dev/shm nosuid,nodev,mode=1777
is_empty /run && mount_on tmpfs /run nosuid,nodev,mode=0755
is_empty /tmp && mount_on tmpfs /tmp nosuid,nodev,mode=1777
for pair in fd:fd stdin:fd/0 stdout:fd/1 stderr:fd/2; do
    [ -e "/dev/${pair%%:*}" ] || ln -s "/proc/self/${pair##*:}" "/dev/${pair%%:*}"
done
echo 0 >/proc/sys/kernel/ctrl-alt-del # from now on it is SIGINT

uid=0 gid=0 groups='' cwd=/ stop=15 number=0
set -- env -i
while IFS= read -r line; do
    number=$((number + 1))
    statement "$line"
    case $key in
    pyext4-boot | entry | cmd) ;;
    env) set -- "$@" "$value" ;;
    user) uid=${value% *} gid=${value#* } ;;
    group) groups=$groups,$value ;;
    cwd) cwd=$value ;;
    stop) stop=$value ;;
    hostname) echo "$value" >/proc/sys/kernel/hostname ;;
    grow) grow=1 ;;
    net) net=$value ;;
    rlimit)
        hard=${value##* } name=${value%% *}
        soft=${value#* } soft=${soft% *}
        if [ "$name" = nofile ]; then
            ulimit -H -n "$hard" && ulimit -S -n "$soft"
        else
            say "limit $name: not set by the init that is a shell script"
        fi
        ;;
    *) die 126 "$boot: line $number: unknown key" ;;
    esac
done <$boot
while IFS= read -r line; do
    statement "$line"
    [ "$key" != entry ] || set -- "$@" "$value"
done <$boot
if [ -n "$replaced" ]; then
    set -f # a word is not a pattern
    for word in $replaced; do set -- "$@" "$word"; done
    set +f
else
    while IFS= read -r line; do
        statement "$line"
        [ "$key" != cmd ] || set -- "$@" "$value"
    done <$boot
fi

if have ip; then
    ip link set lo up
    if [ -n "${net-}" ]; then
        ip address add "${net%% *}" dev eth0 && ip link set eth0 up ||
            say "can't configure eth0"
        case $net in *' '*) ip route add default via "${net#* }" || say "can't add a route" ;; esac
    fi
elif have ifconfig; then
    ifconfig lo up
    [ -z "${net-}" ] || say "can't configure eth0: the image has no ip"
fi
if [ -n "$grow" ]; then
    while read -r device path _; do
        [ "$path" != / ] || root=$device
    done </proc/mounts
    have resize2fs && resize2fs "${root-}" >/dev/null || say "can't grow the root with resize2fs"
fi

if [ "$uid:$gid$groups" != 0:0 ]; then
    case $(have chroot && chroot --help 2>&1) in
    *--userspec*) gnu_chroot=1 ;;
    *) gnu_chroot='' ;;
    esac
    groups=${groups#,}
    case $(have setpriv && setpriv --help 2>&1) in
    *--reuid*)
        if [ -n "$groups" ]; then
            set -- setpriv --reuid "$uid" --regid "$gid" --groups "$groups" "$@"
        else
            set -- setpriv --reuid "$uid" --regid "$gid" --clear-groups "$@"
        fi
        ;;
    *)
        [ -n "$gnu_chroot" ] || die 126 "can't run as user $uid: no setpriv and no GNU chroot"
        set -- chroot --skip-chdir "--userspec=$uid:$gid" "--groups=$groups" / "$@"
        ;;
    esac
    have chown && chown "$uid" /dev/console
fi
have setsid && set -- setsid -c "$@"

mkdir -p "$cwd" && cd "$cwd" || die 126 "can't enter $cwd"
trap '[ -z "$child" ] || kill -"$stop" "$child"' TERM INT PWR
"$@" <&3 >&3 2>&3 3>&- &
child=$!
while :; do
    wait "$child"
    status=$?
    kill -0 "$child" 2>/dev/null || break # else it was a signal of ours that ended the wait
done
cd /
end "$status"
