// `etwkit schemas` through the program: exit codes, what add says, list, show and export, and conversions that read the
// cache. Environment: ETWKIT the program (build/etwkit), ETWKIT_SAMPLES the sample traces (samples).
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <cjson/cJSON.h>

#include "base/os.h"
#include "base/sha256.h"
#include "cache_world.h"

#define HEAD                                                                                                           \
    "<instrumentationManifest xmlns='http://schemas.microsoft.com/win/2004/08/events'><instrumentation><events>"
#define TAIL "</events></instrumentation></instrumentationManifest>"
#define ID "6b7c8d9e-0f1a-4b2c-8d3e-4f5061728394"

// Every part of a manifest that export has to say again.
static const char SHOP[] = HEAD
    "<provider name='Corner-Shop' guid='{" ID "}' symbol='S' resourceFileName='shop.exe' messageFileName='shop.dll'>"
    "<channels><channel name='Corner-Shop/Sales' chid='Sales' type='Operational' value='17'/></channels>"
    "<levels><level name='Chatty' value='20' message='$(string.chatty)'/></levels>"
    "<tasks><task name='Sale' value='3' eventGUID='{" ID "}' message='$(string.sale)'>"
    "<opcodes><opcode name='Ring' value='30'/><opcode name='Refund' value='31' message='$(string.refund)'/></opcodes>"
    "</task><task name='Stock' value='4'/></tasks>"
    "<opcodes><opcode name='Count' value='40'/></opcodes>"
    "<keywords><keyword name='Money' mask='0x1' message='$(string.money)'/><keyword name='Goods' "
    "mask='0x2'/></keywords>"
    "<maps><valueMap name='Coin'><map value='1' message='$(string.penny)'/><map value='5' message='$(string.five)'/>"
    "</valueMap><bitMap name='Taste'><map value='0x1' message='$(string.sweet)'/></bitMap></maps>"
    "<templates><template tid='T'>"
    "<data name='Coins' inType='win:UInt16'/><data name='Coin' inType='win:UInt8' map='Coin' count='Coins'/>"
    "<struct name='Basket' count='2'><data name='Item' inType='win:AnsiString' length='8'/>"
    "<data name='Taste' inType='win:UInt32' outType='win:HexInt32' map='Taste'/></struct>"
    "<data name='Size' inType='win:UInt32'/><data name='Picture' inType='win:Binary' length='Size'/>"
    "<data name='From' inType='win:Binary' outType='win:IPv6' length='16'/></template></templates>"
    "<events>"
    "<event value='1' version='0' level='win:Informational' task='Sale' opcode='Ring' keywords='Money Goods'"
    " channel='Sales' template='T' message='$(string.sold)' symbol='E1'/>"
    "<event value='1' version='1' level='Chatty' task='Sale' opcode='Refund' keywords='Money' template='T'/>"
    "<event value='2' level='win:Error' task='Stock' opcode='Count' message='$(string.odd)'/>"
    "<event value='3' opcode='win:Start' task='Stock'/>"
    "<event value='4' symbol='NOTHING_ELSE'/>"
    "</events></provider></events></instrumentation><localization><resources culture='en-US'><stringTable>"
    "<string id='chatty' value='Very &lt;chatty&gt; &amp; \"long\"'/><string id='sale' value='A sale'/>"
    "<string id='refund' value='Give back'/><string id='money' value='Money matters'/>"
    "<string id='penny' value='a penny'/><string id='five' value='five p'/><string id='sweet' value='sweet'/>"
    "<string id='sold' value='Sold %1%n&#10;for %2!s!&#9;\xc3\xa9'/><string id='odd' value='50%% off'/>"
    "</stringTable></resources></localization></instrumentationManifest>";

static const char STALL[] = HEAD "<provider name='Stall' guid='{11111111-2222-4333-8444-555555555555}' symbol='P'>"
                                 "<events><event value='9'/><event value='10'/></events></provider>" TAIL;

typedef struct run {
    const world_folder *folder;
    int code;
    outbuf out, err;
} run;

