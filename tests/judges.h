// Programs and schemas of others that judge outputs: scripts of Python (ETWKIT_PYTHON names a Python that has the
// packages they need) which give 77 where what they need is not there.
#ifndef ETWKIT_TESTS_JUDGES_H
#define ETWKIT_TESTS_JUDGES_H

#include "program.h"

const char *judge_python(void);
// Of a status as wait has it: the exit code, and 77 where the shell found no such program.
int judge_code(int status);

// Whether judges that look at each value are asked about a trace: ETWKIT_JUDGED_KIB says how large it may be.
bool judge_takes(const char *path);

// Runs `script` ("tests/x.py ARGUMENTS") with the program's path behind it and then `more` and all traces at hand: the
// samples, and ETWKIT_SHARED's corpus. Returns its exit code.
int judge_traces(const char *script, const char *more);

#endif
