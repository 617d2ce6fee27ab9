#include "hive_build.h"

#include "program.h"

#if __has_include(<hivex.h>)

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <hivex.h>
#include <stdlib.h>
#include <string.h>

bool hive_can_build(void)
{
    return true;
}

static void put16(u8 *at, u32 value)
{
    at[0] = (u8)value;
    at[1] = (u8)(value >> 8);
}

static void put32(u8 *at, u32 value)
{
    put16(at, value);
    put16(at + 2, value >> 16);
}

// A hive with nothing in it but its root: a header, and one block with the root's key, its rights and free space.
static void make_empty(const char *path)
{
    enum { BLOCK = 4096, ROOT = 0x20, RIGHTS = 0x78, FREE = 0xa8, NONE = -1 };
    static u8 hive[2 * BLOCK];
    u8 *block = hive + BLOCK, *root = block + ROOT + 4, *rights = block + RIGHTS + 4;
    memset(hive, 0, sizeof(hive));
    memcpy(hive, "regf", 4);
    put32(hive + 4, 1); // sequence numbers
    put32(hive + 8, 1);
    put32(hive + 20, 1); // version 1.5
    put32(hive + 24, 5);
    put32(hive + 32, 1);
    put32(hive + 36, ROOT);
    put32(hive + 40, BLOCK);
    put32(hive + 44, 1);
    u32 sum = 0;
    for (u32 i = 0; i < 508; i += 4)
        sum ^= load_u32(hive + i);
    put32(hive + 508, sum);
    memcpy(block, "hbin", 4);
    put32(block + 8, BLOCK);
    put32(block + ROOT, (u32)(ROOT - RIGHTS)); // sizes are negative where the cell is in use
    memcpy(root, "nk", 2);
    put16(root + 2, 0x2c);
    put32(root + 28, (u32)NONE); // subkeys
    put32(root + 32, (u32)NONE);
    put32(root + 40, (u32)NONE); // values
    put32(root + 44, RIGHTS);
    put32(root + 48, (u32)NONE); // class
    put16(root + 72, 4);
    memcpy(root + 76, "ROOT", 4);
    put32(block + RIGHTS, (u32)(RIGHTS - FREE));
    memcpy(rights, "sk", 2);
    put32(rights + 4, RIGHTS);
    put32(rights + 8, RIGHTS);
    put32(rights + 12, 1);
    put32(rights + 16, 20);
    put16(rights + 20, 1);
    put16(rights + 22, 0x8000);
    put32(block + FREE, BLOCK - FREE);
    bytes_save(path, hive, sizeof(hive));
}

static hive_node_h make_key(hive_h *h, const char *path)
{
    char copy[512], *part = copy, *stop;
    hive_node_h key = hivex_root(h);
    snprintf(copy, sizeof(copy), "%s", path);
    for (; *part; part = stop) {
        stop = part + strcspn(part, "\\");
        if (*stop)
            *stop++ = 0;
        hive_node_h child = hivex_node_get_child(h, key, part);
        key = child ? child : hivex_node_add_child(h, key, part);
        assert_true(key != 0);
    }
    return key;
}

enum { MOST_BYTES = 1024 };

static size_t from_hex(const char *hex, char *bytes)
{
    size_t len = 0;
    for (; hex[0] && hex[1]; hex += 2) {
        const char digits[] = {hex[0], hex[1], 0};
        bytes[len++] = (char)strtoul(digits, NULL, 16);
    }
    return len;
}

static size_t from_text(const char *text, char *bytes)
{
    size_t len = strlen(text) + 1;
    for (size_t i = 0; i < len; i++)
        bytes[2 * i] = text[i];
    return 2 * len;
}

static void set_value(hive_h *h, const hive_value *v)
{
    char bytes[MOST_BYTES] = {0}, name[64];
    bool is_hex = v->text && strncmp(v->text, "hex:", 4) == 0;
    put32((u8 *)bytes, v->number);
    snprintf(name, sizeof(name), "%s", v->name);
    const hive_set_value value = {.key = name,
                                  .t = is_hex    ? hive_t_REG_BINARY
                                       : v->text ? hive_t_REG_EXPAND_SZ
                                                 : hive_t_REG_DWORD,
                                  .len = is_hex    ? from_hex(v->text + 4, bytes)
                                         : v->text ? from_text(v->text, bytes)
                                                   : 4,
                                  .value = bytes};
    assert_int_equal(hivex_node_set_value(h, make_key(h, v->key), &value, 0), 0);
}

void hive_make(const char *path, const hive_value *values, u32 count)
{
    make_empty(path);
    hive_h *h = hivex_open(path, HIVEX_OPEN_WRITE);
    assert_non_null(h);
    for (u32 i = 0; i < count; i++)
        set_value(h, &values[i]);
    assert_int_equal(hivex_commit(h, NULL, 0), 0);
    hivex_close(h);
}

#else

bool hive_can_build(void)
{
    return false;
}

void hive_make(const char *path, const hive_value *values, u32 count)
{
    (void)path, (void)values, (void)count;
}

#endif
