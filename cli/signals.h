// How signals end a run: those that ask for an end (HUP, INT, TERM) let it end in order, the second time and with all
// others at once; in either case nothing unfinished stays behind. What the parent ignored stays ignored.
#ifndef ETWKIT_SIGNALS_H
#define ETWKIT_SIGNALS_H

void signals_begin(void);

// Ends the process as a reader that went away ends every other program: by SIGPIPE, without a word.
_Noreturn void signals_end_by_pipe(void);

#endif
