/* The init's parts, in the order in which init.c uses them. */
#ifndef PYEXT4_GUEST_GUEST_H
#define PYEXT4_GUEST_GUEST_H

#include "boot.h"
#include "system.h"
#include "text.h"

/* console.c */

/* Print one line, `pyext4 init: ` and the parts; NULL ends them. */
void say_parts(const char *const parts[]);
#define say(...) say_parts((const char *const[]){__VA_ARGS__, NULL})
/* Return the message for what a system call returned. */
const char *reason(long result);
/* Open /dev/console for messages and for the entry point; returns where it is open. */
int console_open(void);
/* Restore the terminal's settings, whatever the entry point changed. */
void console_restore(void);
/* Wait until all output has left the machine. */
void console_drain(void);

/* mounts.c */

/* Mount what everything else needs: /dev for the console, /proc for the command line. */
bool mount_dev(void);
bool mount_proc(void);
/* Mount the rest; skip what the kernel doesn't have. */
void mount_rest(void);
/* Unmount what we can, and make the root read-only. */
void unmount_all(void);

/* overlay.c */

/* Put an overlay over the read-only root; its changes go to `target`, tmpfs or a disk. */
bool overlay_enter(const char *target);
/* Return the directory that the second disk is mounted at, open, or -1. */
int overlay_disk(void);

/* grow.c: grow the root, or the overlay's disk, to the size of its device. */
void grow_root(void);

/* network.c */
void network_up(const struct network *network);

/* child.c */

enum { CANNOT_RUN = 126, NOT_FOUND = 127 }; /* as in shells */

/* Start the entry point on the terminal `console`; returns its process or -errno. */
long child_start(const struct boot *boot, const struct command_line *words, int console);

/* watch.c */

/* Block the signals that an init answers, and take ctrl-alt-del from the kernel. */
bool watch_signals(void);
/* Wait for `child`, and send it `stop` when the machine should end; returns its status. */
int watch_child(long child, unsigned stop);
/* End the processes that the entry point left running. */
void end_the_rest(void);
void sleep_ms(unsigned milliseconds);

#endif
