// One function a command; each returns the program's exit code and says on stderr what went wrong.
#ifndef ETWKIT_COMMANDS_H
#define ETWKIT_COMMANDS_H

#include "options.h"

int cmd_info(const options *o);
int cmd_convert(const options *o);
int cmd_schemas(const options *o);
int cmd_report(const options *o);
int cmd_verify(const options *o);
int cmd_carve(const options *o);

#endif
