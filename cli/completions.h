// Completion scripts for shells, made from the tables of commands and options (command.h).
#ifndef ETWKIT_COMPLETIONS_H
#define ETWKIT_COMPLETIONS_H

#include "base/base.h"

// The script for "bash", "zsh" or "fish" on standard output. False: none is known for that shell.
bool completions_print(const char *shell);

#endif
