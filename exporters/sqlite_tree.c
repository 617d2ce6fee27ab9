#include "sqlite_tree.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "sqlite_row.h"

enum {
    HELD_PAGES = 32,
    LEAF_HEAD = 8,
    INNER_HEAD = 12,               // with the page right of all its entries
    KEY_BYTES = 64,                // of an entry above the leaves: a number, or a short row of an index
    LARGEST_CELL = TREE_PAGE - 35, // of a table's row, without what stands before it
    SMALLEST_REST = (TREE_PAGE - 12) * 32 / 255 - 23, // of a longer one, on the leaf
    OVERFLOW_BYTES = TREE_PAGE - 4,
    LOCK_PAGE = (1 << 30) / TREE_PAGE + 1, // is never used: locks of SQLite are at its bytes
    PAGES_AT = 28,                         // in the first page: how many there are
};

static void put_16(u8 *to, u32 value)
{
    to[0] = (u8)(value >> 8);
    to[1] = (u8)value;
}

static void put_32(u8 *to, u32 value)
{
    put_16(to, value >> 16);
    put_16(to + 2, value);
}

static u32 get_16(const u8 *at)
{
    return (u32)at[0] << 8 | at[1];
}

static u32 get_32(const u8 *at)
{
    return get_16(at) << 16 | get_16(at + 2);
}

// ------------------------------------------------------------------------------------- pages

static bool write_at(const page_file *f, u64 offset, const u8 *bytes, size_t len, error *e)
{
    for (size_t done = 0; done < len;) {
        ssize_t put = pwrite(f->fd, bytes + done, len - done, (off_t)(offset + done));
        if (put < 0 && errno == EINTR)
            continue;
        if (put < 0)
            return error_set(e, "%s: %s", f->name, strerror(errno));
        done += (size_t)put;
    }
    return true;
}

static bool write_page(const page_file *f, u32 number, const u8 *page, error *e)
{
    return write_at(f, (u64)(number - 1) * TREE_PAGE, page, TREE_PAGE, e);
}

static bool write_held(page_file *f, error *e)
{
    u32 pages = f->held_pages;
    f->held_pages = 0;
    return write_at(f, (u64)(f->next - pages - 1) * TREE_PAGE, f->held, (size_t)pages * TREE_PAGE, e);
}

bool page_file_open(page_file *f, int fd, const char *name, error *e)
{
    struct stat st;
    *f = (page_file){.fd = fd, .name = name};
    if (fstat(fd, &st) != 0)
        return error_set(e, "%s: %s", name, strerror(errno));
    f->next = (u32)(st.st_size / TREE_PAGE) + 1;
    f->held = mem_alloc((size_t)HELD_PAGES * TREE_PAGE);
    return true;
}

bool page_file_close(page_file *f, error *e)
{
    u8 pages[4];
    put_32(pages, f->next - 1);
    bool ok = !e || (write_held(f, e) && write_at(f, PAGES_AT, pages, sizeof(pages), e));
    mem_free(f->held);
    f->held = NULL;
    return ok;
}

// The number of the page that comes `after` those which are there.
static u32 page_to_come(const page_file *f, u32 after)
{
    u32 number = f->next + after;
    return f->next <= LOCK_PAGE && number >= LOCK_PAGE ? number + 1 : number;
}

static bool hold_page(page_file *f, const u8 *page, error *e)
{
    if (f->held_pages == HELD_PAGES && !write_held(f, e))
        return false;
    u8 *to = f->held + (size_t)f->held_pages * TREE_PAGE;
    if (page)
        memcpy(to, page, TREE_PAGE);
    else
        memset(to, 0, TREE_PAGE);
    f->held_pages++;
    f->next++;
    return true;
}

static bool add_page(page_file *f, const u8 *page, u32 *number, error *e)
{
    if (f->next == LOCK_PAGE && !hold_page(f, NULL, e))
        return false;
    *number = f->next;
    return hold_page(f, page, e);
}

// ------------------------------------------------------------------------------------- one page of a tree

static u32 head_bytes(u32 level)
{
    return level ? INNER_HEAD : LEAF_HEAD;
}

static bool page_fits(const tree_page *p, u32 level, size_t bytes)
{
    return head_bytes(level) + 2 * (p->cells + 1) + bytes <= p->start;
}

static void page_begin(sqlite_tree *t, u32 level)
{
    tree_page *p = &t->level[level];
    if (!p->bytes)
        p->bytes = mem_zeroed(1, TREE_PAGE);
    p->cells = 0;
    p->start = TREE_PAGE;
    if (t->count <= level)
        t->count = level + 1;
}

static u8 *page_cell(tree_page *p, u32 level, size_t bytes)
{
    p->start -= (u32)bytes;
    put_16(p->bytes + head_bytes(level) + 2 * p->cells++, p->start);
    return p->bytes + p->start;
}

// Takes the last cell off the page; it stays where it is until the next one comes.
static span page_pop(tree_page *p, u32 level)
{
    u32 at = p->start;
    p->cells--;
    p->start = p->cells ? get_16(p->bytes + head_bytes(level) + 2 * (p->cells - 1)) : TREE_PAGE;
    return (span){p->bytes + at, p->start - at};
}

