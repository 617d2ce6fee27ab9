#include "completions.h"

#include <stdio.h>
#include <string.h>

#include "command.h"

// ---------------------------------------------------------------------------------------------- walking the tables

typedef struct place {
    const command *command, *parent; // parent: NULL, or the command it belongs to
} place;

static void each_option(place at, void (*visit)(place at, const option *row))
{
    for (size_t i = 0; i <= COMMAND_GROUPS; i++) {
        const option_group *group = i == COMMAND_GROUPS ? &options_common : at.command->options[i];
        for (const option *row = group ? group->rows : NULL; row && row->name; row++)
            visit(at, row);
    }
}

// Commands, each followed by those of its own.
static void each_command(void (*visit)(place at))
{
    for (size_t i = 0; commands[i]; i++) {
        visit((place){commands[i], NULL});
        for (size_t k = 0; commands[i]->commands && commands[i]->commands[k]; k++)
            visit((place){commands[i]->commands[k], commands[i]});
    }
}

static void put_words(const option *row)
{
    const char *word;
    for (u32 i = 0; (word = row->word(i)) != NULL; i++)
        printf("%s%s", i ? " " : "", word);
}

static void put_names(const command *const *list)
{
    for (size_t i = 0; list[i]; i++)
        printf("%s%s", i ? " " : "", list[i]->name);
}

// Inside of single quotes; what `escaped` lists gets a backslash.
static void put_quoted(const char *text, const char *quote, const char *escaped)
{
    for (; *text; text++) {
        if (*text == '\'')
            fputs(quote, stdout);
        else
            printf("%s%c", strchr(escaped, *text) ? "\\" : "", *text);
    }
}

// ---------------------------------------------------------------------------------------------- bash

static void bash_option(place at, const option *row)
{
    (void)at;
    printf(" %s%s%s", row->short_name ? row->short_name : "", row->short_name ? " " : "", row->name);
}

static void bash_words(place at, const option *row)
{
    if (!row->word)
        return;
    const char *parent = at.parent ? at.parent->name : at.command->name, *own = at.parent ? at.command->name : "";
    printf("    '%s %s %s'", parent, own, row->name);
    if (row->short_name)
        printf("|'%s %s %s'", parent, own, row->short_name);
    fputs(") COMPREPLY=($(compgen -W '", stdout);
    put_words(row);
    puts("' -- \"$cur\")); return ;;");
}

// a|b: the commands that have commands of their own.
static void bash_parents(void)
{
    const char *between = "";
    for (size_t i = 0; commands[i]; i++)
        if (commands[i]->commands) {
            printf("%s%s", between, commands[i]->name);
            between = "|";
        }
}

static void bash_values(place at)
{
    each_option(at, bash_words);
}

static void bash_command(place at)
{
    const char *parent = at.parent ? at.parent->name : at.command->name, *own = at.parent ? at.command->name : "";
    printf("    '%s %s') words='", parent, own);
    if (at.command->commands)
        put_names(at.command->commands);
    each_option(at, bash_option);
    puts("' ;;");
}

static void print_bash(void)
{
    fputs(
        "# etwkit: completion for bash, made from its tables of options.\n"
        "_etwkit() {\n"
        "    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command='' parent='' own='' words='' i\n"
        "    for ((i = 1; i < COMP_CWORD; i++)); do\n"
        "        case ${COMP_WORDS[i]} in -*) continue ;; esac\n"
        "        if [[ -z $command ]]; then command=${COMP_WORDS[i]}\n"
        "        elif [[ -n $parent && -z $own ]]; then own=${COMP_WORDS[i]}; fi",
        stdout);
    fputs("\n        case $command in ", stdout);
    bash_parents();
    puts(") parent=yes ;; esac\n"
         "    done\n"
         "    case \"$command $own $prev\" in");
    each_command(bash_values);
    puts("    esac\n"
         "    case \"$command $own\" in");
    fputs("    ' ') words='", stdout);
    put_names(commands);
    puts(" --help --version' ;;");
    each_command(bash_command);
    puts("    esac\n"
         "    if [[ $cur == -* || -z $command || (-n $parent && -z $own) ]]; then\n"
         "        COMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
         "    fi\n"
         "}\n"
         "complete -o default -F _etwkit etwkit");
}

