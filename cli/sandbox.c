#define _GNU_SOURCE // syscall, realpath, O_PATH
#include "sandbox.h"

#include <stdio.h>

#include "base/sanitizer.h"

#ifndef ETWKIT_NO_SANDBOX
#ifdef SANITIZER
#define ETWKIT_NO_SANDBOX "a sanitizer is at work"
#endif
#ifndef __linux__
#define ETWKIT_NO_SANDBOX "this is not Linux"
#endif
#endif

#ifdef ETWKIT_NO_SANDBOX

void sandbox_begin(const char *const *written, u32 count)
{
    (void)written, (void)count;
}

const char *sandbox_text(void)
{
    return "none: " ETWKIT_NO_SANDBOX;
}

#else
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/arena.h"

static long files_version; // of Landlock's interface; 0: no files are held
static bool calls_held;
static int why_not; // errno, of what failed first

// ---------------------------------------------------------------------------------------------- files

// linux/landlock.h: numbers are the same on all machines, and headers are often older than kernels.
enum { LANDLOCK_CREATE = 444, LANDLOCK_ADD_RULE = 445, LANDLOCK_RESTRICT_SELF = 446 };
enum { CREATE_VERSION = 1, RULE_PATH_BENEATH = 1 };
enum {
    FS_EXECUTE = 1 << 0,
    FS_WRITE_FILE = 1 << 1,
    FS_REMOVE_DIR = 1 << 4,
    FS_REMOVE_FILE = 1 << 5,
    FS_MAKE_CHAR = 1 << 6,
    FS_MAKE_DIR = 1 << 7,
    FS_MAKE_REG = 1 << 8,
    FS_MAKE_SOCK = 1 << 9,
    FS_MAKE_FIFO = 1 << 10,
    FS_MAKE_BLOCK = 1 << 11,
    FS_MAKE_SYM = 1 << 12,
    FS_REFER = 1 << 13,    // version 2: into another folder
    FS_TRUNCATE = 1 << 14, // version 3
    NET_ALL = 3,           // version 4: bind and connect of TCP
    SCOPE_ALL = 3,         // version 6: abstract sockets, signals
};
enum {
    FS_FIRST = FS_EXECUTE | FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_CHAR | FS_MAKE_DIR | FS_MAKE_REG |
               FS_MAKE_SOCK | FS_MAKE_FIFO | FS_MAKE_BLOCK | FS_MAKE_SYM,
    FS_OUTPUTS = FS_WRITE_FILE | FS_REMOVE_DIR | FS_REMOVE_FILE | FS_MAKE_DIR | FS_MAKE_REG | FS_TRUNCATE,
    FS_TEMPORARY = FS_WRITE_FILE | FS_REMOVE_FILE | FS_MAKE_REG | FS_TRUNCATE,
    FS_IN_PLACE = FS_WRITE_FILE | FS_TRUNCATE,
};

typedef struct landlock_rules {
    u64 files, network, scope;
} landlock_rules;

typedef struct __attribute__((packed)) landlock_beneath {
    u64 allowed;
    i32 folder;
} landlock_beneath;

// How much of the struct a version knows.
static size_t rules_bytes(long version)
{
    return version < 4   ? offsetof(landlock_rules, network)
           : version < 6 ? offsetof(landlock_rules, scope)
                         : sizeof(landlock_rules);
}

static landlock_rules rules_of(long version)
{
    landlock_rules all = {FS_FIRST, NET_ALL, SCOPE_ALL};
    all.files |= version >= 2 ? FS_REFER : 0;
    all.files |= version >= 3 ? FS_TRUNCATE : 0;
    return all;
}

static void allow(int rules, const landlock_rules *all, const char *path, u64 what)
{
    landlock_beneath rule = {what & all->files, open(path, O_PATH | O_CLOEXEC)};
    if (rule.folder < 0)
        return; // who wants to write there hears why it cannot
    syscall(LANDLOCK_ADD_RULE, rules, RULE_PATH_BENEATH, &rule, 0);
    close(rule.folder);
}

// Cuts the last part of a path off. False: there is none left.
static bool to_parent(char *path)
{
    char *slash = strrchr(path, '/');
    if (!slash && strcmp(path, ".") == 0)
        return false;
    if (!slash)
        strcpy(path, ".");
    else if (slash == path && slash[1] == 0)
        return false;
    else
        slash[slash == path] = 0;
    return true;
}

static void allow_output(int rules, const landlock_rules *all, const char *path)
{
    struct stat st;
    char *real = realpath(path, NULL); // a link's file is replaced where that lies
    size_t len = strlen(real ? real : path);
    char *at = memcpy(mem_alloc(len + 2), real ? real : path, len + 1); // 2: what is cut to "." may be empty
    free(real);
    bool there = stat(at, &st) == 0;
    if (there && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode)) {
        allow(rules, all, at, FS_IN_PLACE);
    } else {
        for (bool more = true; more && (!there || !S_ISDIR(st.st_mode)); there = stat(at, &st) == 0)
            more = to_parent(at);
        allow(rules, all, at, FS_OUTPUTS);
    }
    mem_free(at);
}