static char *in_folder(const world_folder *f, const char *name)
{
    size_t capacity = strlen(f->path) + strlen(name) + 2;
    char *path = mem_alloc(capacity);
    snprintf(path, capacity, "%s/%s", f->path, name);
    return path;
}

static void put(const world_folder *f, const char *name, const char *text)
{
    char *path = in_folder(f, name);
    world_file_write(path, text, strlen(text));
    mem_free(path);
}

// Words are separated by blanks; @name stands for a file of the test's folder, ~name for one of the samples.
static void spread(const world_folder *f, const char *words, char **args, u32 capacity)
{
    const char *samples = getenv("ETWKIT_SAMPLES") ? getenv("ETWKIT_SAMPLES") : "samples";
    u32 count = 0;
    while (*words) {
        size_t len = strcspn(words, " ");
        char word[256];
        assert_true(len < sizeof(word) && count + 1 < capacity);
        memcpy(word, words, len);
        word[len] = 0;
        if (word[0] == '@') {
            args[count++] = in_folder(f, word + 1);
        } else {
            char *arg = mem_alloc(len + strlen(samples) + 2);
            if (word[0] == '~')
                snprintf(arg, len + strlen(samples) + 2, "%s/%s", samples, word + 1);
            else
                memcpy(arg, word, len + 1);
            args[count++] = arg;
        }
        words += len + (words[len] == ' ');
    }
    args[count] = NULL;
}

static void start(const world_folder *f, char **args, const char *out, const char *err)
{
    const char *program = getenv("ETWKIT") ? getenv("ETWKIT") : "build/etwkit";
    setenv("HOME", f->path, 1); // nobody's cache takes part
    setenv("XDG_CACHE_HOME", f->path, 1);
    if (!freopen(out, "wb", stdout) || !freopen(err, "wb", stderr))
        _exit(126);
    args[-1] = (char *)(uintptr_t)program;
    execv(program, args - 1);
    _exit(127);
}

static run etwkit(const world_folder *f, const char *words)
{
    char *args[32] = {0}, *out = in_folder(f, "out"), *err = in_folder(f, "err");
    int status = 0;
    spread(f, words, args + 1, COUNT_OF(args) - 1);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        start(f, args + 1, out, err);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    run r = {f, WEXITSTATUS(status), world_file_read(out), world_file_read(err)};
    outbuf_add(&r.out, "", 1);
    outbuf_add(&r.err, "", 1);
    for (u32 i = 1; args[i]; i++)
        mem_free(args[i]);
    os_remove(out);
    os_remove(err);
    mem_free(out);
    mem_free(err);
    return r;
}

static void done(run *r)
{
    outbuf_free(&r->out);
    outbuf_free(&r->err);
}

static const char *out_of(const run *r)
{
    return (const char *)r->out.bytes;
}

static const char *err_of(const run *r)
{
    return (const char *)r->err.bytes;
}

static void expect_text(const char *where, const char *wanted)
{
    if (!strstr(where, wanted))
        fail_msg("\"%s\" is not in:\n%s", wanted, where);
}

// Runs and expects an exit code, and (where not NULL) a piece of stdout and of stderr.
static void expect(const world_folder *f, const char *words, int code, const char *out, const char *err)
{
    run r = etwkit(f, words);
    if (r.code != code)
        fail_msg("%s: exit code %d, not %d\n%s%s", words, r.code, code, out_of(&r), err_of(&r));
    if (out)
        expect_text(out_of(&r), out);
    if (err)
        expect_text(err_of(&r), err);
    done(&r);
}

static cJSON *line_of(const run *r, u32 number)
{
    const char *at = out_of(r);
    for (; number && at; number--)
        at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL;
    assert_non_null(at);
    cJSON *line = cJSON_ParseWithOpts(at, NULL, false);
    assert_non_null(line);
    return line;
}

static cJSON *line_with(const run *r, const char *text)
{
    const char *at = strstr(out_of(r), text);
    if (!at)
        fail_msg("\"%s\" is not in:\n%s", text, out_of(r));
    while (at > out_of(r) && at[-1] != '\n')
        at--;
    cJSON *line = cJSON_ParseWithOpts(at, NULL, false);
    assert_non_null(line);
    return line;
}

