# etwkit: one program, one library. `make help` lists the targets.

CC       ?= cc
PREFIX   ?= /usr/local
BUILD    ?= build
PKG      ?= pkg-config
WERROR   ?=

WARNINGS := -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wundef
LIBS     := sqlite3 libcjson libcsv expat libcrypto
# libcsv ships no .pc file on Debian; the others do.
LDLIBS   := -lsqlite3 -lcjson -lcsv -lexpat -lcrypto -lpthread -lm
FLAGS    ?= -O2 -g
CFLAGS_  := -std=c17 -D_POSIX_C_SOURCE=200809L -D_FILE_OFFSET_BITS=64 -Iparser -Iexporters -Icli $(WARNINGS) $(WERROR) $(FLAGS) $(CFLAGS)

PARSER    := $(wildcard parser/*.c parser/*/*.c)
EXPORTERS := $(wildcard exporters/*.c)
CLI       := $(wildcard cli/*.c)
LIB_OBJ   := $(PARSER:%.c=$(BUILD)/obj/%.o)
CLI_OBJ   := $(EXPORTERS:%.c=$(BUILD)/obj/%.o) $(CLI:%.c=$(BUILD)/obj/%.o)

all: $(BUILD)/etwkit $(BUILD)/libetwkit.a

$(BUILD)/etwkit: $(CLI_OBJ) $(BUILD)/libetwkit.a
	$(CC) $(FLAGS) $(CFLAGS) $(LDFLAGS) -o $@ $(CLI_OBJ) $(BUILD)/libetwkit.a $(LDLIBS)

$(BUILD)/libetwkit.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $(LIB_OBJ)

$(BUILD)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_) -MMD -MP -c -o $@ $<

-include $(LIB_OBJ:.o=.d) $(CLI_OBJ:.o=.d)

clean:
	rm -rf $(BUILD)

.PHONY: all clean
