# Installing and packaging; included by the Makefile.

SHARE   ?= $(PREFIX)/share
EPOCH    = $(or $(SOURCE_DATE_EPOCH),$(shell git log -1 --format=%ct 2>/dev/null),$(shell stat -c %Y parser/include/etwkit.h))
DIST    := cli/dist
BASH_IN  = $(SHARE)/bash-completion/completions
ZSH_IN   = $(SHARE)/zsh/vendor-completions
FISH_IN  = $(SHARE)/fish/vendor_completions.d

install: all ## PREFIX, LIBDIR, DESTDIR
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include/etwkit \
	  $(DESTDIR)$(SHARE)/man/man1 $(DESTDIR)$(SHARE)/man/man5 $(DESTDIR)$(BASH_IN) $(DESTDIR)$(ZSH_IN) $(DESTDIR)$(FISH_IN)
	install -m 755 $(BUILD)/etwkit $(DESTDIR)$(PREFIX)/bin/etwkit
	install -m 644 $(BUILD)/libetwkit.a $(BUILD)/libetwkit.so.$(VERSION) $(DESTDIR)$(LIBDIR)/
	ln -sf libetwkit.so.$(VERSION) $(DESTDIR)$(LIBDIR)/$(SONAME)
	ln -sf $(SONAME) $(DESTDIR)$(LIBDIR)/libetwkit.so
	install -m 644 $(BUILD)/etwkit.pc $(DESTDIR)$(LIBDIR)/pkgconfig/
	install -m 644 $(PUBLIC) $(DESTDIR)$(PREFIX)/include/etwkit/
	install -m 644 $(DIST)/etwkit.1 $(DESTDIR)$(SHARE)/man/man1/
	install -m 644 $(DIST)/etwkit.5 $(DESTDIR)$(SHARE)/man/man5/
	$(BUILD)/etwkit --completions bash >$(DESTDIR)$(BASH_IN)/etwkit
	$(BUILD)/etwkit --completions zsh >$(DESTDIR)$(ZSH_IN)/_etwkit
	$(BUILD)/etwkit --completions fish >$(DESTDIR)$(FISH_IN)/etwkit.fish

uninstall: ## what install has put there, by the same PREFIX, LIBDIR, DESTDIR
	rm -f $(DESTDIR)$(PREFIX)/bin/etwkit $(DESTDIR)$(LIBDIR)/libetwkit.a $(DESTDIR)$(LIBDIR)/libetwkit.so* \
	  $(DESTDIR)$(LIBDIR)/pkgconfig/etwkit.pc $(PUBLIC:parser/include/%=$(DESTDIR)$(PREFIX)/include/etwkit/%) \
	  $(DESTDIR)$(SHARE)/man/man1/etwkit.1 $(DESTDIR)$(SHARE)/man/man5/etwkit.5 \
	  $(DESTDIR)$(BASH_IN)/etwkit $(DESTDIR)$(ZSH_IN)/_etwkit $(DESTDIR)$(FISH_IN)/etwkit.fish
	[ ! -d $(DESTDIR)$(PREFIX)/include/etwkit ] || rmdir $(DESTDIR)$(PREFIX)/include/etwkit

deb: ## a Debian package of what is installed: build/etwkit_VERSION_ARCH.deb
	+@VERSION=$(VERSION) BUILD=$(BUILD) SOURCE_DATE_EPOCH=$(EPOCH) LDLIBS="$(LINKED:%=-l%) -lpthread -lm" sh $(DIST)/deb.sh

tarball: ## a release of the sources with its checksum: build/etwkit-VERSION.tar.gz
	@VERSION=$(VERSION) BUILD=$(BUILD) SOURCE_DATE_EPOCH=$(EPOCH) sh $(DIST)/tarball.sh

# ------------------------------------------------------------------------------------------------ one file

# libarchive as Debian builds it, but for xar, whose XML reader alone would bring 30 MiB: its place takes the reader of
# empty archives. Disk images are left out: libtsk would bring a C++ library and four more.
STATIC_PACKAGES := libacl1-dev libbz2-dev liblz4-dev liblzma-dev libzstd-dev nettle-dev zlib1g-dev dpkg-dev
STATIC_HEADERS  := sys/acl.h bzlib.h lz4.h lzma.h zstd.h nettle/md5.h zlib.h
STATIC_FLAGS    := -DETWKIT_STATIC -DETWKIT_NO_IMAGES
STATIC_LIBS     := archive nettle acl lzma zstd lz4 bz2 z yaml pcre2-8

static-deps: deps
	@missing=""; set -- $(STATIC_PACKAGES); for header in $(STATIC_HEADERS); do \
	  printf '#include <stddef.h>\n#include <stdint.h>\n#include <stdio.h>\n#include <sys/types.h>\n#include <%s>\n' $$header | \
	    $(CC) -E -x c - >/dev/null 2>&1 || missing="$$missing $$1"; shift; done; \
	if [ -z "$$missing" ] || ! command -v apt-get >/dev/null; then exit 0; fi; \
	$(INSTALL_MISSING)

static: static-deps ## one program with nothing beside it: build/static/etwkit
	@rm -f $(BUILD)/static/etwkit
	@CC="$(CC)" sh $(DIST)/cjson.sh $(BUILD)/static
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/static CFLAGS="$(CFLAGS) $(STATIC_FLAGS)" LINK_PIE=-static-pie \
	  LDFLAGS="$(LDFLAGS) -L$(BUILD)/static -Wl,--defsym=archive_read_support_format_xar=archive_read_support_format_empty" \
	  LDLIBS="$(foreach lib,$(LINKED) $(STATIC_LIBS),-l$(lib)) -lpthread -lm" $(BUILD)/static/etwkit 2>&1 | \
	  grep -v -e 'in statically linked applications requires' -e ': in function ' ; [ -x $(BUILD)/static/etwkit ]

.PHONY: install uninstall deb tarball static static-deps