// ---------------------------------------------------------------------------------------------- zsh

static void zsh_option(place at, const option *row)
{
    (void)at;
    fputs("            ", stdout);
    if (row->short_name)
        printf("'(%s %s)'{%s,%s}'[", row->short_name, row->name, row->short_name, row->name);
    else
        printf("'*%s[", row->name);
    put_quoted(row->help, "'\\''", "[]\\");
    putchar(']');
    if (row->argument) {
        putchar(':');
        put_quoted(row->argument, "'\\''", ":\\");
        fputs(row->word ? ":(" : ":_files", stdout);
        if (row->word) {
            put_words(row);
            putchar(')');
        }
    }
    puts("' \\");
}

static void zsh_command(place at)
{
    const char *parent = at.parent ? at.parent->name : at.command->name, *own = at.parent ? at.command->name : "";
    printf("    '%s %s')\n        _arguments -s \\\n", parent, own);
    each_option(at, zsh_option);
    puts("            '*:file:_files' ;;");
}

static void zsh_names(const command *const *list)
{
    for (size_t i = 0; list[i]; i++) {
        printf("        '%s:", list[i]->name);
        put_quoted(list[i]->help, "'\\''", ":\\");
        puts("'");
    }
}

static void print_zsh(void)
{
    puts("#compdef etwkit\n"
         "# etwkit: completion for zsh, made from its tables of options.\n"
         "local -a names\n"
         "local command=$words[2] own=''\n"
         "if ((CURRENT == 2)); then\n"
         "    names=(");
    zsh_names(commands);
    puts("    )\n"
         "    _describe command names\n"
         "    return\n"
         "fi");
    for (size_t i = 0; commands[i]; i++) {
        if (!commands[i]->commands)
            continue;
        printf("if [[ $command == %s ]]; then\n"
               "    if ((CURRENT == 3)); then\n"
               "        names=(\n",
               commands[i]->name);
        zsh_names(commands[i]->commands);
        puts("        )\n"
             "        _describe command names\n"
             "        return\n"
             "    fi\n"
             "    own=$words[3]\n"
             "    shift words\n"
             "    ((CURRENT--))\n"
             "fi");
    }
    puts("shift words\n"
         "((CURRENT--))\n"
         "case \"$command $own\" in");
    each_command(zsh_command);
    puts("esac");
}

// ---------------------------------------------------------------------------------------------- fish

// Under which words the line belongs to the command.
static void fish_condition(place at)
{
    if (at.parent)
        printf("complete -c etwkit -n '__fish_seen_subcommand_from %s; and __fish_seen_subcommand_from %s'",
               at.parent->name, at.command->name);
    else
        printf("complete -c etwkit -n '__fish_seen_subcommand_from %s'", at.command->name);
}

static void fish_help(const char *help)
{
    fputs(" -d '", stdout);
    put_quoted(help, "\\'", "\\");
    puts("'");
}

static void fish_option(place at, const option *row)
{
    fish_condition(at);
    if (row->short_name)
        printf(" -s %s", row->short_name + 1);
    printf(" -l %s", row->name + 2);
    if (row->word) {
        fputs(" -x -a '", stdout);
        put_words(row);
        putchar('\'');
    } else if (row->argument) {
        fputs(" -r", stdout);
    }
    fish_help(row->help);
}

static void fish_command(place at)
{
    if (at.parent)
        printf("complete -c etwkit -n '__fish_seen_subcommand_from %s' -f -a %s", at.parent->name, at.command->name);
    else
        printf("complete -c etwkit -n __fish_use_subcommand -f -a %s", at.command->name);
    fish_help(at.command->help);
    each_option(at, fish_option);
}

static void print_fish(void)
{
    puts("# etwkit: completion for fish, made from its tables of options.");
    each_command(fish_command);
}

// ----------------------------------------------------------------------------------------------

bool completions_print(const char *shell)
{
    static const struct {
        const char *name;
        void (*print)(void);
    } SHELLS[] = {{"bash", print_bash}, {"zsh", print_zsh}, {"fish", print_fish}};
    for (size_t i = 0; i < COUNT_OF(SHELLS); i++)
        if (strcmp(SHELLS[i].name, shell) == 0) {
            SHELLS[i].print();
            return true;
        }
    return false;
}