static double number_in(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsNumber(item))
        fail_msg("no number %s", name);
    return item->valuedouble;
}

static const char *text_in(const cJSON *object, const char *name)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
    if (!cJSON_IsString(item))
        fail_msg("no text %s", name);
    return item->valuestring;
}

// ---------------------------------------------------------------------------------------------- add

static void test_exit_codes(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    put(f, "notes.txt", "nothing of interest");
    expect(f, "schemas", 2, NULL, "no command given: add, list, search, show, export");
    expect(f, "schemas frob", 2, NULL, "unknown command 'frob'");
    expect(f, "schemas shwo", 2, NULL, "unknown command 'shwo'; did you mean 'show'?");
    expect(f, "schemas add", 2, NULL, "missing arguments: PATH...");
    expect(f, "schemas list more", 2, NULL, "unexpected argument 'more'");
    expect(f, "schemas list -o x", 2, NULL, "unknown option '-o'");
    expect(f, "schemas --cache @c.db list", 1, NULL, "no schema cache there"); // options may come first
    expect(f, "schemas add @shop.man --cache none", 2, NULL, "none");
    expect(f, "schemas list --cache @c.db", 1, NULL, "no schema cache there");
    expect(f, "schemas add @missing.man --cache @c.db", 1, "", "missing.man");
    expect(f, "schemas add @notes.txt --cache @c.db", 1, "", "notes.txt: neither a manifest");
    expect(f, "schemas add @shop.man --cache @c.db", 0, "learnt from 1 files: 1 providers, 5 events, 2 maps", NULL);
    expect(f, "schemas add @shop.man @notes.txt --cache @c.db", 0, "new: nothing", "notes.txt: neither a manifest");
    expect(f, "schemas show Nothing --cache @c.db", 1, "", "no such provider");
    expect(f, "schemas show Corner-Shop 77 --cache @c.db", 1, "", "77");
    expect(f, "schemas export Corner-Shop 10240 --cache @c.db", 1, "", "10240");
    put(f, "c.db", "no database");
    expect(f, "schemas add @shop.man --cache @c.db", 1, "", "c.db");
    run r = etwkit(f, "schemas list --cache @c.db"); // what cannot be read was not replaced
    assert_int_equal(r.code, 1);
    done(&r);
}

static void test_add_unknown_sizes(void **state)
{
    const world_folder *f = *state;
    put(f, "dump.man",
        HEAD "<provider name='Dump' guid='{" ID "}'><templates><template tid='T'><data name='A' inType='win:Binary'/>"
             "</template><template tid='U'><data name='N' inType='win:UInt32'/>"
             "<data name='B' inType='win:Binary' length='N'/><data name='C' inType='win:Binary' outType='win:IPv6'/>"
             "</template></templates><events><event value='5' template='U'/><event value='7' template='T'/>"
             "<event value='8' template='T'/></events></provider>" TAIL);
    expect(f, "schemas add @dump.man --cache @c.db", 0, "remarks: 1",
           "Dump: 2 events have a binary field without a length, the first is A of event 7");
}

