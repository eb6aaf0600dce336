/* Runs the guest's parsers on the host, on many texts, and prints what they read.
 *
 * Each text comes on standard input as one letter (b: boot file, c: command line), its length in
 * decimal, a newline, and its bytes; the answer is lines, the last of them is a dot. Each text
 * stands in memory of exactly its size, so that a sanitizer sees a step too far. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boot.h"

static void hex(const char *name, const char *text) {
    printf("%s ", name);
    while (*text) printf("%02x", (unsigned char)*text++);
    printf("\n");
}

static void print_boot(const struct boot *boot) {
    for (size_t i = 0; i < boot->entry_count; i++) hex("entry", boot->entry[i]);
    for (size_t i = 0; i < boot->cmd_count; i++) hex("cmd", boot->cmd[i]);
    for (size_t i = 0; boot->env[i]; i++) hex("env", boot->env[i]);
    printf("user %u %u\n", boot->uid, boot->gid);
    for (size_t i = 0; i < boot->group_count; i++) printf("group %u\n", boot->groups[i]);
    hex("cwd", boot->cwd);
    printf("stop %u\n", boot->stop);
    if (boot->hostname) hex("hostname", boot->hostname);
    if (boot->grow) printf("grow\n");
    if (boot->network.given) {
        unsigned char bytes[12];
        memcpy(bytes, &boot->network, sizeof bytes);
        printf("net ");
        for (size_t i = 0; i < sizeof bytes; i++) printf("%02x", bytes[i]);
        printf("\n");
    }
    for (size_t i = 0; i < RLIMITS; i++)
        if (boot->limits[i].given)
            printf("rlimit %zu %llu %llu\n", i, (unsigned long long)boot->limits[i].soft,
                   (unsigned long long)boot->limits[i].hard);
}

static void print_command_line(const struct command_line *line) {
    for (size_t i = 0; i < line->argument_count; i++) hex("argument", line->arguments[i]);
    if (line->overlay) hex("overlay", line->overlay);
    if (line->grow) printf("grow\n");
    if (line->keyboard_reboot) printf("keyboard\n");
    if (line->ending == END_REBOOT) printf("reboot\n");
    if (line->ending == END_POWER_OFF) printf("poweroff\n");
}

int main(void) {
    static struct boot boot;
    static struct command_line line;
    size_t length;
    char kind;
    while (scanf("%c%zu", &kind, &length) == 2 && getchar() == '\n') {
        char *text = malloc(length + 1);
        if (!text || fread(text, 1, length, stdin) != length) return 2;
        const char *problem;
        if (kind == 'b') {
            problem = boot_parse(&boot, text, length);
            if (problem) printf("problem %lu %s\n", boot.line, problem);
            else print_boot(&boot);
        } else {
            problem = command_line_parse(&line, text, length);
            if (problem) printf("problem %s %s\n", line.word, problem);
            else print_command_line(&line);
        }
        printf(".\n");
        fflush(stdout);
        free(text);
    }
    return 0;
}
