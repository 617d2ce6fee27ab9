// Networks and addresses in text. IPv4 is taken as IPv4-mapped IPv6.
#ifndef ETWKIT_PATTERN_NETWORK_H
#define ETWKIT_PATTERN_NETWORK_H

#include "base/span.h"

// "10.0.0.0/8", "fe80::/10", or one address.
bool network_read(const char *text, u8 address[16], u32 *bits);
bool network_has(const u8 network[16], u32 bits, span address);

#endif
