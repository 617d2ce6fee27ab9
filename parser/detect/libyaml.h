// libyaml, loaded when the first rule is read.
#ifndef ETWKIT_LIBYAML_H
#define ETWKIT_LIBYAML_H

#include "base/base.h"

// The library's version; NULL: this program was built without it, or it is not installed here.
const char *libyaml_version(void);

#if !defined(_WIN32) && __has_include(<yaml.h>)
#define HAS_LIBYAML
#include <yaml.h>

#define LIBYAML_FUNCTIONS(X)                                                                                           \
    X(yaml_get_version_string)                                                                                         \
    X(yaml_parser_initialize)                                                                                          \
    X(yaml_parser_set_input_string)                                                                                    \
    X(yaml_parser_load)                                                                                                \
    X(yaml_parser_delete)                                                                                              \
    X(yaml_document_get_root_node)                                                                                     \
    X(yaml_document_get_node)                                                                                          \
    X(yaml_document_delete)

typedef struct libyaml_functions {
#define MEMBER(name) __typeof__(name) *name;
    LIBYAML_FUNCTIONS(MEMBER)
#undef MEMBER
} libyaml_functions;

// Valid once libyaml_is_there() was true.
extern libyaml_functions libyaml;
bool libyaml_is_there(void); // before there are threads
#endif

#endif
