/* The entry point's process, from fork to exec. */
#include "guest.h"

static char *arguments[2 * MAX_ARGUMENTS + 1];

static _Noreturn void fail(long status, long result, const char *what, const char *which) {
    say("can't ", what, which, ": ", reason(result));
    for (;;) sys(exit_group, status);
}

static void must(long result, const char *what, const char *which) {
    if (result < 0) fail(CANNOT_RUN, result, what, which);
}

/* Give it its own session on the terminal, so that ctrl-c, job control and /dev/tty work. */
static void take_terminal(const struct boot *boot, int console) {
    sys(setsid);
    sys(ioctl, console, TIOCSCTTY, 1); /* fails if the console isn't a terminal */
    sys(fchown, console, boot->uid, -1); /* /dev/stdout leads to it, and is opened by name */
    for (int fd = 0; fd < 3; fd++)
        if (fd != console) must(sys(dup3, console, fd, 0), "open ", "the console");
}

/* Make the working directory with its parents, as runc does. */
static void enter_cwd(const char *cwd) {
    static char path[MAX_PATH_BYTES + 1];
    size_t length = strlen(cwd);
    long result = sys(chdir, cwd);
    if (result == -ENOENT) {
        for (size_t i = 1; i <= length; i++) {
            if (cwd[i] && cwd[i] != '/') continue;
            memcpy(path, cwd, i);
            path[i] = 0;
            result = sys(mkdirat, AT_FDCWD, path, 0755);
            if (result < 0 && result != -EEXIST) fail(CANNOT_RUN, result, "make ", path);
        }
        result = sys(chdir, cwd);
    }
    must(result, "enter ", cwd);
}

static void become(const struct boot *boot) {
    for (int i = 0; i < RLIMITS; i++) {
        const struct rlimit64 limit = {boot->limits[i].soft, boot->limits[i].hard};
        if (boot->limits[i].given) must(sys(prlimit64, 0, i, &limit), "set ", "a limit");
    }
    must(sys(setgroups, boot->group_count, boot->groups), "set ", "the groups");
    must(sys(setgid, boot->gid), "set ", "the group");
    must(sys(setuid, boot->uid), "set ", "the user");
}

static bool exists(const char *path) {
    long fd = sys(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC);
    if (fd >= 0) sys(close, fd);
    return fd >= 0;
}

static _Noreturn void not_run(const char *path, long result) {
    if (result == -ENOENT && exists(path)) {
        say("can't run ", path, ": its interpreter or loader is missing");
        for (;;) sys(exit_group, NOT_FOUND);
    }
    fail(result == -ENOENT || result == -ENOTDIR ? NOT_FOUND : CANNOT_RUN, result, "run ", path);
}

static const char *search_path(char *const *env) {
    for (; *env; env++)
        if (starts_with(*env, "PATH=")) return *env + 5;
    return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* Try each directory, as execvp(3) does; skip directories that are not absolute. */
static _Noreturn void run_by_name(const char *name, char *const *env) {
    static char path[MAX_PATH_BYTES + 1];
    const char *search = search_path(env);
    size_t name_length = strlen(name);
    bool refused = false;
    for (const char *end = search; name_length && *search; search = *end ? end + 1 : end) {
        for (end = search; *end && *end != ':';) end++;
        size_t length = (size_t)(end - search);
        if (*search != '/' || length + 1 + name_length > MAX_PATH_BYTES) continue;
        memcpy(path, search, length);
        path[length] = '/';
        memcpy(path + length + 1, name, name_length + 1);
        long result = sys(execve, path, arguments, env);
        if (result == -EACCES) refused = true;
        else if ((result != -ENOENT && result != -ENOTDIR) || exists(path)) not_run(path, result);
    }
    if (refused) fail(CANNOT_RUN, -EACCES, "run ", name);
    say("can't run ", name, ": not found in PATH=", search_path(env));
    for (;;) sys(exit_group, NOT_FOUND);
}

static _Noreturn void run(const struct boot *boot, int console) {
    const uint64_t none = 0;
    take_terminal(boot, console);
    enter_cwd(boot->cwd);
    become(boot);
    sys(rt_sigprocmask, SIG_SETMASK, &none, NULL, SIGSET_BYTES);
    for (const char *byte = arguments[0]; *byte; byte++)
        if (*byte == '/') not_run(arguments[0], sys(execve, arguments[0], arguments, boot->env));
    run_by_name(arguments[0], boot->env);
}

long child_start(const struct boot *boot, const struct command_line *words, int console) {
    bool replaced = words->argument_count > 0;
    char *const *rest = replaced ? words->arguments : boot->cmd;
    size_t rest_count = replaced ? words->argument_count : boot->cmd_count, count = 0;
    for (size_t i = 0; i < boot->entry_count; i++) arguments[count++] = boot->entry[i];
    for (size_t i = 0; i < rest_count; i++) arguments[count++] = rest[i];
    arguments[count] = NULL;
    if (count == 0) {
        say("nothing to run: the image has neither entry point nor command");
        return -ENOENT;
    }
    long child = sys(clone, SIGCHLD);
    if (child == 0) run(boot, console);
    if (child < 0) say("can't start a process: ", reason(child));
    return child;
}
