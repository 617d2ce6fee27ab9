#include "command.h"

#include <stdio.h>
#include <string.h>

#include "base/suggest.h"

const command *const commands[] = {
#define COMMAND(name) &command_##name,
#include "commands.def"
#undef COMMAND
    NULL,
};

const command *command_named(const command *const *list, const char *name)
{
    while (*list && strcmp((*list)->name, name) != 0)
        list++;
    return *list;
}

const char *command_suggested(const command *const *list, const char *name, char scratch[96])
{
    suggestion s = {.word = name};
    while (*list)
        suggest_try(&s, (*list++)->name);
    return suggest_text(&s, scratch);
}

const char *command_names(const command *const *list, char scratch[256])
{
    size_t len = 0;
    for (size_t i = 0; list[i] && len < 256; i++)
        len += (size_t)snprintf(scratch + len, 256 - len, "%s%s", i ? ", " : "", list[i]->name);
    return scratch;
}

void command_print_help(const command *c, const char *parent)
{
    printf("etwkit %s%s%s %s\n  %s\n", parent ? parent : "", parent ? " " : "", c->name, c->arguments, c->help);
    for (size_t i = 0; c->commands && c->commands[i]; i++) {
        const command *own = c->commands[i];
        printf("%s  etwkit %s %-6s %-28s %s\n", i ? "" : "\n", c->name, own->name, own->arguments, own->help);
    }
    if (c->commands)
        printf("\n`etwkit %s COMMAND --help` lists a command's options.\n", c->name);
    options_print_help(c);
    if (c->print_more)
        c->print_more();
}
