// Every limit of the project, each with its reason. What lies over a limit is not read: the event goes out raw, the
// file is refused, and the limit is named once with a count.
#ifndef ETWKIT_LIMITS_H
#define ETWKIT_LIMITS_H

enum {
    // Inputs
    LIMIT_SPOOL_MEMORY = 32 << 20,        // of streams and members of archives kept in memory; more goes to a file
#define LIMIT_SPOOL_BYTES ((u64)64 << 30) // and of that file: a device without an end must not fill the disk

    LIMIT_LOADED_INPUT = 256 << 10,       // a file that is read into memory as a whole
    LIMIT_ARCHIVE_DEPTH = 8,              // archives in archives
    LIMIT_ARCHIVE_MEMBERS = 1 << 20,      // of one archive
    LIMIT_ARCHIVE_RATIO = 2000,           // bytes out for each byte in, once more than LIMIT_ARCHIVE_FREE_BYTES came
    LIMIT_ARCHIVE_FREE_BYTES = 256 << 20, // out: deflate gives at most 1,032, preallocated traces some thousands
    LIMIT_FOLDER_DEPTH = 128,             // folders in folders
    LIMIT_IMAGE_NAMES = 64 << 20,         // of one file system in a disk image; system drives have some million
    LIMIT_FILE_EXTENTS = 1 << 20,         // of one file in a disk image; the most fragmented have some 100,000

    // Containers
    LIMIT_BUFFER_BYTES = 16 << 20,       // buffers of 4 KiB to 2 MiB exist; EVENT_TRACE_PROPERTIES allows 16 MiB
    LIMIT_BUFFERS = 64 << 20,            // of one file: 4 TiB of buffers of 64 KiB; 48 bytes each, in a temporary file
    LIMIT_EXTENDED_ITEMS = 64,           // 18 types are known; a chain longer than this is damage
    LIMIT_DAMAGE_NOTES = 10000,          // damaged ranges kept one by one; beyond that they are only counted
    LIMIT_CACHED_TRACE_BYTES = 64 << 20, // of larger traces the first pass caches no whole buffers
    LIMIT_CACHED_PLACES = 8 << 20,       // of plain buffers it caches where half a million events stand
    LIMIT_CACHED_BYTES = 32 << 20,       // what it caches in all, inflated: then buffers are read and inflated twice
    LIMIT_OPEN_BYTES = 64 << 20,         // of buffers that overlap in time kept in memory; more go to a file
    LIMIT_KEPT_BYTES = 4 << 20,          // of events not decoded at first, a thread, where the first pass counts states
    LIMIT_KEPT_CLASS_BYTES = 64 << 10,   // and of one class: what is beyond is counted in the second pass

    // Carving
    LIMIT_CARVED_BUFFERS = 8 << 20, // 1 GiB of memory for their facts; 512 GiB of traces in buffers of 64 KiB
    LIMIT_CARVED_SESSIONS = 4096,   // files written; a machine keeps some hundred traces, a hostile image any number
    LIMIT_CARVED_FILL = 64 << 20,   // fill for cut buffers beyond the image's own size; a header may claim 16 MiB
    LIMIT_CARVED_RATIO = 64, // bytes inflated in all for each of the image, while buffers are looked for: those of
                             // traces give some 10 each, and are inflated four times
    LIMIT_CARVED_INFLATED = 256 << 20, // and these, whatever its size

