#include "input/find.h"

#include <string.h>
#include <strings.h>

#include "base/arena.h"
#include "base/limits.h"
#include "base/os.h"
#include "base/text.h"
#include "input/archive.h"
#include "input/image.h"
#include "input/kinds.h"

// What is given itself is wanted, whatever it is.
typedef enum standing { GIVEN, LYING } standing;

static bool look_into(finder *f, input *in, standing how);

static bool found(finder *f, input *in)
{
    input_will_read(in);
    f->found_count++;
    return f->found(f->context, in);
}

static bool failed(finder *f, const char *path, const error *e)
{
    f->found_count++;
    return f->failed(f->context, path, e);
}

static bool has_suffix(const finder *f, const char *path)
{
    return text_ends_in(text_span(path), f->suffix);
}

// x.etl.gz, x.etlgz and the like; x.etl.jsonl is what was made of a trace.
static bool has_packed_suffix(const finder *f, const char *path)
{
    static const char *const PACKED[] = {"gz", ".gz", ".xz", ".zst", ".bz2", ".lz4", ".lzma", ".Z"};
    span name = text_span(path);
    for (size_t i = 0; i < COUNT_OF(PACKED); i++)
        if (text_ends_in(name, PACKED[i]) && text_ends_in((span){name.at, name.len - strlen(PACKED[i])}, f->suffix))
            return true;
    return false;
}

static bool is_useful(const finder *f, const char *path)
{
    return f->helper.is_useful && f->helper.is_useful(f->helper.context, path);
}

static void take_useful(const finder *f, input *in)
{
    input_will_read(in);
    f->helper.useful(f->helper.context, in);
}

// Streams that only lie somewhere may never end, and links may lead anywhere: neither is followed. Who named it as one
// of those that are looked for should know.
static bool pass_stream(finder *f, const char *path, const char *why)
{
    error e = {0};
    if (!has_suffix(f, path)) {
        f->passed++;
        return true;
    }
    error_code_set(&e, ERR_NOT_A_FILE, "%s: %s", path, why);
    return failed(f, path, &e);
}

// ---------------------------------------------------------------------------------------------- archives

// The archive that is looked into.
typedef struct opened_archive {
    finder *finder;
    const input *in;
    standing how;
} opened_archive;

// A compressed file is what is in it.
static standing standing_of(const opened_archive *a, const char *member)
{
    return strcmp(member, a->in->path) == 0 ? a->how : LYING;
}

static bool wants_member(void *context, const input *head)
{
    const opened_archive *a = context;
    finder *f = a->finder;
    if (standing_of(a, head->path) == LYING && is_useful(f, head->path))
        return true;
    const input_kind *kind = input_kind_of(head);
    bool wanted = standing_of(a, head->path) == GIVEN || has_suffix(f, head->path) ||
                  (strcmp(head->path, a->in->path) == 0 && has_packed_suffix(f, head->path)) || f->is_wanted(head) ||
                  (kind && kind->form != FORM_PLAIN);
    f->passed += !wanted;
    return wanted;
}

static bool visit_member(void *context, input *in)
{
    const opened_archive *a = context;
    return look_into(a->finder, in, standing_of(a, in->path));
}

static bool member_failed(void *context, const char *path, const error *e)
{
    return failed(((const opened_archive *)context)->finder, path, e);
}

// The same file once more, where it was found under its other name.
static bool member_linked(void *context, const char *path, const char *target)
{
    finder *f = ((const opened_archive *)context)->finder;
    if (!target || !f->again || !f->again(f->context, path, target))
        return pass_stream(f, path, "a link or a stream in an archive, which is not followed");
    f->found_count++;
    return true;
}

// What was taken for an image by its first bytes and holds no file system is one only where somebody says so.
static bool look_into_image(finder *f, input *in, standing how, const archive_visitor *visitor)
{
    arena a = {0};
    const char *path = arena_text(&a, in->path);
    u64 before = f->found_count;
    u32 volumes;
    bool goes_on = image_each(in, visitor, &volumes);
    if (goes_on && !volumes && f->found_count == before) {
        error e = {0};
        error_code_set(&e, ERR_NOT_A_TRACE, "%s: no file system is found in it", path);
        goes_on = how == LYING || failed(f, path, &e);
        f->passed += how == LYING;
    }
    arena_free(&a);
    return goes_on;
}

// An archive is read from its start to its end: what was only known to be of use by then is had in another pass.
static bool wants_useful(void *context, const input *head)
{
    return is_useful(((const opened_archive *)context)->finder, head->path);
}

