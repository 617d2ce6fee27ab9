// Which program this is, and what it is made of.
#ifndef ETWKIT_VERSION_H
#define ETWKIT_VERSION_H

// The commit it was made from, "+" after it where files had changed since; NULL: made outside of its repository. Set by
// main.c, so that a commit makes nothing else anew.
extern const char *version_commit;

void version_print(void); // `etwkit --version`: program, commit, schema core, libraries as they run here, build

#endif
