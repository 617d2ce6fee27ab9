// What a filter asks for and no event of the inputs has: said where nothing passed, since it may be a slip of the pen.
#ifndef ETWKIT_MISSING_H
#define ETWKIT_MISSING_H

#include "evidence.h"

void missing_say(const evidence *ev);

#endif
