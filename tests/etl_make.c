// etl_make CASE OUT.etl: builds the trace a case or sample describes. Same description, same bytes.

#include <stdio.h>

#include "etl_text.h"

static bool file_read(const char *path, outbuf *text, error *e)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return error_set(e, "%s cannot be opened", path);
    size_t got;
    while ((got = fread(outbuf_reserve(text, 65536), 1, 65536, f)) > 0)
        text->len += got;
    bool good = !ferror(f);
    fclose(f);
    return good || error_set(e, "%s cannot be read", path);
}

static bool file_write(const char *path, const outbuf *bytes, error *e)
{
    FILE *f = fopen(path, "wb");
    if (!f)
        return error_set(e, "%s cannot be created", path);
    bool good = fwrite(bytes->bytes, 1, bytes->len, f) == bytes->len;
    good = fclose(f) == 0 && good;
    return good || error_set(e, "%s cannot be written", path);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fputs("usage: etl_make CASE OUT.etl\n", stderr);
        return 2;
    }
    error e = {0};
    outbuf text = {0}, file = {0};
    bool good = file_read(argv[1], &text, &e);
    if (good && !etl_text_build((const char *)text.bytes, text.len, &file, &e))
        good = error_prefix(&e, "%s", argv[1]);
    good = good && file_write(argv[2], &file, &e);
    if (!good)
        fprintf(stderr, "etl_make: %s\n", e.message);
    outbuf_free(&text);
    outbuf_free(&file);
    return good ? 0 : 1;
}
