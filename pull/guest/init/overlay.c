/* The root under an overlay: one image file serves many machines, each with its own changes.
 *
 * The disk or the tmpfs that takes the changes is mounted on /.pyext4, the one directory of the
 * root that is ours. The overlay then moves onto /, over the old root, as in switch_root. The disk
 * stays mounted where no path leads any more, so that it can be made read-only in the end. */
#include "guest.h"

#define ROOM "/.pyext4"

static int disk = -1;

int overlay_disk(void) {
    return disk;
}

static bool done(long result, const char *what, const char *which) {
    if (result < 0) say("overlay: can't ", what, which, ": ", reason(result));
    return result >= 0;
}

/* Drivers may need some time to find their disks. */
static void wait_for(const char *path) {
    for (int tries = 0; tries < 50; tries++) {
        long fd = sys(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
        if (fd >= 0) {
            sys(close, fd);
            return;
        }
        sleep_ms(100);
    }
}

static bool mount_target(const char *target) {
    if (equal(target, "tmpfs"))
        return done(sys(mount, "tmpfs", ROOM, "tmpfs", 0, "mode=0755"), "mount ", target);
    wait_for(target);
    long result = sys(mount, target, ROOM, "ext4", 0, "");
    if (result < 0) {
        say("overlay: can't mount ", target, " as ext4: ",
            result == -EINVAL ? "there is none on it" : reason(result));
        return false;
    }
    disk = (int)sys(openat, AT_FDCWD, ROOM, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return done(disk, "open ", ROOM);
}

/* The overlay's root has the owner and mode of the upper directory: take the lower's. */
static bool make_upper(void) {
    struct statx root;
    long result = sys(mkdirat, AT_FDCWD, ROOM "/upper", 0755);
    if (result == -EEXIST) return true;
    if (!done(result, "make ", ROOM "/upper")) return false;
    return done(sys(statx, AT_FDCWD, "/", 0, STATX_BASIC_STATS, &root), "look at ", "/") &&
           done(sys(fchownat, AT_FDCWD, ROOM "/upper", root.stx_uid, root.stx_gid, 0), "own ",
                ROOM "/upper") &&
           done(sys(fchmodat, AT_FDCWD, ROOM "/upper", root.stx_mode & 07777), "own ",
                ROOM "/upper");
}

static bool make_directory(const char *path) {
    long result = sys(mkdirat, AT_FDCWD, path, 0755);
    return result == -EEXIST || done(result, "make ", path);
}

/* Mount the overlay on a directory of the tmpfs or disk and move there. */
static bool enter(void) {
    static const char *const moved[] = {"/dev", "/proc", "/sys", "/run"};
    static char place[sizeof ROOM "/root" + 8];
    if (!done(sys(mount, "overlay", ROOM "/root", "overlay", 0,
                  "lowerdir=/,upperdir=" ROOM "/upper,workdir=" ROOM "/work"),
              "mount ", "overlay"))
        return false;
    for (size_t i = 0; i < sizeof moved / sizeof *moved; i++) {
        memcpy(place, ROOM "/root", sizeof ROOM "/root" - 1);
        memcpy(place + sizeof ROOM "/root" - 1, moved[i], strlen(moved[i]) + 1);
        long result = sys(mount, moved[i], place, NULL, MS_MOVE, NULL);
        if (result != -EINVAL && result != -ENOENT && !done(result, "move ", moved[i]))
            return false; /* EINVAL: nothing is mounted there */
    }
    return done(sys(chdir, ROOM "/root"), "enter ", ROOM "/root") &&
           done(sys(mount, ".", "/", NULL, MS_MOVE, NULL), "move ", ROOM "/root") &&
           done(sys(chroot, "."), "enter ", "it") && done(sys(chdir, "/"), "enter ", "it");
}

bool overlay_enter(const char *target) {
    /* The kernel may have mounted it writable; nothing has been written yet but the superblock. */
    sys(mount, NULL, "/", NULL, MS_REMOUNT | MS_RDONLY, NULL);
    return mount_target(target) && make_upper() && make_directory(ROOM "/work") &&
           make_directory(ROOM "/root") && enter();
}
