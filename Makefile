# etwkit: one program, one library. `make help` lists the targets.

CC       ?= cc
NM       ?= nm
OBJCOPY  ?= objcopy
PREFIX   ?= /usr/local
LIBDIR   ?= $(PREFIX)/lib
DESTDIR  ?=
BUILD    ?= build
WERROR   ?=
FLAGS    ?= -O3 -g
T        ?=
SECONDS  ?= 60

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
# Linked in where the system has them as archives: loading them takes longer than a small trace.
ARCHIVE   = $(or $(wildcard $(shell $(CC) $(CFLAGS) -print-file-name=lib$(1).a)),-l$(1))
USED     := sqlite3 cjson expat crypto
LINKED   := $(USED) csv zstd
LDLIBS   := $(foreach lib,$(LINKED),$(call ARCHIVE,$(lib))) -lpthread -lm
OPTIONS  := -std=c17 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -Iparser -Iparser/include -Iexporters -Icli -Itests \
            $(WARNINGS) $(WERROR)

# What the compiler and the loader can do for a reader of hostile bytes; HARDEN= builds without. The sanitizers have
# checks of their own in those places, mingw-w64 other libraries. No file names this folder, so that the same sources
# give the same bytes wherever they lie.
HARDEN ?= yes
takes   = $(shell echo 'int main(void) { return 0; }' | $(CC) -Werror -O2 $(1) -x c -o /dev/null - 2>/dev/null && echo '$(1)')
ifeq ($(HARDEN)$(findstring -fsanitize,$(FLAGS) $(CFLAGS))$(findstring mingw,$(CC)),yes)
  HARD     := -fstack-protector-strong $(call takes,-fstack-clash-protection) $(call takes,-fcf-protection) -U_FORTIFY_SOURCE \
              -D_FORTIFY_SOURCE=$(shell echo '\#include <stdio.h>' | $(CC) -Werror -O2 -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -E -x c - \
              >/dev/null 2>&1 && echo 3 || echo 2)
  HARD_LD  := -Wl,-z,relro,-z,now
  HARD_PIE := -fPIE
  LINK_PIE := -pie
endif
SAME := $(call takes,-ffile-prefix-map=$(CURDIR)=.)
OPTIONS += $(FLAGS) $(HARD) $(HARD_PIE) $(SAME) $(CFLAGS)
LINK     = $(CC) $(FLAGS) $(CFLAGS) $(LINK_PIE) $(HARD_LD) $(LDFLAGS)

# What Debian and Ubuntu call the libraries (and, for each, a header that tells whether it is there).
PACKAGES := libsqlite3-dev libcjson-dev libcsv-dev libzstd-dev libexpat1-dev libssl-dev libarchive-dev libtsk-dev libewf-dev libhivex-dev libyaml-dev libpcre2-dev \
            libcmocka-dev ntfs-3g-dev
HEADERS  := sqlite3.h cjson/cJSON.h csv.h zstd.h expat.h openssl/evp.h archive.h tsk/libtsk.h libewf.h hivex.h yaml.h pcre2.h \
            cmocka.h ntfs-3g/types.h
# And programs that tests make disk images with, likewise.
TOOL_PACKAGES := ewf-tools ntfs-3g dosfstools mtools fdisk jq curl
TOOLS_USED    := ewfacquire mkntfs mkfs.fat mcopy sfdisk jq curl