// Where os_temporary_file and SQLite make theirs.
static void allow_temporary(int rules, const landlock_rules *all)
{
    const char *folder = getenv("TMPDIR"), *of_sqlite = getenv("SQLITE_TMPDIR");
    allow(rules, all, folder && *folder ? folder : "/tmp", FS_TEMPORARY);
    allow(rules, all, of_sqlite ? of_sqlite : "/var/tmp", FS_TEMPORARY);
}

static bool hold_files(const char *const *written, u32 count)
{
    long version = syscall(LANDLOCK_CREATE, NULL, 0, CREATE_VERSION);
    if (version < 1)
        return false;
    const landlock_rules all = rules_of(version);
    int rules = (int)syscall(LANDLOCK_CREATE, &all, rules_bytes(version), 0);
    if (rules < 0)
        return false;
    for (u32 i = 0; i < count; i++)
        if (written[i])
            allow_output(rules, &all, written[i]);
    allow_temporary(rules, &all);
    bool held = syscall(LANDLOCK_RESTRICT_SELF, rules, 0) == 0;
    files_version = held ? version : 0;
    close(rules);
    return held;
}

// ---------------------------------------------------------------------------------------------- calls

#if defined(__x86_64__) && defined(__LP64__)
#define MACHINE AUDIT_ARCH_X86_64
#elif defined(__aarch64__) && defined(__LP64__) && !defined(__AARCH64EB__)
#define MACHINE AUDIT_ARCH_AARCH64
#elif defined(__riscv) && __riscv_xlen == 64
#define MACHINE AUDIT_ARCH_RISCV64
#endif

#ifdef MACHINE

// Calls that no reader of traces makes, by what they would be good for.
static const u32 REFUSED[] = {
    // Programs and other processes. (fork is a clone without CLONE_THREAD, see below.)
    __NR_execve,
    __NR_execveat,
    __NR_ptrace,
    __NR_process_vm_readv,
    __NR_process_vm_writev,
    __NR_kcmp,
    __NR_rt_sigqueueinfo,
    __NR_rt_tgsigqueueinfo,
    424 /* pidfd_send_signal */,
    434 /* pidfd_open */,
    438 /* pidfd_getfd */,
    440 /* process_madvise */,
#ifdef __NR_fork
    __NR_fork,
    __NR_vfork,
#endif
    // The network, and calls by way of a ring, which no filter sees.
    __NR_socket,
    __NR_socketpair,
    __NR_connect,
    __NR_bind,
    __NR_listen,
    __NR_accept,
    __NR_accept4,
    __NR_sendto,
    __NR_sendmsg,
    __NR_sendmmsg,
    __NR_recvmsg,
    425 /* io_uring_setup */,
    // Rights and times of files, which Landlock does not look at.
    __NR_fchmodat,
    452 /* fchmodat2 */,
    __NR_fchownat,
    __NR_setxattr,
    __NR_lsetxattr,
    __NR_fsetxattr,
    __NR_removexattr,
    __NR_lremovexattr,
    __NR_fremovexattr,
    __NR_utimensat,
#ifdef __NR_chmod
    __NR_chmod,
    __NR_chown,
    __NR_lchown,
    __NR_utime,
    __NR_utimes,
    __NR_futimesat,
#endif
    // Rights of the process.
    __NR_setuid,
    __NR_setgid,
    __NR_setreuid,
    __NR_setregid,
    __NR_setresuid,
    __NR_setresgid,
    __NR_setfsuid,
    __NR_setfsgid,
    __NR_setgroups,
    __NR_capset,
    __NR_personality,
    // Other views of the file system.
    __NR_mount,
    __NR_umount2,
    __NR_pivot_root,
    __NR_chroot,
    __NR_unshare,
    __NR_setns,
    __NR_open_by_handle_at,
    428 /* open_tree */,
    429 /* move_mount */,
    430 /* fsopen */,
    431 /* fsconfig */,
    432 /* fsmount */,
    433 /* fspick */,
    442 /* mount_setattr */,
    // The machine, and parts of the kernel with a history.
    __NR_bpf,
    __NR_perf_event_open,
    __NR_userfaultfd,
    __NR_memfd_create,
    __NR_add_key,
    __NR_request_key,
    __NR_keyctl,
    __NR_init_module,
    __NR_finit_module,
    __NR_delete_module,
    __NR_kexec_load,
    __NR_reboot,
    __NR_swapon,
    __NR_swapoff,
    __NR_acct,
    __NR_quotactl,
    __NR_syslog,
    __NR_settimeofday,
    __NR_clock_settime,
    __NR_clock_adjtime,
    __NR_adjtimex,
    __NR_sethostname,
    __NR_setdomainname,
#ifdef __NR_iopl
    __NR_iopl,
    __NR_ioperm,
    __NR_modify_ldt,
#endif
};

enum { CLONE3 = 435, X32_CALLS = 0x40000000, FILTER_MOST = 2 * COUNT_OF(REFUSED) + 64 };

