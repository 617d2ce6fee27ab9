// Where the program ends when there is no memory: no output is left, one sentence, exit code 1.
#ifndef ETWKIT_CLI_MEMORY_H
#define ETWKIT_CLI_MEMORY_H

void memory_begin(void); // once, before anything is allocated

#endif
