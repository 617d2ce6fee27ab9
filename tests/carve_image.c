#include "carve_image.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>
#include <unistd.h>

#include "etl_text.h"

int image_setup(void **state)
{
    image *m = mem_zeroed(1, sizeof(*m));
    program_begin(&m->p);
    *state = m;
    return 0;
}

int image_teardown(void **state)
{
    image *m = *state;
    cJSON_Delete(m->json);
    outbuf_free(&m->bytes);
    program_end(&m->p);
    mem_free(m);
    return 0;
}

// The same noise in every run: a linear congruence, high bytes.
void noise(image *m, size_t len)
{
    u64 x = m->bytes.len * 2654435761u + 88172645463325252u;
    u8 *at = outbuf_reserve(&m->bytes, len);
    for (size_t i = 0; i < len; i++) {
        x = x * 6364136223846793005u + 1442695040888963407u;
        at[i] = (u8)(x >> 56);
    }
    m->bytes.len += len;
}

size_t place(image *m, const void *bytes, size_t len)
{
    size_t at = m->bytes.len;
    outbuf_add(&m->bytes, bytes, len);
    return at;
}

void build(const char *text, outbuf *trace)
{
    error e = {0};
    if (!etl_text_build(text, strlen(text), trace, &e))
        fail_msg("%s", e.message);
}

int carve(image *m)
{
    char path[512];
    bytes_save(program_path(&m->p, "image", path), m->bytes.bytes, m->bytes.len);
    static const char *const ARGS[] = {"carve", "{}/image", "-o", "{}/found", "--force", NULL};
    int code = program_run(&m->p, ARGS);
    cJSON_Delete(m->json);
    m->json = NULL;
    if (access(program_path(&m->p, "found/carve.json", path), R_OK) == 0) {
        outbuf text = {0};
        bytes_load(path, &text);
        m->json = cJSON_Parse((const char *)text.bytes);
        outbuf_free(&text);
        assert_non_null(m->json);
    }
    return code;
}

const cJSON *session_at(const image *m, int index)
{
    return cJSON_GetArrayItem(cJSON_GetObjectItem(m->json, "sessions"), index);
}

int sessions(const image *m)
{
    return cJSON_GetArraySize(cJSON_GetObjectItem(m->json, "sessions"));
}

double number(const cJSON *of, const char *name)
{
    const cJSON *value = cJSON_GetObjectItem(of, name);
    assert_true(cJSON_IsNumber(value));
    return value->valuedouble;
}

const char *text_of(const cJSON *of, const char *name)
{
    const char *value = cJSON_GetStringValue(cJSON_GetObjectItem(of, name));
    assert_non_null(value);
    return value;
}

void check_file(image *m, const char *name, const void *want, size_t len)
{
    char path[512];
    outbuf got = {0};
    bytes_load(program_path(&m->p, name, path), &got);
    assert_int_equal(got.len, len);
    assert_memory_equal(got.bytes, want, len);
    outbuf_free(&got);
}

u32 buffers_in(const image *m, int index)
{
    return (u32)cJSON_GetArraySize(cJSON_GetObjectItem(session_at(m, index), "buffers"));
}

bool says(const image *m, const char *text)
{
    return strstr((const char *)m->p.err.bytes, text) != NULL;
}

u32 records_with(image *m, int index, const char *text)
{
    char name[64];
    snprintf(name, sizeof(name), "{}/found/session-%d.etl", index + 1);
    const char *const args[] = {"convert", name, "--no-hash", "-q", NULL};
    program_run(&m->p, args);
    u32 found = 0;
    for (const char *at = (const char *)m->p.out.bytes; (at = strstr(at, text)); found++) {
        const char *end = strchr(at, '\n');
        at = end ? end : at + strlen(at);
    }
    return found;
}

u32 records_in_all(image *m, const char *text)
{
    u32 found = 0;
    for (int i = 0; i < sessions(m); i++)
        found += records_with(m, i, text);
    return found;
}
