# install and uninstall: PREFIX, LIBDIR and DESTDIR say where.
.PHONY: install uninstall

HEADERS := $(patsubst include/%,%,$(wildcard include/recs.h include/recs/*.h))

$(BUILD)/recs.pc: src/recs.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' $< > $@
$(BUILD)/recs-train.pc: lib/train/recs-train.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' \
	  -e 's|@BLAS@|$(if $(BLAS_DIR),-L$(BLAS_DIR)) -lopenblas|' $< > $@
$(BUILD)/recs-faiss.pc: lib/faiss/recs-faiss.pc.in FORCE
	@mkdir -p $(@D)
	@sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@LIBDIR@|$(LIBDIR)|' -e 's|@VERSION@|$(VERSION)|' $< > $@

# A library as distributions lay it out: the real name with the whole version,
# the soname that programs load, the plain name that the linker takes.
# $(1): recs, recs-train or recs-faiss
define install_library
install -m 755 $(BUILD)/lib$(1).so.0 '$(DESTDIR)$(LIBDIR)/lib$(1).so.$(VERSION)'
ln -sf lib$(1).so.$(VERSION) '$(DESTDIR)$(LIBDIR)/lib$(1).so.0'
ln -sf lib$(1).so.0 '$(DESTDIR)$(LIBDIR)/lib$(1).so'
install -m 644 $(BUILD)/lib$(1).a '$(DESTDIR)$(LIBDIR)/lib$(1).a'
install -m 644 $(BUILD)/$(1).pc '$(DESTDIR)$(LIBDIR)/pkgconfig/$(1).pc'
endef

LIBRARIES := recs $(if $(TRAIN),recs-train) recs-faiss
# FAISS itself, where scripts/build-faiss has made it.
FAISS_BUILT := $(notdir $(wildcard $(BUILD)/recs-faiss/librecs-faiss-*.so))
MAN_PAGE  := $(wildcard docs/man/recs.1)
COMPLETION := $(wildcard scripts/recs.bash-completion)

# Every path that install makes, for uninstall.
INSTALLED = $(addprefix $(PREFIX)/include/,$(HEADERS)) \
  $(foreach l,$(LIBRARIES),$(addprefix $(LIBDIR)/lib$(l).,so.$(VERSION) so.0 so a) $(LIBDIR)/pkgconfig/$(l).pc) \
  $(FAISS_BUILT:%=$(LIBDIR)/recs-faiss/%) $(if $(CLI),$(PREFIX)/bin/recs) \
  $(if $(MAN_PAGE),$(PREFIX)/share/man/man1/recs.1) \
  $(if $(COMPLETION),$(PREFIX)/share/bash-completion/completions/recs)

install: all $(LIBRARIES:%=$(BUILD)/%.pc) ## into PREFIX (/usr/local), LIBDIR, DESTDIR
	install -d '$(DESTDIR)$(PREFIX)/include/recs' '$(DESTDIR)$(LIBDIR)/pkgconfig'
	install -m 644 include/recs.h '$(DESTDIR)$(PREFIX)/include/'
	install -m 644 include/recs/*.h '$(DESTDIR)$(PREFIX)/include/recs/'
	$(call install_library,recs)
ifneq ($(TRAIN),)
	$(call install_library,recs-train)
endif
	$(call install_library,recs-faiss)
ifneq ($(FAISS_BUILT),)
	install -d '$(DESTDIR)$(LIBDIR)/recs-faiss'
	install -m 755 $(FAISS_BUILT:%=$(BUILD)/recs-faiss/%) '$(DESTDIR)$(LIBDIR)/recs-faiss/'
endif
ifneq ($(CLI),)
	install -d '$(DESTDIR)$(PREFIX)/bin'
	install -m 755 $(BUILD)/recs '$(DESTDIR)$(PREFIX)/bin/recs'
endif
ifneq ($(MAN_PAGE),)
	install -d '$(DESTDIR)$(PREFIX)/share/man/man1'
	install -m 644 $(MAN_PAGE) '$(DESTDIR)$(PREFIX)/share/man/man1/recs.1'
endif
ifneq ($(COMPLETION),)
	install -d '$(DESTDIR)$(PREFIX)/share/bash-completion/completions'
	install -m 644 $(COMPLETION) '$(DESTDIR)$(PREFIX)/share/bash-completion/completions/recs'
endif
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig || true

uninstall: ## remove exactly what install put there
	rm -f $(foreach f,$(INSTALLED),'$(DESTDIR)$(f)')
	[ ! -d '$(DESTDIR)$(PREFIX)/include/recs' ] || rmdir '$(DESTDIR)$(PREFIX)/include/recs'
	[ ! -d '$(DESTDIR)$(LIBDIR)/recs-faiss' ] || rmdir '$(DESTDIR)$(LIBDIR)/recs-faiss'
	@[ -n '$(DESTDIR)' ] || [ "$$(id -u)" != 0 ] || ldconfig || true
