/* The init of a machine that was made from a container image: PID 1 of an image that has none.
 *
 * It mounts what programs expect, starts the entry point as the image says, reaps, passes on
 * requests to end, and turns the machine off when the entry point has ended. It needs nothing from
 * the image but its own boot file: no C library, no shell, no /etc. A failure prints one line on
 * the console and turns the machine off, never a panic. */
#include "guest.h"

#define BOOT_FILE "/.pyext4/boot"

static char boot_text[MAX_FILE_BYTES + 1];
static char command_text[MAX_COMMAND_LINE_BYTES + 1];
static struct boot boot;
static struct command_line words;

/* Read a whole file; returns its length or -errno. */
static long read_file(const char *path, char *text, size_t space) {
    size_t length = 0;
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), got = 0;
    if (fd < 0) return fd;
    while (length < space && (got = sys(read, fd, text + length, space - length)) > 0)
        length += (size_t)got;
    if (got > 0 && sys(read, fd, &(char){0}, 1) > 0) got = -EFBIG;
    sys(close, fd);
    return got < 0 ? got : (long)length;
}

/* Returns 0, or the exit status. */
static int read_boot_file(void) {
    char digits[DECIMAL_SPACE];
    long length = read_file(BOOT_FILE, boot_text, MAX_FILE_BYTES);
    if (length < 0) {
        say("can't read " BOOT_FILE ": ", reason(length));
        return NOT_FOUND;
    }
    const char *problem = boot_parse(&boot, boot_text, (size_t)length);
    if (!problem) return 0;
    say(BOOT_FILE ": line ", decimal(boot.line, digits), ": ", problem);
    return CANNOT_RUN;
}

static int read_command_line(void) {
    long length = read_file("/proc/cmdline", command_text, MAX_COMMAND_LINE_BYTES);
    if (length < 0) {
        say("can't read /proc/cmdline: ", reason(length));
        return CANNOT_RUN;
    }
    const char *problem = command_line_parse(&words, command_text, (size_t)length);
    if (!problem) return 0;
    say("kernel command line: ", words.word, ": ", problem);
    return CANNOT_RUN;
}

static int run(void) {
    /* The command line also says how to end, so it is read before anything can fail. */
    bool has_dev = mount_dev();
    int console = console_open(), problem;
    if (!mount_proc() || (problem = read_command_line()) || !has_dev) return CANNOT_RUN;
    if ((problem = read_boot_file())) return problem;
    if (words.overlay && !overlay_enter(words.overlay)) return CANNOT_RUN;
    mount_rest();
    bool in_memory = words.overlay && overlay_disk() < 0;
    if ((words.grow || boot.grow) && !in_memory) grow_root();
    if (boot.hostname) {
        long result = sys(sethostname, boot.hostname, strlen(boot.hostname));
        if (result < 0) say("can't set the hostname: ", reason(result));
    }
    network_up(&boot.network);
    if (!watch_signals()) return CANNOT_RUN;
    long child = child_start(&boot, &words, console);
    if (child < 0) return child == -ENOENT ? NOT_FOUND : CANNOT_RUN;
    return watch_child(child, boot.stop);
}

static _Noreturn void end(void) {
    bool reboots = words.ending == END_REBOOT ||
                   (words.ending == END_UNSAID && words.keyboard_reboot);
    sys(reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, reboots ? REBOOT_RESTART : REBOOT_POWER_OFF, 0);
    for (;;) sleep_ms(1000); /* an init that returned would be a panic */
}

__attribute__((used)) _Noreturn void start(void) {
    char digits[DECIMAL_SPACE];
    if (sys(getpid) != 1) {
        say("starts a machine and runs as process 1 only");
        for (;;) sys(exit_group, CANNOT_RUN);
    }
    sys(umask, 022);
    sys(chdir, "/");
    int status = run();
    end_the_rest();
    unmount_all();
    console_restore();
    say("exit status ", decimal((uint64_t)status, digits));
    console_drain();
    end();
}

ENTRY(start);
