// Which program this is, and what it is made of.
#ifndef ETWKIT_VERSION_H
#define ETWKIT_VERSION_H

// The commit it was made from, "+" after it where files had changed since; NULL: made outside of its repository. Set by
// main.c, so that a commit makes nothing else anew.
extern const char *version_commit;
// SHA-256 of the tables of schemas that are part of the program (parser/schema/tables/*.def); NULL: not known.
extern const char *version_core;

void version_print(void); // `etwkit --version`: program, commit, libraries as they run here, build

#endif
