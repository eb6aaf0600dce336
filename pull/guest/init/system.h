/* System calls without a C library, for x86_64 and aarch64.
 *
 * Constants and structures are those of Linux's uapi headers, which a cross compiler may lack;
 * both architectures use the generic layout of everything here. A call returns what the kernel
 * returns: a negative number is -errno. */
#ifndef PYEXT4_GUEST_SYSTEM_H
#define PYEXT4_GUEST_SYSTEM_H

#include <stddef.h>
#include <stdint.h>

#if defined(__x86_64__)
#define CALL(x86_64, aarch64) (x86_64)
#elif defined(__aarch64__)
#define CALL(x86_64, aarch64) (aarch64)
#else
#error "an x86_64 or aarch64 compiler is needed"
#endif

/* arch/x86/entry/syscalls/syscall_64.tbl, include/uapi/asm-generic/unistd.h */
enum {
    SYS_read = CALL(0, 63),
    SYS_write = CALL(1, 64),
    SYS_close = CALL(3, 57),
    SYS_rt_sigprocmask = CALL(14, 135),
    SYS_ioctl = CALL(16, 29),
    SYS_pread64 = CALL(17, 67),
    SYS_nanosleep = CALL(35, 101),
    SYS_getpid = CALL(39, 172),
    SYS_socket = CALL(41, 198),
    SYS_clone = CALL(56, 220),
    SYS_execve = CALL(59, 221),
    SYS_exit_group = CALL(231, 94),
    SYS_wait4 = CALL(61, 260),
    SYS_kill = CALL(62, 129),
    SYS_uname = CALL(63, 160),
    SYS_fcntl = CALL(72, 25),
    SYS_getcwd = CALL(79, 17),
    SYS_chdir = CALL(80, 49),
    SYS_fchdir = CALL(81, 50),
    SYS_fchown = CALL(93, 55),
    SYS_umask = CALL(95, 166),
    SYS_getuid = CALL(102, 174),
    SYS_getgid = CALL(104, 176),
    SYS_setuid = CALL(105, 146),
    SYS_setgid = CALL(106, 144),
    SYS_setsid = CALL(112, 157),
    SYS_getgroups = CALL(115, 158),
    SYS_setgroups = CALL(116, 159),
    SYS_statfs = CALL(137, 43),
    SYS_chroot = CALL(161, 51),
    SYS_sync = CALL(162, 81),
    SYS_mount = CALL(165, 40),
    SYS_umount2 = CALL(166, 39),
    SYS_reboot = CALL(169, 142),
    SYS_sethostname = CALL(170, 161),
    SYS_getdents64 = CALL(217, 61),
    SYS_clock_gettime = CALL(228, 113),
    SYS_openat = CALL(257, 56),
    SYS_mkdirat = CALL(258, 34),
    SYS_mknodat = CALL(259, 33),
    SYS_fchownat = CALL(260, 54),
    SYS_unlinkat = CALL(263, 35),
    SYS_symlinkat = CALL(266, 36),
    SYS_fchmodat = CALL(268, 53),
    SYS_ppoll = CALL(271, 73),
    SYS_signalfd4 = CALL(289, 74),
    SYS_dup3 = CALL(292, 24),
    SYS_prlimit64 = CALL(302, 261),
    SYS_finit_module = CALL(313, 273),
    SYS_statx = CALL(332, 291),
};

static inline long call6(long number, long a, long b, long c, long d, long e, long f) {
#if defined(__x86_64__)
    long result;
    register long r10 __asm__("r10") = d;
    register long r8 __asm__("r8") = e;
    register long r9 __asm__("r9") = f;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
#else
    register long x8 __asm__("x8") = number;
    register long x0 __asm__("x0") = a;
    register long x1 __asm__("x1") = b;
    register long x2 __asm__("x2") = c;
    register long x3 __asm__("x3") = d;
    register long x4 __asm__("x4") = e;
    register long x5 __asm__("x5") = f;
    __asm__ volatile("svc #0"
                     : "+r"(x0)
                     : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                     : "memory");
    return x0;
#endif
}

#define CALL_OF(name, a, b, c, d, e, f, ...) \
    call6(SYS_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), (long)(f))
/* The kernel takes the name and up to six arguments; missing ones are 0. */
#define sys(...) CALL_OF(__VA_ARGS__, 0, 0, 0, 0, 0, 0, 0)