    // Event classes and schemas
    LIMIT_CLASSES = 200000,           // distinct (provider, descriptor, schema); real traces have some hundreds
    LIMIT_CLASS_BYTES = 64 << 20,     // of all classes with names and plans; some 3 MiB where a trace has thousands
    LIMIT_SCAN_CLASS_BYTES = 4 << 20, // of those one scanning thread remembers; the rest are looked up in order
    LIMIT_PROPERTIES = 4096,          // of one schema; the largest known (Defrag) has 47
    LIMIT_NESTING = 16,               // structs in structs; TraceLogging producers cannot write more than 8
    LIMIT_ARRAY_ELEMENTS = 65535,     // counts are 16 bit in every schema; also stops zero-size elements
    LIMIT_SLOTS = 262144,             // values of one event: 65,535 bytes of payload, some values empty
    LIMIT_MAP_ENTRIES = 65536,
    LIMIT_CANDIDATES = 12,        // layouts tried on a payload: versions, pointer sizes, several sources
    LIMIT_NAME_BYTES = 4096,      // a name longer than this is cut
    LIMIT_MESSAGE_BYTES = 65536,  // a message template; message tables hold at most 64 KiB an entry
    LIMIT_PARAMETER_BYTES = 1024, // of a parameter message: a word or a sentence
    LIMIT_RECORD_TEXT = 4 << 20,  // of one record; 65,535 payload bytes with names and texts a few times as long
    LIMIT_NUMBER_WIDTH = 100,     // of a number in a WPP message, and its precision; a format may ask for any

    // Expressions
    LIMIT_WHERE_DEPTH = 64,   // brackets and "not"s in one
    LIMIT_WHERE_NODES = 4096, // its terms

    // Rules
    LIMIT_VMDK_DESCRIPTION = 1 << 20, // bytes of what a VMware disk says of its files; usual ones have 10 KiB of room
    LIMIT_RULE_FILE_BYTES = 32 << 20, // of YAML; whole collections in one file have some 10 MiB, single rules some KiB
    LIMIT_RULE_SOURCES = 1024,        // different logsources; all public rules together have some 90
    LIMIT_RULE_TESTS = 1 << 20,       // values that all rules ask for, some 500 bytes each; public ones have 40,000
    LIMIT_YAML_NODES = 1 << 20,       // of one document, with what anchors unfold into
    LIMIT_YAML_DEPTH = 64,            // rules nest 6 deep
    LIMIT_YAML_BYTES = 16 << 20,      // of its texts likewise
    LIMIT_RULE_WORD = 256,            // of a condition; names of selections have some 30 characters
    LIMIT_RULE_CONDITION = 64 << 10,  // bytes of all conditions of a rule
    LIMIT_RULE_SELECTIONS = 4096,     // of a rule; public ones have some 30
    LIMIT_RULE_FIELDS = 256,          // that one rule is the first to name; public ones name some 10
    LIMIT_RULE_NODES = 1 << 20,       // terms of a rule, selections as often as its condition names them
    LIMIT_RULE_VALUE = 64 << 10,      // bytes of one value; a pattern is looked for in time of both lengths multiplied
    LIMIT_RULE_TEXT = 16 << 20,       // of all values of a rule, placeholders filled in
    LIMIT_RULE_DEPTH = 64,            // brackets and "not"s in a condition
    LIMIT_RULE_OPERANDS = 1024,       // of one "and" or "or" in a condition
    LIMIT_CORRELATION_RULES = 32,     // that one correlation names, and fields it groups by
    LIMIT_CORRELATION_SOURCES = 1024, // rules below it, through other correlations
    LIMIT_CORRELATION_DEPTH = 8,      // correlations of correlations
    LIMIT_CORRELATION_COUNT = 100000, // in a condition: each group keeps up to so many hits
    LIMIT_CORRELATION_DAYS = 3650,    // of a timespan
    LIMIT_CORRELATION_BYTES = 64 << 20, // of all groups; beyond it the oldest are forgotten
    LIMIT_CORRELATION_SHOWN = 64,       // records that a hit names; there may be more
    LIMIT_HELD_HITS = 64 << 20,         // bytes of hits that wait for their numbers; of more, records are read again
    LIMIT_REGEX_BYTES = 64 << 10,       // of one regular expression; the longest of public rules has 2,000 characters
    LIMIT_REGEX_NESTING = 64,           // brackets in it
    LIMIT_REGEX_STEPS = 200000,         // on one value: some milliseconds
    LIMIT_REGEX_HEAP = 4 << 20,         // bytes of memory likewise