static void test_add_folder(void **state)
{
    const world_folder *f = *state;
    char *folder = in_folder(f, "in"), *below = in_folder(f, "in/below"), *loop = in_folder(f, "in/below/loop");
    assert_int_equal(mkdir(folder, 0700), 0);
    assert_int_equal(mkdir(below, 0700), 0);
    assert_int_equal(symlink("..", loop), 0); // back up: entered once
    put(f, "in/shop.man", SHOP);
    put(f, "in/below/stall.xml", STALL);
    put(f, "in/below/shop again.man", SHOP);
    put(f, "in/below/broken.man", HEAD "<provider name='x'");
    put(f, "in/notes.txt", "nothing of interest");
    run r = etwkit(f, "schemas add @in --cache @c.db --json");
    assert_int_equal(r.code, 0);
    cJSON *line = line_of(&r, 0);
    assert_true(number_in(line, "files") == 3);
    assert_true(number_in(line, "providers") == 3);
    assert_true(number_in(line, "events") == 12);
    assert_true(number_in(line, "new_events") == 7);
    assert_true(number_in(line, "maps") == 4);
    assert_true(number_in(line, "descriptions") == 2);
    assert_true(number_in(line, "passed_over") == 1);
    assert_true(number_in(line, "remarks") == 1);
    const cJSON *notes = cJSON_GetObjectItemCaseSensitive(line, "notes");
    assert_int_equal(cJSON_GetArraySize(notes), 1);
    expect_text(cJSON_GetArrayItem(notes, 0)->valuestring, "broken.man");
    expect_text(err_of(&r), "broken.man");
    char *path = in_folder(f, "c.db"), identity[65];
    world_identity(path, identity);
    assert_string_equal(text_in(line, "identity"), identity);
    mem_free(path);
    cJSON_Delete(line);
    done(&r);
    assert_int_equal(unlink(loop), 0);
    mem_free(folder);
    mem_free(below);
    mem_free(loop);
}

// The default cache, the program's help, and what info says of the cache.
static void test_default_cache(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    run r = etwkit(f, "info --json --no-hash ~service.etl");
    cJSON *line = line_of(&r, 0);
    assert_null(cJSON_GetObjectItemCaseSensitive(line, "schema_cache"));
    cJSON_Delete(line);
    done(&r);
    r = etwkit(f, "schemas add @shop.man --json");
    assert_int_equal(r.code, 0);
    line = line_of(&r, 0);
    char identity[80];
    snprintf(identity, sizeof(identity), "%s", text_in(line, "identity"));
    assert_int_equal(strlen(identity), 64);
    cJSON_Delete(line);
    done(&r);
    char *path = in_folder(f, "etwkit/schemas.db");
    assert_true(os_exists(path));
    r = etwkit(f, "info --json --no-hash ~service.etl");
    line = line_of(&r, 0);
    assert_string_equal(text_in(line, "schema_cache"), identity);
    cJSON_Delete(line);
    done(&r);
    expect(f, "info --no-hash --cache @missing.db ~service.etl", 1, "", "missing.db");
    expect(f, "schemas list --help", 0, "--cache", NULL);
    os_remove(path);
    mem_free(path);
    path = in_folder(f, "etwkit");
    rmdir(path);
    mem_free(path);
}

// ---------------------------------------------------------------------------------------------- what the cache is for

static u32 count_of(const char *text, const char *word)
{
    u32 count = 0;
    for (; (text = strstr(text, word)) != NULL; text++)
        count++;
    return count;
}

static void test_conversions_read_it(void **state)
{
    static const char *const TRACES[] = {"service.etl", "driver.etl"};
    const world_folder *f = *state;
    expect(f, "schemas add ~schemas --cache @c.db", 0, NULL, NULL);
    for (size_t i = 0; i < COUNT_OF(TRACES); i++) {
        char words[128];
        snprintf(words, sizeof(words), "convert ~%s --cache @c.db", TRACES[i]);
        run by_cache = etwkit(f, words);
        snprintf(words, sizeof(words), "convert ~%s --cache none --schemas ~schemas", TRACES[i]);
        run by_file = etwkit(f, words);
        snprintf(words, sizeof(words), "convert ~%s --cache none", TRACES[i]);
        run by_none = etwkit(f, words);
        assert_string_equal(out_of(&by_cache), out_of(&by_file));
        assert_true(count_of(out_of(&by_cache), "\"state\":\"decoded\"") >
                    count_of(out_of(&by_none), "\"state\":\"decoded\""));
        done(&by_cache);
        done(&by_file);
        done(&by_none);
    }
}

