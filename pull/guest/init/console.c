#include "guest.h"

static int console = 2; /* until it is opened: the one that the kernel gave its init */

/* struct termios of asm-generic/termbits.h has 36 bytes; nothing here looks into it */
static char terminal[64];
static bool terminal_known;

void say_parts(const char *const parts[]) {
    static char line[2 * MAX_PATH_BYTES]; /* one write, so that nothing comes between its parts */
    size_t length = 0;
    static const char name[] = "pyext4 init: ";
    memcpy(line, name, sizeof name - 1);
    length = sizeof name - 1;
    for (; *parts; parts++)
        for (const char *byte = *parts; *byte && length < sizeof line - 1; byte++)
            line[length++] = *byte;
    line[length++] = '\n';
    sys(write, console, line, length);
}

const char *reason(long result) {
    static const struct {
        int number;
        const char *words;
    } known[] = {
        {EPERM, "not permitted"}, {ENOENT, "no such file or directory"}, {EIO, "input/output error"},
        {ENXIO, "no such device"}, {E2BIG, "arguments and environment are too long"},
        {ENOEXEC, "exec format error"}, {ENOMEM, "out of memory"}, {EACCES, "permission denied"},
        {ENOTBLK, "not a disk"}, {EBUSY, "busy"}, {EEXIST, "exists"},
        {ENODEV, "this kernel has no such thing"}, {ENOTDIR, "not a directory"},
        {EISDIR, "is a directory"}, {EINVAL, "invalid argument"}, {ETXTBSY, "open for writing"},
        {ENOSPC, "no space left"}, {EROFS, "read-only filesystem"}, {ENAMETOOLONG, "name too long"},
        {ELOOP, "too many symlinks"}, {EOPNOTSUPP, "not supported"},
        {ENETUNREACH, "network is unreachable"},
    };
    static char other[] = "error 00000";
    static char digits[DECIMAL_SPACE];
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (known[i].number == -result) return known[i].words;
    const char *number = decimal((uint64_t)-result, digits);
    size_t length = strlen(number);
    memcpy(other + 6, number, (length < 5 ? length : 5) + 1);
    other[11] = 0;
    return other;
}

int console_open(void) {
    /* above the three that the entry point gets */
    long fd = sys(openat, AT_FDCWD, "/dev/console", O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (fd < 0) /* a machine without a console */
        fd = sys(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC);
    if (fd >= 0 && fd < 3) fd = sys(fcntl, fd, F_DUPFD_CLOEXEC, 3);
    if (fd < 0) return console;
    console = (int)fd;
    terminal_known = sys(ioctl, console, TCGETS, terminal) == 0;
    return console;
}

void console_restore(void) {
    if (terminal_known) sys(ioctl, console, TCSETS, terminal);
}

void console_drain(void) {
    if (terminal_known) sys(ioctl, console, TCSBRK, 1); /* tcdrain(3) */
}
