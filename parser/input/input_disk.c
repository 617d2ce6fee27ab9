#include "input/input_disk.h"

#include "input/disk.h"
#include "input/kinds.h"

typedef struct disk_input {
    input common;
    input *first; // the disk's
    disk *disk;
} disk_input;

static size_t disk_input_read(input *in, u64 offset, void *into, size_t len, bool *failed)
{
    u64 left = offset < in->bytes ? in->bytes - offset : 0;
    size_t part = left < len ? (size_t)left : len;
    return part ? disk_read(((disk_input *)in)->disk, offset, into, part, failed) : 0;
}

static input_change disk_input_changed(input *in, u64 *bytes)
{
    return input_changed(((disk_input *)in)->first, bytes);
}

static void disk_input_close(input *in)
{
    disk_close(((disk_input *)in)->disk);
    input_finish(in);
}

static const input_backend disk_backend = {
    .name = "disk image", .read_at = disk_input_read, .changed = disk_input_changed, .close = disk_input_close};

bool input_unfold_disk(input **in, error *missing, error *e)
{
    const input_kind *kind = input_kind_of(*in);
    if (!kind || (kind->form != FORM_EWF && kind->form != FORM_VIRTUAL))
        return true;
    input *first = *in;
    disk_input *d = input_begin(&disk_backend, first->path, sizeof(*d));
    d->first = first;
    *in = NULL;
    if (!(d->disk = disk_open(first, missing, e))) {
        input_finish(&d->common);
        return false;
    }
    d->common.bytes = disk_bytes(d->disk);
    d->common.device = first->device;
    d->common.inode = first->inode;
    *in = &d->common;
    return true;
}