// A description that is more than the cache can hold is not said to be known to it.
static void test_add_too_large(void **state)
{
    enum { FIELDS = 2200, EVENTS = 8000 };
    const world_folder *f = *state;
    outbuf text = {0};
    char piece[96];
    outbuf_text(&text,
                "<instrumentationManifest xmlns=\"http://schemas.microsoft.com/win/2004/08/events\"><instrumentation>"
                "<events><provider name=\"Giant\" guid=\"{11111111-2222-3333-4444-555555555555}\" symbol=\"x\">"
                "<templates><template tid=\"T\">");
    for (u32 i = 0; i < FIELDS; i++) {
        snprintf(piece, sizeof(piece), "<data name=\"f%u\" inType=\"win:UInt32\"/>", i);
        outbuf_text(&text, piece);
    }
    outbuf_text(&text, "</template></templates><events>");
    for (u32 i = 0; i < EVENTS; i++) {
        snprintf(piece, sizeof(piece), "<event value=\"%u\" template=\"T\"/>", i);
        outbuf_text(&text, piece);
    }
    outbuf_text(&text, "</events></provider></events></instrumentation></instrumentationManifest>");
    outbuf_add(&text, "", 1);
    put(f, "giant.man", (const char *)text.bytes);
    put(f, "shop.man", SHOP);
    outbuf_free(&text);
    expect(f, "schemas add @giant.man --cache @c.db", 1, "", "nothing was kept: 8000 events need more");
    expect(f, "schemas list --cache @c.db", 1, NULL, "no schema cache there");
    expect(f, "schemas add @giant.man @shop.man --cache @c.db", 3, "new: 5 events\nleft out: 8000 events",
           "8000 events were not kept");
    expect(f, "schemas add @giant.man --cache @c.db", 1, "", "nothing was kept");
    expect(f, "schemas show Corner-Shop --cache @c.db", 0, "Corner-Shop", NULL);
}

// One trace's schemas serve the next: what dns.etl carries of the DNS client is shown as it was carried.
static void test_add_trace(void **state)
{
    const world_folder *f = *state;
    expect(f, "schemas add ~dns.etl --cache @c.db", 0, "1 providers, 2 events", NULL);
    expect(f, "schemas add ~dns.etl --cache @c.db", 0, "new: nothing", NULL);
    expect(f, "schemas add ~merged.etl --cache @c.db", 0, "1 providers, 3 events, 2 maps", NULL);
    expect(f, "schemas add ~tracelogging.etl --cache @d.db", 1, "", "nothing to learn");
    run r = etwkit(f, "schemas list --cache @c.db --json");
    cJSON *line = line_with(&r, "dns.etl\"");
    assert_string_equal(text_in(line, "provider"), "Microsoft-Windows-DNS-Client");
    assert_string_equal(text_in(line, "provider_id"), "1c95126e-7eea-49a9-a3fe-a378b03ddb4d");
    assert_string_equal(text_in(line, "schema"), "embedded");
    assert_true(number_in(line, "events") == 2);
    expect_text(text_in(line, "path"), "dns.etl");
    cJSON_Delete(line);
    done(&r);
    expect(f, "schemas show Microsoft-Windows-DNS-Client 3006 --cache @c.db", 0, "QueryName", NULL);
}

// ---------------------------------------------------------------------------------------------- show

