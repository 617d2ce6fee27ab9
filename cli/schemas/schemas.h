// `etwkit schemas`: what its subcommands share. Each returns the program's exit code and has said what went wrong.
#ifndef ETWKIT_SCHEMAS_H
#define ETWKIT_SCHEMAS_H

#include "base/outbuf.h"
#include "etwkit_engine.h"
#include "options.h"

// The one provider a command is about. Several GUIDs may go by one name.
enum { SCHEMAS_MATCHES = 16 };
typedef struct schemas_wanted {
    schema_set *set; // of a catalogue
    guid ids[SCHEMAS_MATCHES];
    u32 count;
} schemas_wanted;

int schemas_add(const options *o);
int schemas_search(const options *o);
int schemas_show(const options *o, const schemas_wanted *wanted);
int schemas_export(const options *o, const schemas_wanted *wanted);

// Appends an instrumentation manifest of one description to `out`. *left_out counts the events no manifest can say, `e`
// says why of the first. False: more names than can be told apart, and `e` says so.
MUST_USE bool manifest_write(provider_schema *p, outbuf *out, u32 *left_out, error *e);

void schemas_say(const char *format, ...) PRINTF_LIKE(1, 2); // to stderr, with the program's name
// To stdout: control characters of names that came from files do not reach the terminal. Returns the columns taken.
int schemas_print(const char *text);
void schemas_print_padded(const char *text, int columns);

struct cJSON;
void schemas_print_json(struct cJSON *line);        // a line; deletes the object
void schemas_print_summary(const event_schema *ev); // a line: id, version, level, name, fields
// Whether the text (or NULL) holds the word; case ignored.
bool schemas_holds(const char *text, const char *word);

// "3006", "3006:1" (version) or a name; an event it fits. NULL fits all.
bool schemas_event_fits(const event_schema *ev, const char *wanted);
// The name a record of the event would have; scratch for LIMIT_NAME_BYTES.
const char *schemas_event_name(const event_schema *ev, char *scratch, size_t bytes);

#endif
