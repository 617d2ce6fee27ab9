// A whole run of `carve` over any bytes: it ends as it may, and every file it names is a trace of its own that has the
// events carve.json says it has.
#include "fuzz.h"

#include <cjson/cJSON.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "command.h"
#include "print.h"

static char folder[64], image[80], found[80];

static void check(bool holds, const char *what)
{
    if (!holds) {
        fprintf(stderr, "fuzz: %s\n", what);
        abort();
    }
}

static void remove_found(void)
{
    DIR *dir = opendir(found);
    for (struct dirent *entry; dir && (entry = readdir(dir)) != NULL;) {
        char path[400];
        snprintf(path, sizeof(path), "%s/%s", found, entry->d_name);
        if (entry->d_name[0] != '.')
            unlink(path);
    }
    if (dir)
        closedir(dir);
    rmdir(found);
}

static void remove_all(void)
{
    remove_found();
    unlink(image);
    rmdir(folder);
}

static void make_folder(void)
{
    snprintf(folder, sizeof(folder), "%s/etwkit-fuzz-XXXXXX", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
    check(mkdtemp(folder) != NULL, "no folder");
    snprintf(image, sizeof(image), "%s/image", folder);
    snprintf(found, sizeof(found), "%s/found", folder);
    atexit(remove_all);
}

static int run_carve(void)
{
    static char *words[10];
    const char *const GIVEN[] = {"etwkit", "carve", "-q", "--no-hash", "-o", found, image};
    options o;
    error e = {0};
    for (size_t i = 0; i < COUNT_OF(GIVEN); i++)
        words[i] = (char *)(uintptr_t)GIVEN[i];
    check(options_read(&o, &command_carve, 0, COUNT_OF(GIVEN), words, &e), e.message);
    int code = command_carve.run(&o);
    options_free(&o);
    return code;
}

static u64 events_of(const char *name)
{
    char path[400];
    error e = {0};
    snprintf(path, sizeof(path), "%s/%s", found, name);
    session *s = session_new();
    check(session_open(s, path, &e), e.message);
    check(session_survey(s, NULL, NULL), "the survey ended early");
    u64 events = s->traces[0]->events;
    session_free(s);
    return events;
}

static void check_files(void)
{
    char path[400];
    outbuf text = {0};
    snprintf(path, sizeof(path), "%s/carve.json", found);
    FILE *f = fopen(path, "rb");
    check(f != NULL, "no carve.json");
    for (size_t got; (got = fread(outbuf_reserve(&text, 1 << 16), 1, 1 << 16, f)) > 0;)
        text.len += got;
    fclose(f);
    cJSON *root = cJSON_ParseWithLength((const char *)text.bytes, text.len);
    check(root != NULL, "carve.json is no JSON");
    const cJSON *row;
    cJSON_ArrayForEach (row, cJSON_GetObjectItem(root, "sessions")) {
        const char *name = cJSON_GetStringValue(cJSON_GetObjectItem(row, "file"));
        const char *header = cJSON_GetStringValue(cJSON_GetObjectItem(row, "header"));
        u64 told = (u64)cJSON_GetNumberValue(cJSON_GetObjectItem(row, "events"));
        check(name && header, "a session without a file");
        u64 there = events_of(name) - (strcmp(header, "found") != 0);
        if (there < told) {
            fprintf(stderr, "fuzz: %s: %llu events, carve.json says %llu\n", name, (unsigned long long)there,
                    (unsigned long long)told);
            abort();
        }
    }
    cJSON_Delete(root);
    outbuf_free(&text);
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
    static outbuf said;
    if (!*folder)
        make_folder();
    FILE *f = fopen(image, "wb");
    check(f && fwrite(data, 1, size, f) == size && fclose(f) == 0, "the image cannot be written");
    print_hold(&said);
    int code = run_carve();
    check(code == EXIT_DONE || code == EXIT_DAMAGE || code == EXIT_FAILED, "another exit code");
    if (code != EXIT_FAILED)
        check_files();
    else
        check(access(found, F_OK) != 0, "a folder is left");
    remove_found();
    print_hold(NULL);
    said.len = 0;
    return 0;
}
