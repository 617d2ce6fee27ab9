// What the process gives up before it reads its first hostile byte: where the kernel can hold it to that.
//
// Whoever takes over a reader through a crafted trace has what the reader has. From sandbox_begin on that is: to read
// what its user may read; to make and change files in the folders of the run's outputs, and temporary ones; its own
// threads. No other file is written, made, removed or given other rights, no program is started, no network is reached,
// no other process is touched, and memory that was written is never executed. Landlock holds it to the files (Linux
// 5.13, all of it from 6.2 on), seccomp to the calls (x86-64, ARM64, RISC-V); what a kernel or a container does not
// offer is left out without a word, but `etwkit --version` says what there is.
#ifndef ETWKIT_SANDBOX_H
#define ETWKIT_SANDBOX_H

#include "base/base.h"

// For good, and before there is a second thread. `written`: paths of outputs; one that does not exist yet counts as its
// nearest folder that does. NULLs among them are passed over.
void sandbox_begin(const char *const *written, u32 count);

// "files (Landlock 6) and calls (seccomp)", "none: …"; what sandbox_begin came to.
const char *sandbox_text(void);

#endif
