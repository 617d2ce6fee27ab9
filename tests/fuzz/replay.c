// A fuzz target without libFuzzer: runs it on files and folders named on the command line, one line each. Without any,
// replay_NAME takes tests/corpus/NAME.
#include "fuzz.h"

#include <stdio.h>
#include <string.h>

#include "base/arena.h"
#include "base/os.h"

typedef struct replay {
    u32 files, failed;
} replay;

static bool run(void *context, const char *path)
{
    replay *r = context;
    error e;
    u8 *bytes;
    size_t len;
    if (!os_read_whole(path, (size_t)1 << 30, &bytes, &len, &e)) {
        printf("[  FAILED  ] %s: %s\n", path, e.message);
        r->failed++;
        return true;
    }
    // Exactly as long as the input, so that a byte read after it is one the sanitizer sees.
    u8 *exact = memcpy(mem_alloc(len), bytes, len);
    mem_free(bytes);
    (void)LLVMFuzzerTestOneInput(exact, len);
    mem_free(exact);
    printf("[       OK ] %s\n", path);
    fflush(stdout);
    r->files++;
    return true;
}

static void run_path(replay *r, const char *path)
{
    error e;
    if (!os_is_folder(path)) {
        run(r, path);
    } else if (!os_list_folder(path, run, r, &e)) {
        printf("[  FAILED  ] %s: %s\n", path, e.message);
        r->failed++;
    }
}

int main(int argc, char **argv)
{
    replay r = {0};
    for (int i = 1; i < argc; i++)
        run_path(&r, argv[i]);
    const char *name = strstr(argv[0], "replay_");
    if (argc < 2 && name) {
        arena names = {0};
        run_path(&r, arena_format(&names, "tests/corpus/%s", name + strlen("replay_")));
        arena_free(&names);
    }
    return r.failed || !r.files ? 1 : 0;
}