    // Schema files
    LIMIT_SCHEMA_FILE_BYTES = 512 << 20, // a manifest, PE or PDB file; the largest system DLLs are some 50 MiB
    LIMIT_SCHEMA_FOLDERS = 32,           // folders in folders
    LIMIT_XML_BYTES = 64 << 20,          // one manifest; the largest known is 3 MiB
    LIMIT_XML_DEPTH = 64,                // instrumentation manifests nest 10 deep
    LIMIT_XML_ATTRIBUTE_BYTES = 1 << 20, // one attribute
    LIMIT_NAMES_BY_NUMBER = 1024,     // lists longer than this are not searched for what a manifest gives as a number
    LIMIT_XML_ELEMENTS = 1 << 20,     // the largest manifest known has some 20,000; bounds the reader's memory
    LIMIT_XML_ATTRIBUTES = 4 << 20,   // of all elements; likewise
    LIMIT_XML_TAG_ATTRIBUTES = 65536, // of one element, counted by '=' signs before the XML reader sees them
    LIMIT_MOF_BYTES = 16 << 20,       // a MOF file; the largest of Windows are some 2 MiB
    LIMIT_MOF_DEPTH = 16,             // classes a class has its fields from; the kernel's have two
    LIMIT_MOF_CLASSES = 65536,        // of one MOF file; the kernel's has 300
    LIMIT_PE_SECTIONS = 96,           // of one PE file; Windows' loader accepts no more
    LIMIT_PE_RESOURCES = 65536,       // resource directory entries looked at in one file; stops loops
    LIMIT_PE_MESSAGES = 1 << 20,      // ids of one message table; stops blocks that claim the same bytes under many ids
    LIMIT_WEVT_WORK = 4 << 20,        // bytes a compiled manifest may use beyond 8 times its file; stops shared bytes
    LIMIT_TMF_BYTES = 64 << 20,       // one TMF file; all of a driver kit in one has some MiB
    LIMIT_TMF_LINE_BYTES = 32 << 10,  // format strings of some hundred bytes are long; lists of names have a few KiB
    LIMIT_TMF_MAP_ENTRIES = 1 << 20,  // names of values in one TMF file; every provider that uses an enum has a copy
    LIMIT_PROVIDERS_A_FILE = 4096,
    LIMIT_EVENTS_A_PROVIDER = 65536,     // event ids are 16 bit
    LIMIT_PACKED_BYTES = 64 << 20,       // one provider in the schema cache; the largest known has 1 MiB
    LIMIT_PACKED_WORK = 16 << 20,        // properties of all its events together, shared layouts counted each time
    LIMIT_CACHE_ROWS = 4 << 20,          // descriptions in a schema cache; every TMF of a driver kit gives some 100,000
    LIMIT_CACHE_FETCH_BYTES = 256 << 20, // descriptions of one provider that are read; stops caches made to fill memory
    LIMIT_CACHE_TICKS = 5000,            // pieces of 100,000 steps SQLite may take for one request; stops looped pages
    LIMIT_PUBLISHERS = 65536,            // providers in one registry; Windows 11 lists some 1,200
    LIMIT_LANGUAGES = 64,                // of a machine's user interface; some have three
    LIMIT_MANIFEST_TERMS = 16384,        // names of one kind in a manifest that is written: each is compared with all
    LIMIT_MACHINE_FILES = 65536,         // hives and MOF files of all machines of a run; one has some 400

    // Embedded schemas
    LIMIT_MANIFEST_CHUNKS = 4096,      // of one EventSource manifest; each is at most 64 KiB
    LIMIT_MANIFEST_PENDING = 64 << 20, // bytes of EventSource manifests whose last chunk has not come yet
    LIMIT_MANIFESTS_PENDING = 4096,    // and their number: (provider, process, pieces) being put together at once
    LIMIT_MANIFEST_SENDERS = 4096,     // of one EventSource manifest that are told apart: processes, and how often