/* The first instruction: passes the stack that the kernel filled (argc, argv, envp) to `start`. */
#if defined(__x86_64__)
#define ENTRY(start)                                                                        \
    __asm__(".globl _start\n_start:\n\txor %ebp, %ebp\n\tmov %rsp, %rdi\n\tand $-16, %rsp\n" \
            "\tcall " #start "\n")
#else
#define ENTRY(start)                                                                   \
    __asm__(".globl _start\n_start:\n\tmov x29, #0\n\tmov x30, #0\n\tmov x0, sp\n\tb " \
            #start "\n")
#endif

/* asm-generic/errno-base.h and errno.h */
enum {
    EPERM = 1, ENOENT = 2, ESRCH = 3, EIO = 5, ENXIO = 6, E2BIG = 7, ENOEXEC = 8, ECHILD = 10,
    EAGAIN = 11, ENOMEM = 12, EACCES = 13, ENOTBLK = 15, EBUSY = 16, EEXIST = 17, ENODEV = 19,
    ENOTDIR = 20, EISDIR = 21, EINVAL = 22, ETXTBSY = 26, EFBIG = 27, ENOSPC = 28, EROFS = 30,
    ENAMETOOLONG = 36, ELOOP = 40, EOPNOTSUPP = 95, ENETUNREACH = 101,
};

/* fcntl.h; O_DIRECTORY is one of the few that differ */
enum {
    AT_FDCWD = -100, AT_EMPTY_PATH = 0x1000,
    O_RDONLY = 0, O_WRONLY = 1, O_RDWR = 2, O_CREAT = 0100, O_NOCTTY = 0400, O_NONBLOCK = 04000,
    O_DIRECTORY = CALL(0200000, 040000), O_CLOEXEC = 02000000, O_PATH = 010000000,
    F_DUPFD_CLOEXEC = 1030,
};

/* linux/mount.h, linux/fs.h */
enum {
    MS_RDONLY = 1, MS_NOSUID = 2, MS_NODEV = 4, MS_NOEXEC = 8, MS_REMOUNT = 32, MS_MOVE = 8192,
};

/* asm-generic/signal.h */
enum {
    SIGINT = 2, SIGKILL = 9, SIGTERM = 15, SIGCHLD = 17, SIGPWR = 30,
    SIG_SETMASK = 2, WNOHANG = 1, SIGSET_BYTES = 8,
};
#define SIGNAL_BIT(number) ((uint64_t)1 << ((number) - 1))

/* linux/reboot.h */
#define REBOOT_MAGIC1 0xfee1deadUL
#define REBOOT_MAGIC2 672274793UL
#define REBOOT_RESTART 0x01234567UL
#define REBOOT_POWER_OFF 0x4321fedcUL
#define REBOOT_CAD_OFF 0UL

#define BLKGETSIZE64 0x80081272UL
#define EXT4_IOC_RESIZE_FS 0x40086610UL
enum { S_IFBLK = 0060000 };

/* asm-generic/ioctls.h */
enum { TCGETS = 0x5401, TCSETS = 0x5402, TCSBRK = 0x5409, TIOCSCTTY = 0x540e };

enum { POLLIN = 1, POLLERR = 8, POLLHUP = 16, POLLNVAL = 32 };

struct pollfd {
    int fd;
    short events;
    short revents;
};

struct timespec {
    int64_t tv_sec;
    int64_t tv_nsec;
};

struct rlimit64 {
    uint64_t rlim_cur;
    uint64_t rlim_max;
};

struct signalfd_siginfo {
    uint32_t ssi_signo;
    uint8_t rest[124];
};

struct input_event {
    int64_t tv_sec;
    int64_t tv_usec;
    uint16_t type;
    uint16_t code;
    int32_t value;
};

struct linux_dirent64 {
    uint64_t d_ino;
    int64_t d_off;
    uint16_t d_reclen;
    uint8_t d_type;
    char d_name[];
};

/* linux/stat.h, to the end of what is used here; the kernel writes all 256 bytes */
struct statx {
    uint32_t stx_mask;
    uint32_t stx_blksize;
    uint64_t stx_attributes;
    uint32_t stx_nlink;
    uint32_t stx_uid;
    uint32_t stx_gid;
    uint16_t stx_mode;
    uint16_t pad;
    uint64_t unused[13];
    uint32_t stx_dev_major;
    uint32_t stx_dev_minor;
    uint64_t spare[14];
};
_Static_assert(sizeof(struct statx) == 256, "linux/stat.h");
_Static_assert(offsetof(struct statx, stx_dev_major) == 136, "linux/stat.h");
enum { STATX_BASIC_STATS = 0x7ff };

#endif