static void test_show(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    expect(f, "schemas add @shop.man --cache @c.db", 0, NULL, NULL);
    run r = etwkit(f, "schemas show corner-shop 1:0 --cache @c.db"); // letter case is no matter
    assert_int_equal(r.code, 0);
    static const char *const WANTED[] = {
        "Corner-Shop",
        ID,
        "event 1 version 0",
        "A sale/Ring",
        "Corner-Shop/Sales",
        "Money",
        "Goods",
        "UInt8[Coins] map Coin",
        "struct[2]",
        "AnsiString(8)",
        "UInt32 as HexInt32 bits Taste",
        "Binary(Size)",
        "Binary(16) as IPv6",
        "a penny",
        "five p",
        "sweet",
        "Sold %1%n for %2!s! \xc3\xa9",
    };
    for (size_t i = 0; i < COUNT_OF(WANTED); i++)
        expect_text(out_of(&r), WANTED[i]);
    assert_null(strstr(out_of(&r), "version 1"));
    done(&r);
    r = etwkit(f, "schemas show {" ID "} 1:1 --json --cache @c.db");
    cJSON *line = line_of(&r, 0), *events = cJSON_GetObjectItemCaseSensitive(line, "events");
    assert_int_equal(cJSON_GetArraySize(events), 1);
    const cJSON *event = cJSON_GetArrayItem(events, 0);
    assert_true(number_in(event, "level") == 20 && number_in(event, "opcode") == 31 && number_in(event, "task") == 3);
    assert_string_equal(text_in(event, "level_name"), "Very <chatty> & \"long\"");
    assert_string_equal(text_in(event, "keywords"), "0x1");
    const cJSON *fields = cJSON_GetObjectItemCaseSensitive(event, "fields");
    assert_int_equal(cJSON_GetArraySize(fields), 6);
    assert_string_equal(text_in(cJSON_GetArrayItem(fields, 1), "count"), "Coins");
    const cJSON *members = cJSON_GetObjectItemCaseSensitive(cJSON_GetArrayItem(fields, 2), "fields");
    assert_int_equal(cJSON_GetArraySize(members), 2);
    assert_string_equal(text_in(cJSON_GetArrayItem(members, 1), "map"), "Taste");
    cJSON_Delete(line);
    done(&r);
    expect(f, "schemas show Corner-Shop Stock/Start --cache @c.db", 0, "event 3 version 0", NULL);
}

// What is built in is known without a cache, and with one; files that are given are, too.
static void test_catalogue(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    put(f, "stall.man", STALL);
    expect(f, "schemas add @shop.man --cache @c.db", 0, NULL, NULL);
    run r = etwkit(f, "schemas list --json --cache @c.db --schemas @stall.man");
    assert_int_equal(r.code, 0);
    cJSON *line = line_with(&r, "\"Microsoft-Windows-Security-Auditing\"");
    assert_string_equal(text_in(line, "provider_id"), "54849625-5478-4994-a5ba-3e3b0328c30d");
    assert_string_equal(text_in(line, "schema"), "builtin");
    assert_true(number_in(line, "events") > 450);
    cJSON_Delete(line);
    line = line_with(&r, "\"Corner-Shop\"");
    assert_true(number_in(line, "maps") == 2);
    cJSON_Delete(line);
    line = line_with(&r, "\"Stall\"");
    expect_text(text_in(line, "path"), "stall.man");
    cJSON_Delete(line);
    done(&r);
    expect(f, "schemas list", 0, "Microsoft-Windows-DNS-Client ", NULL); // no cache yet
    expect(f, "schemas show Stall 9 --schemas @stall.man", 0, "event 9 version 0", NULL);
    expect(f, "schemas show Microsoft-Windows-Security-Auditing 5156:1", 0, "builds    22000 to 28000", NULL);
    expect(f, "schemas show dns-clien", 1, "", "there is Microsoft-Windows-DNS-Client\n");
    expect(f, "schemas show", 2, "", "missing arguments");
}

static void test_search(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    expect(f, "schemas search dns clientpid", 0, "    3020 v1 ", NULL); // name of the provider, name of a field
    run r = etwkit(f, "schemas search EXCEPTIONKEYWORD dotnetruntime --json");
    cJSON *line = line_with(&r, "\"keyword\":\"ExceptionKeyword\"");
    assert_string_equal(text_in(line, "mask"), "0x8000");
    cJSON_Delete(line);
    assert_null(strstr(out_of(&r), "event_id"));
    done(&r);
    expect(f, "schemas search basket --schemas @shop.man", 0, "Corner-Shop  " ID "  manifest", NULL);
    expect(f, "schemas search money --schemas @shop.man", 0, "  keyword 0x1  Money", NULL);
    expect(f, "schemas search no-such-word-anywhere", 1, "", "nothing known holds no-such-word-anywhere");
    expect(f, "schemas search", 2, "", "missing arguments: WORD...");
}

