/* The entry point of the test images: each argument is something to do.
 *
 *   facts          print who and where it is
 *   raw            leave the terminal as a full-screen program would that crashed
 *   statfs         print the size of / in bytes
 *   write PATH     make a file that says "kept"
 *   read PATH      print what is in a file
 *   orphans N      leave N ended processes to the init, and count those that nobody reaps
 *   wait N         wait for signal N
 *   ask N          ask the init to end the machine, and wait for signal N
 *   leave PATH     start a process that outlives this one and writes a file
 *   raise N        send signal N to itself
 *   exit N         end with status N
 */
#include "system.h"
#include "text.h"

static char buffer[65536];

static void print(const char *text) {
    sys(write, 1, text, strlen(text));
}

static void print_number(const char *name, uint64_t number) {
    char digits[DECIMAL_SPACE];
    print(name);
    print(decimal(number, digits));
    print("\n");
}

static void print_text(const char *name, const char *text) {
    print(name);
    print(text);
    print("\n");
}

static unsigned number(const char *text) {
    unsigned value = 0;
    while (*text) value = value * 10 + (unsigned)(*text++ - '0');
    return value;
}

static void print_file(const char *name, const char *path) {
    long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC), length;
    if (fd < 0) print_text("cannot read ", path);
    print(name);
    while ((length = sys(read, fd, buffer, sizeof buffer)) > 0) sys(write, 1, buffer, length);
    sys(close, fd);
}

static void facts(char **argv, char **envp) {
    static uint32_t groups[1024];
    struct rlimit64 files;
    long count = sys(getgroups, 1024, groups);
    long terminal = sys(openat, AT_FDCWD, "/dev/tty", O_RDWR | O_CLOEXEC);
    long output = sys(openat, AT_FDCWD, "/dev/stdout", O_WRONLY | O_CLOEXEC);
    for (; *argv; argv++) print_text("argument ", *argv);
    for (; *envp; envp++) print_text("env ", *envp);
    print_number("pid ", (uint64_t)sys(getpid));
    print_number("uid ", (uint64_t)sys(getuid));
    print_number("gid ", (uint64_t)sys(getgid));
    for (long i = 0; i < count; i++) print_number("group ", groups[i]);
    sys(getcwd, buffer, sizeof buffer);
    print_text("cwd ", buffer);
    sys(uname, buffer);
    print_text("hostname ", buffer + 65);
    sys(prlimit64, 0, 7, NULL, &files);
    print_number("nofile soft ", files.rlim_cur);
    print_number("nofile hard ", files.rlim_max);
    print_text("terminal ", terminal >= 0 ? "yes" : "no");
    print_text("stdout opens ", output >= 0 ? "yes" : "no");
    sys(close, terminal);
    sys(close, output);
    print_file("mounts\n", "/proc/mounts");
    print_file("addresses\n", "/proc/net/fib_trie");
    print_file("routes\n", "/proc/net/route");
    print("end of facts\n");
}

/* The process that `fork` leaves behind ends a moment after its parent. */
static void orphans(unsigned many) {
    const struct timespec moment = {0, 20000000};
    int how;
    unsigned left = 0;
    for (unsigned i = 0; i < many; i++) {
        long child = sys(clone, SIGCHLD);
        if (child == 0) {
            if (sys(clone, SIGCHLD) == 0) sys(nanosleep, &moment, NULL);
            for (;;) sys(exit_group, 0);
        }
        sys(wait4, child, &how, 0, NULL);
    }
    for (unsigned tries = 0; tries < 200; tries++) {
        left = 0; /* processes above this one that still have a directory in /proc */
        for (long pid = sys(getpid) + 1; pid < 4 * (long)many; pid++)
            if (sys(kill, pid, 0) == 0 || sys(kill, pid, 0) == -EPERM) left++;
        if (!left) break;
        sys(nanosleep, &moment, NULL);
    }
    print_number("orphans made ", many);
    print_number("orphans left ", left);
}

static void wait_for(unsigned wanted, bool asks) {
    const uint64_t set = SIGNAL_BIT(wanted);
    struct signalfd_siginfo info;
    sys(rt_sigprocmask, SIG_SETMASK, &set, NULL, SIGSET_BYTES);
    long fd = sys(signalfd4, -1, &set, SIGSET_BYTES, O_CLOEXEC);
    print("waiting\n");
    if (asks) sys(kill, 1, SIGTERM);
    sys(read, fd, &info, sizeof info);
    print_number("got signal ", info.ssi_signo);
}

static void write_file(const char *path) {
    long fd = sys(openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0644);
    if (fd < 0) print_text("cannot write ", path);
    sys(write, fd, "kept\n", 5);
    sys(close, fd);
}

static void statfs(void) {
    static uint64_t room[16]; /* struct statfs: f_type, f_bsize, f_blocks, f_bfree, ... */
    sys(statfs, "/", room);
    print_number("size ", room[1] * room[2]);
}

static void raw(void) {
    uint32_t terminal[16]; /* struct termios: c_iflag, c_oflag, ... */
    sys(ioctl, 1, TCGETS, terminal);
    terminal[1] &= ~1u; /* OPOST: no carriage return before a newline */
    sys(ioctl, 1, TCSETS, terminal);
}

static void leave(const char *path) {
    if (sys(clone, SIGCHLD)) return;
    sys(setsid); /* or the terminal's hangup would end it */
    sys(openat, AT_FDCWD, path, O_WRONLY | O_CREAT, 0644);
    const struct timespec long_time = {1000, 0};
    for (;;) sys(nanosleep, &long_time, NULL);
}

__attribute__((used)) _Noreturn void start(long *stack) {
    char **argv = (char **)(stack + 1), **at = argv, **envp = argv + *stack + 1;
    while (*at) {
        const char *what = *at++;
        if (equal(what, "facts")) facts(argv, envp);
        else if (equal(what, "statfs")) statfs();
        else if (equal(what, "raw")) raw();
        else if (!*at) continue; /* the others take a value */
        else if (equal(what, "write")) write_file(*at++);
        else if (equal(what, "leave")) leave(*at++);
        else if (equal(what, "read")) print_file("", *at++);
        else if (equal(what, "orphans")) orphans(number(*at++));
        else if (equal(what, "wait")) wait_for(number(*at++), false);
        else if (equal(what, "ask")) wait_for(number(*at++), true);
        else if (equal(what, "raise")) sys(kill, sys(getpid), number(*at++));
        else if (equal(what, "exit")) sys(exit_group, number(*at));
    }
    for (;;) sys(exit_group, 0);
}

ENTRY(start);
