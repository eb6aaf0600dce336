#include "guest.h"

enum { PSEUDO = MS_NOSUID | MS_NODEV | MS_NOEXEC };

/* Mount `type` on `path`, which is created if the filesystem allows it. */
static long mount_on(const char *path, const char *type, unsigned flags, const char *options) {
    sys(mkdirat, AT_FDCWD, path, 0755);
    long result = sys(mount, type, path, type, flags, options);
    return result == -EBUSY ? 0 : result; /* the kernel or an initramfs has already mounted it */
}

static bool needed(const char *path, const char *type, unsigned flags, const char *options) {
    long result = mount_on(path, type, flags, options);
    if (result < 0) say("can't mount ", type, " on ", path, ": ", reason(result));
    return result == 0;
}

bool mount_dev(void) {
    static const char *const links[][2] = {
        {"/proc/self/fd", "/dev/fd"},
        {"/proc/self/fd/0", "/dev/stdin"},
        {"/proc/self/fd/1", "/dev/stdout"},
        {"/proc/self/fd/2", "/dev/stderr"},
    };
    if (!needed("/dev", "devtmpfs", MS_NOSUID, "mode=0755")) return false;
    for (size_t i = 0; i < sizeof links / sizeof *links; i++)
        sys(symlinkat, links[i][0], AT_FDCWD, links[i][1]);
    return true;
}

bool mount_proc(void) {
    return needed("/proc", "proc", PSEUDO, "");
}

static bool is_empty(const char *path) {
    _Alignas(struct linux_dirent64) char entries[1024];
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), length;
    bool empty = true;
    if (fd < 0) return true;
    while (empty && (length = sys(getdents64, fd, entries, sizeof entries)) > 0) {
        for (long at = 0; at < length;) {
            const struct linux_dirent64 *entry = (const void *)(entries + at);
            if (!equal(entry->d_name, ".") && !equal(entry->d_name, "..")) empty = false;
            at += entry->d_reclen;
        }
    }
    sys(close, fd);
    return empty;
}

void mount_rest(void) {
    static const struct {
        const char *path, *type;
        unsigned flags;
        const char *options;
        /* An image may have put things there, as postgres does into /run: a container sees them. */
        bool if_empty;
    } mounts[] = {
        {"/sys", "sysfs", PSEUDO, "", false},
        {"/sys/fs/cgroup", "cgroup2", PSEUDO, "nsdelegate", false},
        {"/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "mode=0620,gid=5,ptmxmode=0666", false},
        {"/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", false},
        {"/dev/mqueue", "mqueue", PSEUDO, "", false},
        {"/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755", true},
        {"/tmp", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777", true},
    };
    for (size_t i = 0; i < sizeof mounts / sizeof *mounts; i++) {
        if (mounts[i].if_empty && !is_empty(mounts[i].path)) continue;
        long result =
            mount_on(mounts[i].path, mounts[i].type, mounts[i].flags, mounts[i].options);
        if (result < 0 && result != -ENODEV) /* the kernel was built without it */
            say("can't mount ", mounts[i].type, " on ", mounts[i].path, ": ", reason(result));
    }
}

/* Replace the octal escapes of /proc/mounts (`\040` is a blank), in place. */
static void unescape(char *path) {
    char *out = path;
    while (*path) {
        if (path[0] == '\\' && path[1] && path[2] && path[3]) {
            *out++ = (char)((path[1] - '0') << 6 | (path[2] - '0') << 3 | (path[3] - '0'));
            path += 4;
        } else {
            *out++ = *path++;
        }
    }
    *out = 0;
}

/* Fill `paths` with the mount points of /proc/mounts, in the order in which they were mounted. */
static size_t mount_points(char *text, size_t space, char **paths, size_t most) {
    size_t length = 0, count = 0;
    long fd = sys(openat, AT_FDCWD, "/proc/mounts", O_RDONLY | O_CLOEXEC), got;
    if (fd < 0) return 0;
    while (length < space - 1 && (got = sys(read, fd, text + length, space - 1 - length)) > 0)
        length += (size_t)got;
    sys(close, fd);
    text[length] = 0;
    while (*text && count < most) { /* SOURCE PATH TYPE OPTIONS 0 0 */
        while (*text && *text != ' ') text++;
        if (!*text) break;
        char *path = ++text;
        while (*text && *text != ' ') text++;
        if (!*text) break;
        *text++ = 0;
        while (*text && *text++ != '\n') continue;
        unescape(path);
        paths[count++] = path;
    }
    return count;
}

static void make_read_only(const char *path, const char *name) {
    long result = sys(mount, NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    if (result < 0) say("can't make ", name, " read-only: ", reason(result));
}

void unmount_all(void) {
    static char text[1 << 18];
    static char *paths[4096];
    size_t count = mount_points(text, sizeof text, paths, sizeof paths / sizeof *paths);
    sys(chdir, "/");
    while (count--) {
        const char *path = paths[count];
        if (equal(path, "/") || equal(path, "/dev") || equal(path, "/proc")) continue;
        if (sys(umount2, path, 0) < 0) sys(mount, NULL, path, NULL, MS_REMOUNT | MS_RDONLY, NULL);
    }
    make_read_only("/", "the root");
    if (overlay_disk() >= 0 && sys(fchdir, overlay_disk()) == 0)
        make_read_only(".", "the overlay's disk");
    sys(sync);
}
