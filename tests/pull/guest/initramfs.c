/* The test machines' /init: loads the modules, mounts the disk, goes there. It is freestanding as
 * the guest's init is, so that a kernel of either architecture starts it. */
#include "system.h"
#include "text.h"

static char list[4096];
static char command_line[8193];

static long read_file(const char *path, char *text, size_t space) {
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY), length = 0, got;
    while ((got = sys(read, fd, text + length, space - 1 - (size_t)length)) > 0) length += got;
    sys(close, fd);
    text[length] = 0;
    return length;
}

static void print(const char *text) {
    sys(write, 2, text, strlen(text));
}

static void must(long result, const char *what) {
    if (result >= 0) return;
    print("initramfs: can't ");
    print(what);
    print("\n");
    sys(reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_POWER_OFF, 0);
}

/* Load each file that /modules names, in its order. */
static void load_modules(void) {
    read_file("/modules", list, sizeof list);
    for (char *name = list, *end; *name; name = end + 1) {
        for (end = name; *end != '\n';) end++;
        *end = 0;
        long fd = sys(openat, AT_FDCWD, name, O_RDONLY);
        must(sys(finit_module, fd, "", 0), name);
        sys(close, fd);
    }
}

static bool is_writable(void) {
    read_file("/proc/cmdline", command_line, sizeof command_line);
    for (const char *at = command_line; *at; at++)
        if (starts_with(at, " rw ") || equal(at, " rw\n")) return true;
    return false;
}

__attribute__((used)) _Noreturn void start(void) {
    char *const arguments[] = {"/sbin/init", NULL}, *const nothing[] = {NULL};
    must(sys(mount, "dev", "/dev", "devtmpfs", 0, ""), "mount /dev");
    must(sys(mount, "proc", "/proc", "proc", 0, ""), "mount /proc");
    load_modules();
    long mounted = -1;
    for (int tries = 0; tries < 100 && mounted < 0; tries++) {
        const struct timespec pause = {0, 50000000};
        mounted = sys(mount, "/dev/vda", "/root", "ext4", is_writable() ? 0 : MS_RDONLY, "");
        if (mounted < 0) sys(nanosleep, &pause, NULL);
    }
    must(mounted, "mount /dev/vda");
    must(sys(umount2, "/proc", 0), "unmount /proc");
    must(sys(umount2, "/dev", 0), "unmount /dev");
    must(sys(chdir, "/root"), "enter /root");
    must(sys(mount, ".", "/", NULL, MS_MOVE, NULL), "move /root");
    must(sys(chroot, "."), "enter /root");
    must(sys(execve, arguments[0], arguments, nothing), "run /sbin/init");
    const struct timespec second = {1, 0};
    for (;;) sys(nanosleep, &second, NULL);
}

ENTRY(start);
