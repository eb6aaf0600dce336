/* What the init is told: by the boot file in the image and by the kernel's command line.
 *
 * boot.c and command_line.c read them in place, in the caller's buffer, and do no input or output:
 * the tests compile them for the host and fuzz them. pull/guest/init/boot_file.py writes the file,
 * describes it, and has the same limits. */
#ifndef PYEXT4_GUEST_BOOT_H
#define PYEXT4_GUEST_BOOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MAX_FILE_BYTES = 1 << 20,
    MAX_ARGUMENTS = 4096,
    MAX_VARIABLES = 4096,
    MAX_GROUPS = 1024,
    MAX_STRING_BYTES = 131071, /* MAX_ARG_STRLEN of linux/binfmts.h, without the final NUL */
    MAX_PATH_BYTES = 4095,
    MAX_HOSTNAME_BYTES = 64,
    MAX_SIGNAL = 64,
    RLIMITS = 16,
    MAX_COMMAND_LINE_BYTES = 8192, /* no architecture's COMMAND_LINE_SIZE is larger */
};

struct limit {
    uint64_t soft, hard;
    bool given;
};

struct network {
    uint32_t address, netmask, gateway; /* in the order of the wire; gateway 0 means none */
    bool given;
};

struct boot {
    char *entry[MAX_ARGUMENTS];
    size_t entry_count;
    char *cmd[MAX_ARGUMENTS];
    size_t cmd_count;
    char *env[MAX_VARIABLES + 1]; /* ends with NULL */
    size_t env_count;
    uint32_t groups[MAX_GROUPS];
    size_t group_count;
    uint32_t uid, gid;
    const char *cwd;
    const char *hostname; /* NULL: the kernel's stays */
    unsigned stop;
    bool grow;
    struct network network;
    struct limit limits[RLIMITS]; /* by number */

    unsigned long line;  /* of the problem */
    unsigned given_once; /* bits of the keys that may come only once */
};

/* Read the `length` bytes of a boot file; `text` has room for one byte more.
 *
 * Returns NULL, or what is wrong with `out->line`. What `out` points to is in `text`. */
const char *boot_parse(struct boot *out, char *text, size_t length);

enum ending { END_UNSAID, END_POWER_OFF, END_REBOOT };

struct command_line {
    char *arguments[MAX_COMMAND_LINE_BYTES / 2]; /* what follows `--` */
    size_t argument_count;
    const char *overlay; /* NULL: none */
    bool grow;
    bool keyboard_reboot; /* reboot=k: only a reboot ends such a machine (Firecracker) */
    enum ending ending;

    const char *word; /* of the problem */
};

/* Read the kernel's command line as boot_parse reads its file. */
const char *command_line_parse(struct command_line *out, char *text, size_t length);

#endif
