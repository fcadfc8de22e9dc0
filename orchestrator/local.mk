# The program: command line, HTTP server.
#
# The folder and the program share their name, so in the build tree a folder `orchestrator` for the
# objects would stand where the program has to: these objects go to `program/` by a rule of their own.
bin_PROGRAMS += orchestrator
orchestrator_SOURCES =
orchestrator_LDADD = $(program_objects) $(RUNTIME_LIBS)
orchestrator_DEPENDENCIES = $(program_objects) libruntime.a libasl.a

program_headers =
program_sources = \
    orchestrator/main.c

program_objects = $(program_sources:orchestrator/%.c=program/%.o)
EXTRA_DIST += $(program_headers) $(program_sources)

program/%.o: $(top_srcdir)/orchestrator/%.c
	@$(MKDIR_P) $(@D)
	$(AM_V_CC)$(COMPILE) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(program_objects:.o=.d)

mostlyclean-local:
	-rm -rf program