// --version names the text that --core prints.
static void test_core_text(void **state)
{
    const world_folder *f = *state;
    char hash[SHA256_TEXT];
    u8 digest[SHA256_BYTES];
    run r = etwkit(f, "schemas show --core"), version = etwkit(f, "--version");
    assert_int_equal(r.code, 0);
    sha256_of((span){r.out.bytes, r.out.len - 1}, digest);
    sha256_text(digest, hash);
    expect_text(out_of(&version), hash);
    expect_text(out_of(&r),
                "\nprovider\t22fb2cd6-0e7b-422b-a0c7-2fad1fd0e716\tMicrosoft-Windows-Kernel-Process\t7600-28000\n");
    done(&version);
    done(&r);
    r = etwkit(f, "schemas show --core microsoft-windows-kernel-process");
    assert_true(strncmp(out_of(&r), "provider\t22fb2cd6-", 18) == 0);
    assert_null(strstr(out_of(&r), "\nprovider\t"));
    done(&r);
    expect(f, "schemas show --core nobody", 1, "", "the built-in core has no such provider");
}

// Names come from files that anybody may have written; a terminal's escapes do not pass.
static void test_escapes(void **state)
{
    const world_folder *f = *state;
    put(f, "evil.man",
        HEAD "<provider name='evil\xc2\x9b"
             "31m&#9;x' guid='{" ID "}'><events><event value='1'/></events>"
             "</provider>" TAIL);
    expect(f, "schemas add @evil.man --cache @c.db", 0, NULL, NULL);
    run r = etwkit(f, "schemas list --cache @c.db");
    expect_text(out_of(&r), "evil?31m x");
    done(&r);
}

// ---------------------------------------------------------------------------------------------- export

static void read_back(const char *path, schema_set *set)
{
    schema_load load = {0};
    error e = {0};
    if (!schema_load_path(set, path, RANK_USER, &load, &e))
        fail_msg("%s", e.message);
    for (u32 i = 0; i < load.note_count; i++)
        fail_msg("%s", load.notes[i]);
    schema_load_free(&load);
}

