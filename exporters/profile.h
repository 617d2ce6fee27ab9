// CPU samples and context switches with their stacks, counted: what the profile formats write.
//
// Samples are SampleProf events of the kernel, switches its CSwitch events. A frame is named by the function or method
// at its address, else by module and offset. Equal stacks are one. Switches stand as a process of their own.
#ifndef ETWKIT_PROFILE_H
#define ETWKIT_PROFILE_H

#include "exporter.h"

typedef struct profile profile;

profile *profile_new(const export_target *target);
void profile_free(profile *p);

// What a record gives, and taking it; as render and commit of an exporter do.
void profile_render(const profile *p, const record *rec, outbuf *out);
void profile_add(profile *p, span rendered);

// After the last record: frames get their names. Then stacks are there by index, in the order of their first sample.
void profile_finish(profile *p);

// A frame of the record's stack, with its length as a u32 before it: "module!function", "module!+0x1a2b", a method
// alone, or the address.
void profile_put_frame(outbuf *out, const record *rec, u32 index);

typedef struct profile_stack {
    u32 process;       // index
    u32 count;         // frames
    const u32 *frames; // by index; innermost first
    u64 samples;
} profile_stack;

u32 profile_stacks(const profile *p);
profile_stack profile_stack_of(const profile *p, u32 index);
const char *profile_process(const profile *p, u32 index); // "name (id)"; NULL: there are no more
const char *profile_frame(const profile *p, u32 index);   // likewise

u64 profile_samples(const profile *p); // and switches
void profile_remark(const profile *p, char text[EXPORT_REMARK]);

#endif