typedef struct call_filter {
    struct sock_filter rows[FILTER_MOST];
    u16 count;
} call_filter;

static void add(call_filter *f, struct sock_filter row)
{
    f->rows[f->count++] = row;
}

static void load(call_filter *f, size_t at)
{
    add(f, (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, (u32)at));
}

static void answer(call_filter *f, u32 with)
{
    add(f, (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, with));
}

// What was loaded: equal to `value`, or the next `rows` rows do not count.
static void only_if(call_filter *f, u32 value, u8 rows)
{
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, rows));
}

static void only_if_any(call_filter *f, u32 bits, u8 rows)
{
    add(f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, bits, 0, rows));
}

static size_t argument(u32 index) // its lower half
{
    return offsetof(struct seccomp_data, args) + index * sizeof(u64);
}

#define REFUSE(error) (SECCOMP_RET_ERRNO | (error))

// Only to the process itself.
static void hold_signals(call_filter *f, u32 call, u32 self)
{
    only_if(f, call, 4);
    load(f, argument(0));
    only_if(f, self, 1);
    answer(f, SECCOMP_RET_ALLOW);
    answer(f, REFUSE(EPERM));
}

// Memory that becomes executable comes from a library's file as it is, nowhere else.
static void hold_memory(call_filter *f)
{
    static const u32 CHANGING[] = {__NR_mprotect, __NR_pkey_mprotect};
    for (size_t i = 0; i < COUNT_OF(CHANGING); i++) {
        only_if(f, CHANGING[i], 4);
        load(f, argument(2));
        only_if_any(f, PROT_EXEC, 1);
        answer(f, REFUSE(EPERM));
        answer(f, SECCOMP_RET_ALLOW);
    }
    only_if(f, __NR_mmap, 8);
    load(f, argument(2));
    only_if_any(f, PROT_EXEC, 5);
    only_if_any(f, PROT_WRITE, 1);
    answer(f, REFUSE(EPERM));
    load(f, argument(3));
    only_if_any(f, MAP_ANONYMOUS, 1);
    answer(f, REFUSE(EPERM));
    answer(f, SECCOMP_RET_ALLOW);
}

// Threads, no processes. Flags of clone3 are out of a filter's sight: the C library goes back to clone.
static void hold_clone(call_filter *f)
{
    only_if(f, CLONE3, 1);
    answer(f, REFUSE(ENOSYS));
    only_if(f, __NR_clone, 4);
    load(f, argument(0));
    only_if_any(f, CLONE_THREAD, 1);
    answer(f, SECCOMP_RET_ALLOW);
    answer(f, REFUSE(EPERM));
}

// Nothing is typed into the terminal for its user to run.
static void hold_terminal(call_filter *f)
{
    only_if(f, __NR_ioctl, 5);
    load(f, argument(1));
    only_if(f, TIOCSTI, 1);
    answer(f, REFUSE(EPERM));
    only_if(f, TIOCLINUX, 1);
    answer(f, REFUSE(EPERM));
}

static bool hold_calls(void)
{
    call_filter f = {.count = 0};
    load(&f, offsetof(struct seccomp_data, arch));
    add(&f, (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, MACHINE, 1, 0));
    answer(&f, SECCOMP_RET_KILL_PROCESS);
    load(&f, offsetof(struct seccomp_data, nr));
    only_if_any(&f, X32_CALLS, 1); // the same calls under other numbers; no machine has so many of its own
    answer(&f, REFUSE(ENOSYS));
    for (size_t i = 0; i < COUNT_OF(REFUSED); i++) {
        only_if(&f, REFUSED[i], 1);
        answer(&f, REFUSE(EPERM));
    }
    hold_memory(&f);
    hold_clone(&f);
    hold_signals(&f, __NR_kill, (u32)getpid());
    hold_signals(&f, __NR_tgkill, (u32)getpid());
    hold_terminal(&f);
    answer(&f, SECCOMP_RET_ALLOW);
    const struct sock_fprog program = {f.count, f.rows};
    const unsigned long fast = SECCOMP_FILTER_FLAG_SPEC_ALLOW; // secrets of this process are its evidence
    return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, fast, &program) == 0;
}

#else

static bool hold_calls(void)
{
    errno = ENOSYS;
    return false;
}

#endif

// ---------------------------------------------------------------------------------------------- both

void sandbox_begin(const char *const *written, u32 count)
{
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || !hold_files(written, count))
        why_not = errno;
    calls_held = hold_calls();
    if (!calls_held && !why_not)
        why_not = errno;
}

const char *sandbox_text(void)
{
    static char text[80];
    if (files_version && calls_held)
        snprintf(text, sizeof(text), "files (Landlock %ld) and calls (seccomp)", files_version);
    else if (files_version)
        snprintf(text, sizeof(text), "files (Landlock %ld); calls not: %.32s", files_version, strerror(why_not));
    else
        snprintf(text, sizeof(text), "%s: %.32s", calls_held ? "calls (seccomp); files not" : "none",
                 strerror(why_not));
    return text;
}

#endif