static bool visit_useful(void *context, input *in)
{
    take_useful(((const opened_archive *)context)->finder, in);
    return true;
}

static bool pass_over(void *context, const char *path, const error *e)
{
    (void)context, (void)path, (void)e;
    return true; // it was said in the first pass
}

static bool look_into_archive(finder *f, input *in, const archive_visitor *visitor)
{
    const archive_visitor again = {visitor->context, wants_useful, visit_useful, pass_over, NULL};
    input_will_read(in);
    bool goes_on = archive_each(in, visitor);
    while (goes_on && f->helper.needs_more && f->helper.needs_more(f->helper.context, in->path))
        goes_on = archive_each(in, &again);
    input_close(in);
    return goes_on;
}

static bool look_inside(finder *f, input *in, standing how, input_form form)
{
    opened_archive opened = {f, in, how};
    const archive_visitor visitor = {&opened, wants_member, visit_member, member_failed, member_linked};
    bool goes_on;
    if (f->depth == LIMIT_ARCHIVE_DEPTH) {
        error e = {0};
        error_code_set(&e, ERR_LIMIT, "%s: archives are nested more than %d deep", in->path, LIMIT_ARCHIVE_DEPTH);
        goes_on = failed(f, in->path, &e);
        input_close(in);
        return goes_on;
    }
    f->depth++;
    goes_on = form == FORM_ARCHIVE ? look_into_archive(f, in, &visitor) : look_into_image(f, in, how, &visitor);
    f->depth--;
    return goes_on;
}

// ---------------------------------------------------------------------------------------------- files

static bool look_into(finder *f, input *in, standing how)
{
    if (how == LYING && is_useful(f, in->path)) {
        f->passed++;
        take_useful(f, in);
        return true;
    }
    if (f->is_wanted(in))
        return found(f, in);
    const input_kind *kind = input_kind_of(in);
    if (kind && kind->form != FORM_PLAIN)
        return look_inside(f, in, how, kind->form);
    if (how == GIVEN || has_suffix(f, in->path) || has_packed_suffix(f, in->path))
        return found(f, in);
    f->passed++;
    input_close(in);
    return true;
}

static bool open_and_look(finder *f, const char *path, standing how)
{
    input *in;
    error e = {0};
    if ((how == GIVEN ? input_open : input_open_to_look)(&in, path, &e))
        return look_into(f, in, how);
    return failed(f, path, &e);
}

// ---------------------------------------------------------------------------------------------- folders

typedef struct folder_walk {
    finder *finder;
    bool goes_on;
    u32 depth;
} folder_walk;

static bool visit_folder(folder_walk *w, const char *path);

static bool visit_entry(void *context, const char *path)
{
    folder_walk *w = context;
    switch (os_kind_of_entry(path)) {
    case OS_FOLDER:
        w->goes_on = visit_folder(w, path);
        break;
    case OS_FILE:
        w->goes_on = open_and_look(w->finder, path, LYING);
        break;
    case OS_STREAM:
        w->goes_on = pass_stream(w->finder, path, "a link or a stream, which is read only where it is named itself");
        break;
    case OS_MISSING:
        w->finder->passed++;
        break;
    }
    return w->goes_on;
}

static bool visit_folder(folder_walk *w, const char *path)
{
    error e = {0};
    if (w->depth == LIMIT_FOLDER_DEPTH) {
        error_code_set(&e, ERR_LIMIT, "%s: folders are nested more than %d deep", path, LIMIT_FOLDER_DEPTH);
        return failed(w->finder, path, &e);
    }
    w->depth++;
    bool listed = os_list_folder(path, visit_entry, w, &e);
    w->depth--;
    return listed ? w->goes_on : failed(w->finder, path, &e);
}

bool find_inputs(finder *f, const char *path)
{
    u64 found_before = f->found_count, passed_before = f->passed;
    bool is_folder = strcmp(path, "-") != 0 && os_kind(path) == OS_FOLDER;
    bool goes_on = is_folder ? visit_folder(&(folder_walk){f, true, 0}, path) : open_and_look(f, path, GIVEN);
    if (!goes_on || f->found_count > found_before)
        return goes_on;
    error e = {0};
    u64 others = f->passed - passed_before;
    error_code_set(&e, ERR_NOT_A_TRACE, "%s: no trace in it, %llu other %s", path, (unsigned long long)others,
                   others == 1 ? "file" : "files");
    return failed(f, path, &e);
}
