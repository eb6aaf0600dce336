#include "boot.h"

#include "text.h"

static bool is_blank(char byte) {
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* Cut the next word off, as next_arg of the kernel's lib/cmdline.c does: a word may hold blanks in
 * double quotes; quotes around the word or around the value after its `=` are removed. */
static char *next_word(char **at) {
    char *word = *at, *equals = NULL, *end;
    bool quoted = false;
    while (is_blank(*word)) word++;
    if (!*word) return NULL;
    for (end = word; *end && (quoted || !is_blank(*end)); end++) {
        if (*end == '"') quoted = !quoted;
        if (*end == '=' && !equals) equals = end;
    }
    *at = *end ? end + 1 : end;
    *end = 0;
    char *value = *word == '"' || !equals ? word : equals + 1;
    if (*value == '"') {
        if (end > value + 1 && end[-1] == '"') *--end = 0;
        memmove(value, value + 1, (size_t)(end - value));
    }
    return word;
}

static const char *value_of(const char *word, const char *name) {
    return starts_with(word, name) ? word + strlen(name) : NULL;
}

static const char *own_word(struct command_line *out, const char *word) {
    const char *value;
    if (equal(word, "pyext4.grow")) {
        out->grow = true;
    } else if ((value = value_of(word, "pyext4.overlay="))) {
        if (!equal(value, "tmpfs") && !starts_with(value, "/dev/"))
            return "an overlay is either tmpfs or a disk in /dev";
        if (strlen(value) > 255) return "too long";
        out->overlay = value;
    } else if ((value = value_of(word, "pyext4.end="))) {
        if (equal(value, "reboot")) out->ending = END_REBOOT;
        else if (equal(value, "poweroff")) out->ending = END_POWER_OFF;
        else return "the end is either poweroff or reboot";
    } else {
        return "unknown; known are pyext4.overlay=, pyext4.grow and pyext4.end=";
    }
    return NULL;
}

/* reboot=[mode,]type: the keyboard controller's is k (admin-guide/kernel-parameters.txt) */
static bool names_keyboard(const char *value) {
    for (bool first = true; *value; first = *value++ == ',')
        if (first && *value == 'k') return true;
    return false;
}

const char *command_line_parse(struct command_line *out, char *text, size_t length) {
    char *word;
    bool behind_dashes = false;
    memset(out, 0, sizeof *out);
    text[length] = 0;
    while ((word = next_word(&text))) {
        const char *value, *problem;
        if (behind_dashes) {
            if (out->argument_count == sizeof out->arguments / sizeof *out->arguments) {
                out->word = word;
                return "one argument too many";
            }
            out->arguments[out->argument_count++] = word;
        } else if (equal(word, "--")) {
            behind_dashes = true;
        } else if ((value = value_of(word, "reboot="))) {
            out->keyboard_reboot = names_keyboard(value);
        } else if (starts_with(word, "pyext4.") && (problem = own_word(out, word))) {
            out->word = word;
            return problem;
        }
    }
    return NULL;
}
