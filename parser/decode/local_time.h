// Which times are not UTC.
#ifndef ETWKIT_LOCAL_TIME_H
#define ETWKIT_LOCAL_TIME_H

#include "base/base.h"

// Whether a field's name says that its time is of the machine's time zone: LocalTime, SystemTimeLocal. No type does.
bool is_local_time(const char *name);

#endif