static bool text_equal(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

static void expect_same_event(const event_schema *a, const event_schema *b)
{
    const char *pairs[][2] = {{a->task_name, b->task_name},   {a->opcode_name, b->opcode_name},
                              {a->level_name, b->level_name}, {a->channel_name, b->channel_name},
                              {a->event_name, b->event_name}, {a->message, b->message}};
    for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (!text_equal(pairs[i][0], pairs[i][1]))
            fail_msg("event %u: \"%s\" came back as \"%s\"", a->descriptor.id, pairs[i][0], pairs[i][1]);
    const event_descriptor *d = &a->descriptor, *g = &b->descriptor;
    assert_int_equal(d->id, g->id);
    assert_int_equal(d->version, g->version);
    assert_int_equal(d->level, g->level);
    assert_int_equal(d->channel, g->channel);
    assert_int_equal(d->opcode, g->opcode);
    assert_int_equal(d->task, g->task);
    assert_true(d->keyword == g->keyword);
    assert_true(guid_equal(&a->event_guid, &b->event_guid));
    assert_int_equal(a->property_count, b->property_count);
    assert_int_equal(a->top_count, b->top_count);
    for (u32 i = 0; i < a->property_count; i++) {
        const property *p = &a->properties[i], *q = &b->properties[i];
        assert_string_equal(p->name, q->name);
        assert_int_equal(p->flags, q->flags);
        assert_int_equal(p->in_type, q->in_type);
        assert_int_equal(p->out_type, q->out_type);
        assert_int_equal(p->count, q->count);
        assert_int_equal(p->length, q->length);
        assert_int_equal(p->struct_start, q->struct_start);
        assert_int_equal(p->struct_members, q->struct_members);
        assert_int_equal(p->map != NULL, q->map != NULL);
        assert_int_equal(p->map ? p->map->count : 0, q->map ? q->map->count : 0);
        for (u32 m = 0; p->map && m < p->map->count; m++) {
            assert_int_equal(p->map->entries[m].value, q->map->entries[m].value);
            assert_string_equal(p->map->entries[m].text, q->map->entries[m].text);
        }
    }
}

static void expect_same_manifest(const world_folder *f, const char *one, const char *two)
{
    char *paths[] = {in_folder(f, one), in_folder(f, two)};
    schema_set *sets[2];
    guid id;
    provider_schema *p[2];
    assert_true(guid_from_text(ID, strlen(ID), &id));
    for (u32 i = 0; i < 2; i++) {
        sets[i] = schema_set_new();
        read_back(paths[i], sets[i]);
        p[i] = schema_providers(sets[i], &id);
        assert_non_null(p[i]);
        schema_sort(p[i]);
        mem_free(paths[i]);
    }
    assert_string_equal(p[0]->name, p[1]->name);
    assert_string_equal(p[0]->message_file, p[1]->message_file);
    assert_string_equal(p[0]->resource_file, p[1]->resource_file);
    assert_int_equal(p[0]->event_count, p[1]->event_count);
    for (u32 i = 0; i < p[0]->event_count; i++)
        expect_same_event(p[0]->events[i], p[1]->events[i]);
    for (u32 i = 0; i < p[0]->keywords.count; i++) {
        const schema_name *k = &p[0]->keywords.items[i], *other = schema_find_name(&p[1]->keywords, k->value);
        assert_non_null(other);
        assert_string_equal(k->name, other->name);
    }
    schema_set_free(sets[0]);
    schema_set_free(sets[1]);
}

static void test_export(void **state)
{
    const world_folder *f = *state;
    put(f, "shop.man", SHOP);
    expect(f, "schemas add @shop.man --cache @c.db", 0, NULL, NULL);
    run r = etwkit(f, "schemas export Corner-Shop --cache @c.db -o @again.man");
    assert_int_equal(r.code, 0);
    assert_string_equal(err_of(&r), ""); // it says what does not come back as it was
    assert_string_equal(out_of(&r), "");
    done(&r);
    expect_same_manifest(f, "shop.man", "again.man");
    // And once more: the export of an export is the same text.
    expect(f, "schemas add @again.man --cache @d.db", 0, NULL, NULL);
    expect(f, "schemas export Corner-Shop --cache @d.db -o @third.man", 0, NULL, NULL);
    expect_same_manifest(f, "shop.man", "third.man");
    r = etwkit(f, "schemas export Corner-Shop --cache @c.db"); // to stdout
    expect_text(out_of(&r), "<instrumentationManifest");
    done(&r);
}

// What a manifest cannot say is left out and told; the build goes along.
static void test_export_of_others(void **state)
{
    const world_folder *f = *state;
    char *path = in_folder(f, "c.db");
    (void)world_cache_add(path, world_fill_all);
    mem_free(path);
    expect(f, "schemas export driver --cache @c.db -o @x.man", 1, "", "WPP");
    run r = etwkit(f, "schemas export Alpha --cache @c.db");
    assert_int_equal(r.code, 0);
    expect_text(err_of(&r), "1 of 3 events are left out");
    expect_text(out_of(&r), "etwkit:build=\"17134\"");
    done(&r);
    r = etwkit(f, "schemas export Beta --cache @c.db"); // classic: by the class's GUID and the opcode
    assert_int_equal(r.code, 0);
    assert_string_equal(err_of(&r), "");
    expect_text(out_of(&r), "eventGUID=\"{c3c3c3c3-1111-2222-0102-030405060708}\"");
    done(&r);
    char *absent = in_folder(f, "x.man");
    assert_false(os_exists(absent));
    mem_free(absent);
}

int main(void)
{
#define CLI_TEST(name) cmocka_unit_test_setup_teardown(name, world_folder_make, world_folder_remove)
    const struct CMUnitTest tests[] = {
        CLI_TEST(test_exit_codes),    CLI_TEST(test_add_unknown_sizes),   CLI_TEST(test_add_folder),
        CLI_TEST(test_default_cache), CLI_TEST(test_conversions_read_it), CLI_TEST(test_add_trace),
        CLI_TEST(test_show),          CLI_TEST(test_add_too_large),       CLI_TEST(test_escapes),
        CLI_TEST(test_export),        CLI_TEST(test_export_of_others),    CLI_TEST(test_catalogue),
        CLI_TEST(test_search),        CLI_TEST(test_core_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
