// Processes and accounts of the `ecs` format.
#ifndef ETWKIT_ECS_PROCESS_H
#define ETWKIT_ECS_PROCESS_H

#include "ecs_write.h"
#include "etwkit_engine.h"
#include "literal.h"

// What is known of each process, as members of `process`; made once, as every event of a process has them.
typedef struct ecs_processes {
    arena memory;
    literal *lives; // by index
    u32 count;
} ecs_processes;

void ecs_processes_open(ecs_processes *p, const correlator *c);
void ecs_processes_free(ecs_processes *p);

// The object `process`: who acts in the activity, where the record shows one (`seen`; NULL: none), else the process
// the event happened in.
void ecs_process_put(const ecs_processes *p, const record *rec, const activity *seen, outbuf *out);

// Members of a `user`: the id, and the name of those that have the same SID on every machine.
void ecs_user_of_sid(const char *sid, outbuf *out);
// "DOMAIN\name", or a name alone.
void ecs_user_of_name(span account, span domain, outbuf *out);

#endif
