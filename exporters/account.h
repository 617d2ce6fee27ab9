// Names of accounts that have the same SID on every machine.
#ifndef ETWKIT_ACCOUNT_H
#define ETWKIT_ACCOUNT_H

enum { ACCOUNT_NAME = 64 };

// As Windows shows it in English; NULL: the SID is not one of these, or NULL. The name lives in `scratch` or for good.
const char *account_name(const char *sid, char scratch[ACCOUNT_NAME]);

#endif