    // Hosts and lives
    LIMIT_HOST_NOTES = 16,                 // doubts about which inputs are one machine's that are noted one by one
    LIMIT_CLOCK_STEPS = 1000,              // of one trace, each told: clocks are set by hand, or once at a start
#define LIMIT_FAR_TIME ((i64)864000000000) // a day in 100 ns: events so far outside their session are told

    LIMIT_LATE_EVENT = 1000000,   // 100 ms in 100 ns: an event may be so late behind the next one of its processor
    LIMIT_ENDED_GRACE = 50000000, // 5 s in 100 ns: events of an ended process or thread that were still in flight

    LIMIT_SPILL_MEMORY = 24 << 20, // facts kept in memory, all arrays together; more of them lies in temporary files

    // Correlation: what is remembered of a whole recording; a fact has some 40 bytes
    LIMIT_PROCESS_FACTS = 1 << 20,  // starts, ends and rundown entries of processes
    LIMIT_THREAD_FACTS = 64 << 20,  // likewise of threads
    LIMIT_STACK_THREADS = 65536,    // threads whose process only stacks tell, and its changes
    LIMIT_NAME_FACTS = 4 << 20,     // names of file objects and of registry keys, each
    LIMIT_KEY_PATHS = 256 << 20,    // bytes of registry paths, each once, that names and their bases add up to
    LIMIT_IMAGE_FACTS = 4 << 20,    // loads, unloads and rundown entries of modules; and PDB identities
    LIMIT_METHOD_FACTS = 2 << 20,   // compiled methods; a large .NET service has some 200,000
    LIMIT_SYMBOL_NAMES = 256 << 20, // of one program database; the kernel's take some 2 MiB
    LIMIT_VOLUMES = 4096,           // volume mappings; machines have some ten
    LIMIT_IMAGES_LOOKED_AT = 4096,  // modules of one process an address is looked for in; some hundred are usual
    LIMIT_RIVALS_LOOKED_AT = 16,    // events of one time stamp that a stack may belong to
    LIMIT_PARTS_LOOKED_AT = 64,     // and stacks of one
    LIMIT_STACKS = 256 << 20,       // StackWalk events, 32 bytes each; 160 GiB of a trace that is full of them
    LIMIT_KEPT_STACKS = 8 << 20,    // those not read with their records, each once; and keys of stacks
    LIMIT_STACK_FRAMES = 48 << 20, // addresses of stacks that are not read with their records, each stack once: 384 MiB
    LIMIT_CONNECTIONS = 1 << 20,   // pairs of ends and a process id
    LIMIT_TCB_FACTS = 4 << 20,     // TCP control blocks whose ends were told; and bytes moved by one

    // Provenance files, and what they name
    LIMIT_PROVENANCE_BYTES = 512 << 20, // some KiB an input; 100,000 inputs with all their classes
    LIMIT_VERIFIED_RECORD = 1024 << 20, // one record of JSON, as text

    // Exporters
    LIMIT_SHARDS = 65536, // parts of one output; schedulers run some thousands of tasks
    LIMIT_VIEWS = 20000,  // of one SQLite output; opening it parses them all, some hundreds are usual
    LIMIT_PARTS = 20000,  // files of one output, and folders; each folder takes a descriptor until all are complete
    LIMIT_FLAT_COLUMNS = 16000,   // of fields; spreadsheets have 16,384 columns
    LIMIT_TYPED_FIELDS = 8192,    // of all versions of an event as typed columns; one has LIMIT_PROPERTIES at most
    LIMIT_TYPED_PLACES = 1 << 20, // fields times plans; real events have some hundred
    LIMIT_VIEW_FIELDS = 1000,     // fields of one view; SQLite stops at 2000 columns
    LIMIT_PROFILE_FRAMES =
        32 << 20, // of the different stacks of one profile: 128 MiB; and an eighth of it different ones
    LIMIT_PACKET_INTERFACES = 65536, // of one pcapng output; machines have some hundred components
    LIMIT_PACKETS_PENDING = 1024,    // frames being put together at once, one a processor
    LIMIT_PACKET_BYTES = 256 << 10,  // of a frame that comes in parts; readers refuse longer ones
};

#endif
