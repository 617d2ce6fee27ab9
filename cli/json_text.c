#include "json_text.h"

#include <stdio.h>
#include <string.h>

#include "base/outbuf.h"
#include "base/text.h"

static cJSON *string_of(outbuf *text)
{
    outbuf_add(text, "", 1);
    cJSON *string = cJSON_CreateString((const char *)text->bytes);
    outbuf_free(text);
    return string;
}

cJSON *json_text(const char *text, bool *exact)
{
    span given = {(const u8 *)text, strlen(text)};
    outbuf out = {0};
    outbuf_written(&out, text_utf8(outbuf_reserve(&out, 3 * given.len + 1), given));
    *exact = out.len == given.len && memcmp(out.bytes, text, given.len) == 0;
    return string_of(&out);
}

cJSON *json_bytes(const char *text)
{
    span given = {(const u8 *)text, strlen(text)};
    outbuf out = {0};
    outbuf_written(&out, text_bytes(outbuf_reserve(&out, 2 * given.len + 1), given));
    return string_of(&out);
}

void json_add_text(cJSON *to, const char *name, const char *text)
{
    char bytes_name[64];
    bool exact;
    cJSON_AddItemToObject(to, name, json_text(text, &exact));
    snprintf(bytes_name, sizeof(bytes_name), "%s_bytes", name);
    if (!exact)
        cJSON_AddItemToObject(to, bytes_name, json_bytes(text));
}