PARSER    := $(wildcard parser/*/*.c parser/*/*/*.c)
EXPORTERS := $(wildcard exporters/*.c)
CLI       := $(filter-out cli/main.c,$(wildcard cli/*.c cli/*/*.c))
FAULTS    := $(BUILD)/faults.so $(BUILD)/fail_alloc.so $(BUILD)/hijack.so
PROGRAMS  := tests/etl_make.c tests/gen_trace.c tests/bench_floor.c tests/bench_run.c
SUPPORT   := $(filter-out tests/test_%.c tests/faults.c tests/fail_alloc.c tests/hijack.c $(PROGRAMS),$(wildcard tests/*.c))
# Those that take longest first, so that none of them is alone at the end.
LONG      := $(patsubst %,tests/test_%.c,judge faults trim spill archives sweeps)
TESTS     := $(LONG) $(filter-out $(LONG),$(wildcard tests/test_*.c))
CONSUMERS := $(wildcard samples/*.c)

OBJ       = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB_OBJ   := $(call OBJ,$(PARSER))
OBJECTS   := $(BUILD)/objects.a
PAGE      := $(wildcard cli/report/page/*.html cli/report/page/*.css cli/report/page/*.js)
APP_OBJ   := $(call OBJ,$(EXPORTERS) $(CLI)) $(BUILD)/obj/page_files.o
TEST_LIB  := $(BUILD)/libtest.a
TEST_BIN  := $(patsubst tests/%.c,$(BUILD)/%,$(TESTS))
TOOLS     := $(patsubst tests/%.c,$(BUILD)/%,$(wildcard $(PROGRAMS)))
SAMPLES   := $(wildcard samples/*.case)
FUZZ_OBJ  := $(call OBJ,tests/fuzz/fuzz_build.c tests/fuzz/fuzz_support.c)
FUZZERS   := $(filter-out build support,$(patsubst tests/fuzz/fuzz_%.c,%,$(wildcard tests/fuzz/fuzz_*.c)))

all: $(BUILD)/etwkit library ## the program and the library (release)

$(BUILD)/etwkit: $(call OBJ,cli/main.c) $(APP_OBJ) $(BUILD)/engine.o
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LDLIBS) || { echo "The program has those functions of the engine that $(DOOR) lists."; exit 1; }

# ------------------------------------------------------------------------------------------------ the library

VERSION := $(shell sed -n 's/.*ETWKIT_VERSION "\(.*\)"/\1/p' parser/include/etwkit.h)
SONAME  := libetwkit.so.1
MAP     := parser/include/etwkit.map
DOOR    := parser/include/etwkit_engine.h
PUBLIC  := parser/include/etwkit.h parser/include/opentrace.h parser/include/tdh.h
USES    := $(USED:%=-l%) -lpthread -lm
SHARED  := -fPIC -fvisibility=hidden
# With -flto the objects are compiled to the end before their names become local.
WHOLE    = $(if $(findstring -flto,$(FLAGS) $(CFLAGS)),-flinker-output=nolto-rel)

library: $(BUILD)/libetwkit.a $(BUILD)/libetwkit.so $(BUILD)/etwkit.pc

$(LIB_OBJ): OPTIONS += $(SHARED)

# All objects as they are, for what tests single functions.
$(OBJECTS): $(LIB_OBJ)
	@rm -f $@
	@echo "  AR      $@"
	@$(AR) rcs $@ $(LIB_OBJ)

# All of them as one, whose only global names are those of a list: etwkit.map for the library; for the program besides
# what the door lists, and base/.
$(BUILD)/libetwkit.names: $(MAP)
	@mkdir -p $(@D)
	@sed -n 's/^ *\([A-Za-z0-9_]*\);$$/\1/p' $< >$@

$(BUILD)/engine.names: $(BUILD)/libetwkit.names $(DOOR) $(filter $(BUILD)/obj/parser/base/%,$(LIB_OBJ))
	@(cat $<; sed -n 's/^ENGINE(\([a-z0-9_]*\))$$/\1/p' $(DOOR); \
	  $(NM) -g --defined-only $(filter %.o,$^) | awk 'NF == 3 {print $$3}') >$@

$(BUILD)/libetwkit.o $(BUILD)/engine.o: %.o: $(LIB_OBJ) %.names
	@echo "  LINK    $@"
	@$(CC) $(filter-out -fsanitize%,$(FLAGS) $(CFLAGS)) $(WHOLE) -r -nostdlib -o $@ $(LIB_OBJ)
	@$(OBJCOPY) --keep-global-symbols=$(basename $@).names $@

$(BUILD)/libetwkit.a: $(BUILD)/libetwkit.o
	@rm -f $@
	@echo "  AR      $@"
	@$(AR) rcs $@ $<

$(BUILD)/libetwkit.so.$(VERSION): $(LIB_OBJ) $(MAP)
	@echo "  LINK    $@"
	@$(CC) $(FLAGS) $(CFLAGS) $(HARD_LD) $(LDFLAGS) -shared -Wl,-soname,$(SONAME) -Wl,--version-script=$(MAP) -o $@ $(LIB_OBJ) $(USES)

$(BUILD)/libetwkit.so: $(BUILD)/libetwkit.so.$(VERSION)
	@ln -sf $(<F) $(BUILD)/$(SONAME)
	@ln -sf $(SONAME) $@

$(BUILD)/etwkit.pc: parser/include/etwkit.pc.in parser/include/etwkit.h FORCE
	@mkdir -p $(@D)
	@sed 's|@prefix@|$(PREFIX)|; s|@libdir@|$(LIBDIR)|; s|@version@|$(VERSION)|; s|@private@|$(USES)|' $< >$@

# ------------------------------------------------------------------------------------------------ programs of the tests

$(TEST_LIB): $(call OBJ,$(SUPPORT)) $(APP_OBJ)
	@rm -f $@
	@echo "  AR      $@"
	@$(AR) rcs $@ $^

$(BUILD)/test_archives $(BUILD)/test_collection: LDLIBS += -larchive
# Where they are there; their tests are skipped without.
has = $(shell printf '\043include <$(1)>' | $(CC) -E - >/dev/null 2>&1 && echo $(2))
$(BUILD)/test_images $(BUILD)/test_machine $(BUILD)/test_drives $(BUILD)/test_collection $(BUILD)/test_parameters: LDLIBS += $(call has,ntfs-3g/types.h,-lntfs-3g) $(call has,hivex.h,-lhivex)

$(BUILD)/test_%: $(BUILD)/obj/tests/test_%.o $(TEST_LIB) $(OBJECTS)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ -lcmocka $(LDLIBS)

# Programs whose allocations a test lets fail (tests/alloc_fail.h).
WRAP_ALLOC := -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc
$(BUILD)/test_memory $(BUILD)/test_library_memory: private LDFLAGS += $(WRAP_ALLOC)

$(TOOLS): $(BUILD)/%: $(BUILD)/obj/tests/%.o $(TEST_LIB) $(OBJECTS)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LDLIBS)

# The same fuzz target twice: for libFuzzer (clang only), and with a plain main that runs it over its corpus.
$(BUILD)/fuzz_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(FUZZ_OBJ) $(TEST_LIB) $(OBJECTS)
	$(CC) $(FLAGS) -fsanitize=fuzzer $(CFLAGS) $(LINK_PIE) $(HARD_LD) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(BUILD)/replay_%: $(BUILD)/obj/tests/fuzz/fuzz_%.o $(BUILD)/obj/tests/fuzz/replay.o $(FUZZ_OBJ) $(TEST_LIB) $(OBJECTS)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LDLIBS)

# Preloaded into the program under test; without the flags of the build, so that it goes before a sanitizer too.
$(FAULTS): $(BUILD)/%.so: tests/%.c
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(CC) -std=c17 -O2 -fPIC -shared $(WARNINGS) $(WERROR) -o $@ $<

$(BUILD)/consumers/%: $(BUILD)/obj/samples/%.o $(BUILD)/libetwkit.a
	@mkdir -p $(@D)
	@echo "  LINK    $@"
	@$(LINK) -o $@ $^ $(LDLIBS)

# The commit the program is made from, where it is made in its repository; "+" marks changes that were not committed.
COMMIT := $(shell [ -z "$$(git rev-parse --show-prefix 2>&1)" ] && git rev-parse --short=12 HEAD && \
  (git diff --quiet HEAD || echo +))

$(BUILD)/commit: FORCE
	@mkdir -p $(@D)
	@echo '$(subst $() ,,$(COMMIT))' | cmp -s - $@ || echo '$(subst $() ,,$(COMMIT))' >$@

$(BUILD)/obj/cli/main.o: $(BUILD)/commit
$(BUILD)/obj/cli/main.o: OPTIONS += -DETWKIT_COMMIT='"$(subst $() ,,$(COMMIT))"'

FORCE:

# Objects made with other flags are made anew.
$(BUILD)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(subst ',,$(FLAGS) $(HARD) $(CFLAGS) $(SHARED))' | cmp -s - $@ || echo '$(subst ',,$(FLAGS) $(HARD) $(CFLAGS) $(SHARED))' >$@

$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(OPTIONS) -MMD -MP -c -o $@ $<

$(BUILD)/obj/parser/schema/core/core_pack.o: parser/schema/core/core.pack

# The files of the report's page as arrays of C.
$(BUILD)/page_files.c: $(PAGE) Makefile
	@mkdir -p $(@D)
	@echo "  EMBED   $@"
	@{ echo '#include "report/page_files.h"'; \
	for file in $(PAGE); do \
	  name=$$(basename $$file | tr . _); \
	  echo "const u8 $$name[] = {"; od -An -v -tu1 $$file | sed 's/ *\([0-9][0-9]*\)/\1,/g'; echo "};"; \
	  echo "const size_t $${name}_bytes = sizeof($$name);"; \
	done; } >$@.new && mv $@.new $@

$(BUILD)/obj/page_files.o: $(BUILD)/page_files.c
	@mkdir -p $(@D)
	@$(CC) $(OPTIONS) -MMD -MP -c -o $@ $<

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ------------------------------------------------------------------------------------------------ for users

INSTALL_MISSING = echo "installing$$missing"; sudo=""; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq --no-install-recommends $$missing

deps: ## install what is missing (Debian, Ubuntu), or list it
	@missing=""; set -- $(PACKAGES); for header in $(HEADERS); do \
	  printf '#define PCRE2_CODE_UNIT_WIDTH 8\n#include <stddef.h>\n#include <stdarg.h>\n#include <stdint.h>\n#include <setjmp.h>\n#include <%s>\n' $$header | \
	    $(CC) -E -x c - >/dev/null 2>&1 || missing="$$missing $$1"; shift; done; \
	if [ -z "$$missing" ]; then exit 0; fi; \
	if ! command -v apt-get >/dev/null; then echo "these libraries are missing (Debian's names):$$missing"; exit 1; fi; \
	$(INSTALL_MISSING)

# Tests that lack one of these are skipped.
test-deps: deps
	@missing=""; set -- $(TOOL_PACKAGES); for tool in $(TOOLS_USED); do \
	  PATH=$$PATH:/usr/sbin:/sbin command -v $$tool >/dev/null || missing="$$missing $$1"; shift; done; \
	if [ -z "$$missing" ] || ! command -v apt-get >/dev/null; then exit 0; fi; \
	$(INSTALL_MISSING)

demo: deps ## build, convert the bundled samples to all formats, and show the result
	@$(MAKE) --no-print-directory all
	@sh samples/demo.sh $(BUILD)

include cli/dist/dist.mk

# ------------------------------------------------------------------------------------------------ for developers

check: test-deps ## all tests: units, cases, sweeps, layers
	@$(MAKE) --no-print-directory run-tests

# A program by its name, else the cases whose names have T in them.
PROGRAM   = $(filter $(BUILD)/test_$(T),$(TEST_BIN))
test: all $(TOOLS) $(FAULTS) $(or $(PROGRAM),$(BUILD)/test_cases) ## one test: T=name of a program, or part of the name of a case
	@[ -n "$(T)" ] || { echo "T=name: a part of the name of a case, or one of"; \
	  echo $(patsubst tests/test_%.c,%,$(TESTS)) | fold -sw 100; exit 2; }
	@ETWKIT=$(BUILD)/etwkit BUILD=$(BUILD) $(or $(PROGRAM),$(BUILD)/test_cases $(T))

bless: all $(BUILD)/test_cases ## write what cases give now into them: T=part of their names; read the diff
	@[ -n "$(T)" ] || { echo "T=part of the names of cases"; exit 2; }
	@ETWKIT_BLESS=1 ETWKIT=$(BUILD)/etwkit $(BUILD)/test_cases $(T) || git --no-pager diff --stat -- tests/cases

debug: ## the program for a debugger: BUILD/debug/etwkit
	@$(MAKE) --no-print-directory all BUILD=$(BUILD)/debug FLAGS="-O0 -g3"

run-tests: all $(TOOLS) $(FAULTS) $(TEST_BIN) $(patsubst %,$(BUILD)/replay_%,$(FUZZERS)) $(patsubst samples/%.c,$(BUILD)/consumers/%,$(CONSUMERS))
	@sh tests/layers.sh
	@BUILD="$(BUILD)" CC="$(CC)" FLAGS="$(FLAGS)" CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS)" sh tests/library.sh
	@BUILD="$(BUILD)" CC="$(CC)" FLAGS="$(FLAGS)" CFLAGS="$(CFLAGS)" HARDEN="$(HARDEN)" sh tests/hardened.sh
	@BUILD="$(BUILD)" CC="$(CC)" FLAGS="$(FLAGS)" CFLAGS="$(CFLAGS)" LDFLAGS="$(LDFLAGS)" sh tests/dist.sh
	@ETWKIT=$(BUILD)/etwkit BUILD=$(BUILD) sh tests/run.sh $(TEST_BIN) $(patsubst %,$(BUILD)/replay_%,$(FUZZERS))

asan: ## the tests under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory check BUILD=$(BUILD)/asan FLAGS="-O1 -g1 -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer"

tsan: ## everything that has threads, under ThreadSanitizer
	@$(MAKE) --no-print-directory run-threads BUILD=$(BUILD)/tsan FLAGS="-O1 -g1 -fsanitize=thread"

THREADED := $(patsubst %,$(BUILD)/test_%,threads inputs opentrace)
run-threads: all $(TOOLS) $(THREADED)
	@ETWKIT=$(BUILD)/etwkit BUILD=$(BUILD) RESULTS=threads sh tests/run.sh $(THREADED) tests/threads.sh

browser: all $(TOOLS) ## the report in a headless Chromium
	@ETWKIT=$(BUILD)/etwkit BUILD=$(BUILD) RESULTS=browser sh tests/run.sh tests/browser/report.sh tests/browser/speedscope.sh

# What reads the outputs in the tests: all from PyPI and npm, nothing of it is needed to build or run.
JUDGES     := $(BUILD)/judges
JUDGED     := $(patsubst %,$(BUILD)/test_%,ddl flat parquet parts pcapng profile published recipes)
PYTHON_FOR := duckdb duckdb-cli chdb pandas polars pyarrow opentelemetry-proto perfetto flask pyyaml python-dateutil

$(JUDGES)/ready:
	@python3 -m venv $(JUDGES)
	@$(JUDGES)/bin/pip install -q $(PYTHON_FOR)
	@$(JUDGES)/bin/pip install -q --no-deps timesketch
	@npm install --silent --no-fund --no-audit --ignore-scripts --prefix $(JUDGES) speedscope
	@touch $@

judged: all $(TOOLS) $(JUDGED) $(JUDGES)/ready ## outputs judged by programs of others, installed in BUILD/judges
	@ETWKIT=$(BUILD)/etwkit BUILD=$(BUILD) RESULTS=judged ETWKIT_PYTHON=$(abspath $(JUDGES))/bin/python \
	  SPEEDSCOPE=$(abspath $(JUDGES))/node_modules/speedscope sh tests/run.sh $(JUDGED) tests/browser/speedscope.sh

bench: all $(TOOLS) ## speed beside the ceilings of this machine; BASE=rev compares two builds
	@BUILD=$(BUILD) sh tests/bench.sh $(BASE)

fuzz: ## a fuzzer for a while, or all one after the other: T=name SECONDS=n in all (clang)
	+@BUILD=$(BUILD) sh tests/fuzz/run.sh $(SECONDS) $(or $(T),$(FUZZERS))

samples: $(TOOLS) ## compile the samples again; they must not change
	@for s in $(SAMPLES); do $(BUILD)/etl_make $$s $${s%.case}.etl || exit 1; done

# What Windows has itself (OpenTrace, TDH) stays out; so does the schema cache, whose SQLite and libcrypto mingw-w64 does
# not bring.
WIN_PARSER := $(filter-out parser/winapi/%.c parser/schema/cache/%.c \
  parser/base/sha256.c parser/base/sqlite_fd.c,$(PARSER))

win: ## the reader as a library for Windows, with mingw-w64: build/win/libetwkit.a
	@$(MAKE) --no-print-directory CC=x86_64-w64-mingw32-gcc-posix AR=x86_64-w64-mingw32-ar BUILD=$(BUILD)/win SHARED= PARSER="$(WIN_PARSER)" \
	  CFLAGS="-D__USE_MINGW_ANSI_STDIO=1 -idirafter /usr/include" $(BUILD)/win/objects.a
	@mv $(BUILD)/win/objects.a $(BUILD)/win/libetwkit.a

# REPNZ and JDU2600 are clones, bare or not, of repnz/etw-providers-docs and jdu2600/Windows10EtwEvents.
CORE := parser/schema/core

core: ## the built-in core made anew: REPNZ=FOLDER JDU2600=FOLDER
	@python3 $(CORE)/make_core.py $(REPNZ) $(JDU2600) >$(BUILD)/core.txt
	@python3 $(CORE)/pack_core.py <$(BUILD)/core.txt >$(BUILD)/core.pack
	@mv $(BUILD)/core.pack $(CORE)/core.pack

core-check: all ## the built-in core against its sources: REPNZ=FOLDER JDU2600=FOLDER
	@$(MAKE) --no-print-directory $(BUILD)/etl_make
	python3 tests/public_dumps.py $(BUILD)/etwkit $(BUILD)/etl_make $(REPNZ) $(JDU2600)

format: ## clang-format (version 14) over everything
	git ls-files '*.c' '*.h' | xargs clang-format -i

rules: ## layers, lengths, commit subjects, format
	@sh tests/layers.sh
	@sh tests/rules.sh

clean: ## remove everything built
	rm -rf $(BUILD)

help: ## this list
	@sed -n 's/^\([a-z-]*\):[^#]*## \(.*\)/  \1\t\2/p' $(filter-out %.d,$(MAKEFILE_LIST)) | expand -t 12

.SECONDARY:
.PHONY: FORCE all library deps test-deps demo check run-tests test bless debug asan tsan run-threads browser judged bench fuzz samples win core core-check format rules clean help
