#include "program.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { MOST_ARGS = 24 };

static _Noreturn void give_up(const char *what, const char *name)
{
    fprintf(stderr, "%s %s: %s\n", what, name, strerror(errno));
    abort();
}

void program_begin(program *p)
{
    *p = (program){.code = -1};
    snprintf(p->folder, sizeof(p->folder), "/tmp/etwkit-test-XXXXXX");
    if (!mkdtemp(p->folder))
        give_up("folder", p->folder);
}

static void remove_folder(const char *path)
{
    DIR *dir = opendir(path);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char inner[1024];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        snprintf(inner, sizeof(inner), "%.500s/%.255s", path, entry->d_name);
        if (unlink(inner) != 0)
            remove_folder(inner);
    }
    if (dir)
        closedir(dir);
    rmdir(path);
}

void program_end(program *p)
{
    remove_folder(p->folder);
    outbuf_free(&p->out);
    outbuf_free(&p->err);
}

int program_setup(void **state)
{
    program *p = mem_zeroed(1, sizeof(*p));
    program_begin(p);
    *state = p;
    return 0;
}

int program_teardown(void **state)
{
    program_end(*state);
    mem_free(*state);
    return 0;
}

const char *program_path(program *p, const char *name, char scratch[512])
{
    snprintf(scratch, 512, "%s/%s", p->folder, name);
    return scratch;
}

void bytes_load(const char *path, outbuf *into)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        give_up("cannot open", path);
    into->len = 0;
    for (size_t got = 1; got > 0;) {
        u8 *at = outbuf_reserve(into, 65537);
        got = fread(at, 1, 65536, f);
        into->len += got;
        into->bytes[into->len] = 0;
    }
    fclose(f);
}

void bytes_save(const char *path, const void *bytes, size_t len)
{
    FILE *f = fopen(path, "wb");
    if (!f || (len && fwrite(bytes, 1, len, f) != len) || fclose(f) != 0)
        give_up("cannot write", path);
}

static void point(int fd, const char *path, int flags)
{
    int opened = open(path, flags, 0600);
    if (opened < 0 || dup2(opened, fd) < 0)
        _exit(126);
    close(opened);
}

// The handlers of the test are not to run in its child: a signal that comes this early ends it.
static void take_signals(const sigset_t *mask)
{
    enum { LAST = 31 };
    for (int number = 1; number <= LAST; number++)
        signal(number, SIG_DFL);
    sigprocmask(SIG_SETMASK, mask, NULL);
}

static _Noreturn void become(const program *p, char *const *argv, const char *out, const char *err)
{
    point(0, p->stdin_path ? p->stdin_path : "/dev/null", O_RDONLY);
    if (p->stdout_closed_pipe) {
        int ends[2];
        if (pipe(ends) != 0 || dup2(ends[1], 1) < 0)
            _exit(126);
        close(ends[0]);
        close(ends[1]);
    } else if (p->stdout_path) {
        point(1, p->stdout_path, O_WRONLY);
    } else {
        point(1, out, O_WRONLY | O_CREAT | O_TRUNC);
    }
    point(2, err, O_WRONLY | O_CREAT | O_TRUNC);
    // Nobody's cache takes part.
    setenv("HOME", p->folder, 1);
    setenv("XDG_CACHE_HOME", p->folder, 1);
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    if (p->file_limit) {
        struct rlimit limit = {p->file_limit, p->file_limit};
        setrlimit(RLIMIT_FSIZE, &limit);
    }
    execv(argv[0], argv);
    _exit(127);
}

pid_t program_start(program *p, const char *const *args)
{
    static const char PLACE[] = "{}";
    const char *named = getenv("ETWKIT");
    char *argv[MOST_ARGS + 2] = {strdup(named ? named : "build/etwkit")};
    int count = 1;
    for (; args[count - 1] && count < MOST_ARGS; count++) {
        const char *arg = args[count - 1];
        bool placed = strncmp(arg, PLACE, 2) == 0;
        size_t capacity = strlen(arg) + sizeof(p->folder);
        argv[count] = malloc(capacity);
        snprintf(argv[count], capacity, "%s%s", placed ? p->folder : "", placed ? arg + 2 : arg);
    }
    char out[512], err[512];
    program_path(p, ".stdout", out);
    program_path(p, ".stderr", err);
    fflush(NULL);
    sigset_t all, before;
    sigfillset(&all);
    sigprocmask(SIG_BLOCK, &all, &before);
    pid_t child = fork();
    if (child == 0) {
        take_signals(&before);
        become(p, argv, out, err);
    }
    sigprocmask(SIG_SETMASK, &before, NULL);
    if (child < 0)
        give_up("fork", argv[0]);
    for (int i = 0; i < count; i++)
        free(argv[i]);
    return child;
}

int program_wait(program *p, pid_t child)
{
    int status = 0;
    while (waitpid(child, &status, 0) < 0)
        if (errno != EINTR)
            give_up("waitpid", "");
    p->code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    char path[512];
    p->out.len = 0;
    if (access(program_path(p, ".stdout", path), R_OK) == 0)
        bytes_load(path, &p->out);
    outbuf_add(&p->err, "", 1);
    p->err.len = p->err.bytes[0] = 0;
    if (access(program_path(p, ".stderr", path), R_OK) == 0)
        bytes_load(path, &p->err);
    p->stdin_path = NULL;
    p->stdout_path = NULL;
    p->stdout_closed_pipe = false;
    p->file_limit = 0;
    return p->code;
}

int program_run(program *p, const char *const *args)
{
    char path[512];
    unlink(program_path(p, ".stdout", path));
    return program_wait(p, program_start(p, args));
}

#define TOOLS "PATH=$PATH:/usr/sbin:/sbin"

void program_shell(const program *p, const char *command)
{
    char line[1400];
    snprintf(line, sizeof(line), "cd '%s' && " TOOLS " && { %s; } >/dev/null 2>&1", p->folder, command);
    if (system(line) != 0)
        give_up("failed", line);
}

bool program_has_tool(const char *tool)
{
    char line[200];
    snprintf(line, sizeof(line), TOOLS "; command -v %s >/dev/null", tool);
    return system(line) == 0;
}

u32 program_files(const program *p, const char *name_part)
{
    u32 count = 0;
    DIR *dir = opendir(p->folder);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.' && strstr(entry->d_name, name_part) != NULL;
    if (dir)
        closedir(dir);
    return count;
}

u32 program_lines(const outbuf *text)
{
    u32 lines = 0;
    for (size_t i = 0; i < text->len; i++)
        lines += text->bytes[i] == '\n';
    return lines;
}
