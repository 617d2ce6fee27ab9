// A library to be preloaded: somebody who has taken the program over while it reads its first trace, and tries what
// such people try. Each attempt is a line on standard error: "NAME: done" or "NAME: refused".
//   HIJACK_FOLDER=PATH   where it finds the file "theirs" and tries to make others
//   HIJACK_OLD=1         besides, the system knows neither Landlock nor seccomp
#define _GNU_SOURCE // syscall, pread64
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

static char theirs[512], made[512];

static long raw(long number, long a, long b, long c, long d)
{
    long result;
#if defined(__x86_64__)
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = 0;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
#elif defined(__aarch64__)
    register long x8 __asm__("x8") = number, x0 __asm__("x0") = a, x1 __asm__("x1") = b, x2 __asm__("x2") = c,
                     x3 __asm__("x3") = d, x4 __asm__("x4") = 0;
    __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4) : "memory");
    result = x0;
#else
    (void)number, (void)a, (void)b, (void)c, (void)d;
    result = -ENOSYS;
#endif
    if (result < 0 && result > -4096) {
        errno = (int)-result;
        return -1;
    }
    return result;
}

long syscall(long number, ...)
{
    enum { LANDLOCK_CREATE = 444 };
    va_list rest;
    va_start(rest, number);
    long a = va_arg(rest, long), b = va_arg(rest, long), c = va_arg(rest, long), d = va_arg(rest, long);
    va_end(rest);
    if (getenv("HIJACK_OLD") && (number == LANDLOCK_CREATE || number == SYS_seccomp)) {
        errno = ENOSYS;
        return -1;
    }
    return raw(number, a, b, c, d);
}

static int write_theirs(void)
{
    return open(theirs, O_WRONLY | O_APPEND);
}

static int truncate_theirs(void)
{
    return truncate(theirs, 0);
}

static int make_another(void)
{
    return open(made, O_WRONLY | O_CREAT, 0600);
}

static int make_link(void)
{
    return symlink("theirs", made);
}

static int make_folder(void)
{
    return mkdir(made, 0700);
}

static int rename_theirs(void)
{
    return rename(theirs, made);
}

static int change_mode(void)
{
    return chmod(theirs, 0777);
}

static int change_times(void)
{
    return utimensat(AT_FDCWD, theirs, NULL, 0);
}

static int begin_process(void)
{
    pid_t child = fork();
    if (child == 0)
        _exit(0);
    return child;
}

// There is no such program: whether it is the system that says so, or whoever does not let it be looked for.
static int run_program(void)
{
    char *argv[] = {made, NULL};
    return execve("/there/is/none", argv, argv + 1) == -1 && errno == ENOENT ? 0 : -1;
}

static int open_socket(void)
{
    return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int signal_parent(void)
{
    return kill(getppid(), 0);
}

static int execute_memory(void)
{
    return mmap(NULL, 4096, PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED ? -1 : 0;
}

static int execute_written(void)
{
    void *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return page == MAP_FAILED ? -1 : mprotect(page, 4096, PROT_READ | PROT_EXEC);
}

static int type_command(void)
{
    return ioctl(STDIN_FILENO, TIOCSTI, "x") == -1 && errno == ENOTTY ? 0 : -1; // it is no terminal in a test
}

static const struct {
    const char *name;
    int (*attempt)(void);
} ATTEMPTS[] = {
    {"write", write_theirs},    {"times", change_times},       {"mode", change_mode},
    {"make", make_another},     {"link", make_link},           {"folder", make_folder},
    {"fork", begin_process},    {"run", run_program},          {"socket", open_socket},
    {"signal", signal_parent},  {"memory", execute_memory},    {"written memory", execute_written},
    {"terminal", type_command}, {"truncate", truncate_theirs}, {"rename", rename_theirs},
};

static void take_over(const char *folder)
{
    snprintf(theirs, sizeof(theirs), "%s/theirs", folder);
    for (size_t i = 0; i < sizeof(ATTEMPTS) / sizeof(*ATTEMPTS); i++) {
        snprintf(made, sizeof(made), "%s/made-%zu", folder, i);
        dprintf(STDERR_FILENO, "%s: %s\n", ATTEMPTS[i].name, ATTEMPTS[i].attempt() < 0 ? "refused" : "done");
    }
}

ssize_t pread64(int fd, void *into, size_t len, off64_t offset)
{
    static bool is_done;
    const char *folder = getenv("HIJACK_FOLDER");
    if (folder && !__atomic_exchange_n(&is_done, true, __ATOMIC_SEQ_CST))
        take_over(folder);
    return raw(SYS_pread64, fd, (long)into, (long)len, (long)offset);
}