static void page_head(const sqlite_tree *t, u32 level, u32 right)
{
    const tree_page *p = &t->level[level];
    u8 *at = p->bytes;
    at[0] = (u8)((t->is_index ? 2 : 5) + (level ? 0 : 8));
    put_16(at + 1, 0);
    put_16(at + 3, p->cells);
    put_16(at + 5, p->start);
    at[7] = 0;
    if (level)
        put_32(at + 8, right);
    // What lies between was another page's.
    u32 used = head_bytes(level) + 2 * p->cells;
    memset(at + used, 0, p->start - used);
}

// ------------------------------------------------------------------------------------- trees

static bool add_child(sqlite_tree *t, page_file *f, u32 level, u32 child, span key, error *e);

// Makes the page of a level a finished one: `right` is what lies right of its entries, and `key` divides it from those
// that will come.
static bool finish_page(sqlite_tree *t, page_file *f, u32 level, u32 right, span key, error *e)
{
    u32 number;
    u8 copy[KEY_BYTES];
    memcpy(copy, key.at, key.len);
    page_head(t, level, right);
    if (!add_page(f, t->level[level].bytes, &number, e))
        return false;
    page_begin(t, level);
    return add_child(t, f, level + 1, number, (span){copy, key.len}, e);
}

// What is left of the key, and the key. depth is bounded by TREE_LEVELS: each has a thousand times the entries of the
// one before.
static bool add_child(sqlite_tree *t, page_file *f, u32 level, u32 child, span key, error *e)
{
    assert(level < TREE_LEVELS);
    tree_page *p = &t->level[level];
    if (t->count <= level)
        page_begin(t, level);
    if (!page_fits(p, level, 4 + key.len)) {
        span last = page_pop(p, level);
        if (!finish_page(t, f, level, get_32(last.at), span_from(last, 4), e))
            return false;
    }
    u8 *cell = page_cell(p, level, 4 + key.len);
    put_32(cell, child);
    memcpy(cell + 4, key.at, key.len);
    return true;
}

// The leaf has no room for the next row. In an index its last entry goes up, in a table that one's number.
static bool finish_leaf(sqlite_tree *t, page_file *f, error *e)
{
    u8 key[ROW_VARINT];
    if (t->is_index)
        return finish_page(t, f, 0, 0, page_pop(&t->level[0], 0), e);
    size_t len = (size_t)(row_put_varint(key, (u64)t->last) - key);
    return finish_page(t, f, 0, 0, (span){key, len}, e);
}

// What does not fit on a leaf, as pages that name the next one.
static bool add_overflow(page_file *f, span rest, u32 *first, error *e)
{
    u8 *page = mem_alloc(TREE_PAGE);
    bool ok = true;
    *first = page_to_come(f, 0);
    while (ok && rest.len) {
        size_t len = rest.len < OVERFLOW_BYTES ? rest.len : OVERFLOW_BYTES;
        u32 number;
        put_32(page, rest.len > len ? page_to_come(f, 1) : 0);
        memcpy(page + 4, rest.at, len);
        memset(page + 4 + len, 0, OVERFLOW_BYTES - len);
        rest = span_from(rest, len);
        ok = add_page(f, page, &number, e);
    }
    mem_free(page);
    return ok;
}

// How much of a row stands on its leaf.
static size_t local_bytes(size_t len)
{
    if (len <= LARGEST_CELL)
        return len;
    size_t some = SMALLEST_REST + (len - SMALLEST_REST) % OVERFLOW_BYTES;
    return some <= LARGEST_CELL ? some : SMALLEST_REST;
}

bool tree_add(sqlite_tree *t, page_file *f, i64 number, span row, error *e)
{
    u8 head[2 * ROW_VARINT];
    size_t local = local_bytes(row.len);
    u8 *p = row_put_varint(head, row.len);
    if (!t->is_index)
        p = row_put_varint(p, (u64)number);
    size_t before = (size_t)(p - head), bytes = before + local + (local < row.len ? 4 : 0);
    if (!t->count)
        page_begin(t, 0);
    if (!page_fits(&t->level[0], 0, bytes) && !finish_leaf(t, f, e))
        return false;
    u8 *cell = page_cell(&t->level[0], 0, bytes);
    memcpy(cell, head, before);
    memcpy(cell + before, row.at, local);
    t->last = number;
    if (local == row.len)
        return true;
    u32 overflow;
    if (!add_overflow(f, span_from(row, local), &overflow, e))
        return false;
    put_32(cell + before + local, overflow);
    return true;
}

// Each level's page lies right of all entries of the level above, whose last one is the root.
static bool write_rest(sqlite_tree *t, page_file *f, error *e)
{
    u32 right = 0;
    for (u32 i = 0; i + 1 < t->count; i++) {
        page_head(t, i, right);
        if (!add_page(f, t->level[i].bytes, &right, e))
            return false;
    }
    if (!t->count)
        return true;
    page_head(t, t->count - 1, right);
    return write_page(f, t->root, t->level[t->count - 1].bytes, e);
}

bool tree_end(sqlite_tree *t, page_file *f, error *e)
{
    bool ok = !e || write_rest(t, f, e);
    for (u32 i = 0; i < TREE_LEVELS; i++) {
        mem_free(t->level[i].bytes);
        t->level[i].bytes = NULL;
    }
    t->count = 0;
    return ok;
}
