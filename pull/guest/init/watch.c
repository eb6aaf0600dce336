/* What an init does while the entry point runs: reap, and pass on requests to end. */
#include "guest.h"

/* linux/input-event-codes.h, linux/input.h */
enum { EV_KEY = 1, KEY_POWER = 116, MAX_BUTTONS = 32 };
#define EVIOCGBIT_KEYS 0x80604521UL /* EVIOCGBIT(EV_KEY, 96) */

enum {
    GRACE_SECONDS = 90,    /* for the entry point: systemd's DefaultTimeoutStopSec */
    REST_MILLISECONDS = 5000, /* for processes that it left running */
};

static struct pollfd watched[1 + MAX_BUTTONS]; /* signals, then power buttons */
static size_t watched_count;

void sleep_ms(unsigned milliseconds) {
    const struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000L};
    sys(nanosleep, &time, NULL);
}

static int64_t now_seconds(void) {
    struct timespec time = {0, 0};
    sys(clock_gettime, 1, &time); /* CLOCK_MONOTONIC */
    return time.tv_sec;
}

bool watch_signals(void) {
    const uint64_t all = ~(uint64_t)0;
    const uint64_t answered =
        SIGNAL_BIT(SIGCHLD) | SIGNAL_BIT(SIGTERM) | SIGNAL_BIT(SIGINT) | SIGNAL_BIT(SIGPWR);
    sys(rt_sigprocmask, SIG_SETMASK, &all, NULL, SIGSET_BYTES);
    sys(reboot, REBOOT_MAGIC1, REBOOT_MAGIC2, REBOOT_CAD_OFF, 0); /* from now on it is SIGINT */
    long fd = sys(signalfd4, -1, &answered, SIGSET_BYTES, O_NONBLOCK | O_CLOEXEC);
    if (fd < 0) say("can't watch signals: ", reason(fd));
    watched[0] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
    watched_count = 1;
    return fd >= 0;
}

/* A power button is an input device: without acpid, nothing else reads it. */
static void watch_buttons(void) {
    for (unsigned i = 0; i < MAX_BUTTONS && watched_count < sizeof watched / sizeof *watched; i++) {
        char path[sizeof "/dev/input/event" + DECIMAL_SPACE] = "/dev/input/event";
        char digits[DECIMAL_SPACE];
        unsigned char keys[96] = {0};
        const char *number = decimal(i, digits);
        memcpy(path + sizeof "/dev/input/event" - 1, number, strlen(number) + 1);
        long fd = sys(openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
        if (fd < 0) continue;
        if (sys(ioctl, fd, EVIOCGBIT_KEYS, keys) > 0 && keys[KEY_POWER / 8] & 1 << KEY_POWER % 8)
            watched[watched_count++] = (struct pollfd){.fd = (int)fd, .events = POLLIN};
        else
            sys(close, fd);
    }
}

static bool signal_asks(int fd) {
    struct signalfd_siginfo info;
    bool asks = false;
    while (sys(read, fd, &info, sizeof info) == sizeof info)
        if (info.ssi_signo != SIGCHLD) asks = true;
    return asks;
}

static bool button_asks(int fd) {
    struct input_event event;
    bool asks = false;
    while (sys(read, fd, &event, sizeof event) == sizeof event)
        if (event.type == EV_KEY && event.code == KEY_POWER && event.value == 1) asks = true;
    return asks;
}

/* Wait until something happens, or for `seconds` if it is not negative. */
static bool asked_to_end(int64_t seconds) {
    const struct timespec time = {seconds, 0};
    bool asked = false;
    if (sys(ppoll, watched, watched_count, seconds < 0 ? NULL : &time, NULL, SIGSET_BYTES) <= 0)
        return false;
    if (watched[0].revents) asked = signal_asks(watched[0].fd);
    for (size_t i = 1; i < watched_count; i++) {
        if (watched[i].revents & POLLIN && button_asks(watched[i].fd)) asked = true;
        if (watched[i].revents & (POLLERR | POLLHUP | POLLNVAL)) watched[i].fd = -1; /* gone */
    }
    return asked;
}

/* Reap all that ended; true with the status of `child` if it is among them. */
static bool reap(long child, int *status) {
    bool ended = false;
    int how;
    for (long pid; (pid = sys(wait4, -1, &how, WNOHANG, NULL)) > 0;) {
        if (pid != child) continue;
        int signal = how & 0x7f; /* WTERMSIG */
        *status = signal ? 128 + signal : how >> 8 & 0xff;
        ended = true;
    }
    return ended;
}

int watch_child(long child, unsigned stop) {
    int status = 0;
    int64_t deadline = 0;
    watch_buttons();
    while (!reap(child, &status)) {
        int64_t left = deadline ? deadline - now_seconds() : -1;
        if (deadline && left <= 0) {
            say("the entry point did not end when asked; killing it");
            sys(kill, child, SIGKILL);
            deadline = 0;
            left = -1;
        }
        if (!asked_to_end(left)) continue;
        sys(kill, child, stop);
        if (!deadline) deadline = now_seconds() + GRACE_SECONDS;
    }
    return status;
}

void end_the_rest(void) {
    const unsigned pause = 20;
    sys(kill, -1, SIGTERM);
    for (unsigned waited = 0;; waited += pause) {
        long pid;
        int how;
        while ((pid = sys(wait4, -1, &how, WNOHANG, NULL)) > 0) continue;
        if (pid == -ECHILD) return; /* all others are descendants of ours */
        if (waited >= REST_MILLISECONDS) sys(kill, -1, SIGKILL);
        if (waited >= 2 * REST_MILLISECONDS) return;
        sleep_ms(pause);
    }
}
