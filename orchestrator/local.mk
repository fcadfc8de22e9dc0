# The program: command line, HTTP server.
#
# The folder and the program share their name, so in the build tree a folder `orchestrator` for the
# objects would stand where the program has to: these objects go to `program/` by a rule of their own.
bin_PROGRAMS += orchestrator
orchestrator_SOURCES =
orchestrator_LDADD = $(program_objects) $(RUNTIME_LIBS)
orchestrator_DEPENDENCIES = $(program_objects) libruntime.a libasl.a

program_headers = \
    orchestrator/api.h \
    orchestrator/client.h \
    orchestrator/command.h \
    orchestrator/command/eval_jsonata.h \
    orchestrator/commands.def \
    orchestrator/curl_library.def \
    orchestrator/curl_library.h \
    orchestrator/doctor.h \
    orchestrator/endpoint.h \
    orchestrator/exits.def \
    orchestrator/graph.h \
    orchestrator/history_reader.h \
    orchestrator/http/answer.h \
    orchestrator/http/connection.h \
    orchestrator/http/request.h \
    orchestrator/http/replay.h \
    orchestrator/http/server.h \
    orchestrator/http/server_priv.h \
    orchestrator/http/sigv4.h \
    orchestrator/listen.h \
    orchestrator/log.h \
    orchestrator/machines.h \
    orchestrator/names.h \
    orchestrator/node.h \
    orchestrator/nodes.h \
    orchestrator/options.def \
    orchestrator/options.h \
    orchestrator/output.h \
    orchestrator/own.h \
    orchestrator/parked.h \
    orchestrator/progress.h \
    orchestrator/progress_view.h \
    orchestrator/retention_settings.h \
    orchestrator/settings.h \
    orchestrator/start.h \
    orchestrator/terminal.h \
    orchestrator/watch.h
program_sources = \
    orchestrator/api.c \
    orchestrator/client.c \
    orchestrator/client_http.c \
    orchestrator/command/activity.c \
    orchestrator/command/call.c \
    orchestrator/command/describe.c \
    orchestrator/command/doctor.c \
    orchestrator/command/env.c \
    orchestrator/command/eval.c \
    orchestrator/command/eval_jsonata.c \
    orchestrator/command/graph.c \
    orchestrator/command/help.c \
    orchestrator/command/history.c \
    orchestrator/command/info.c \
    orchestrator/command/list.c \
    orchestrator/command/machine.c \
    orchestrator/command/migrate.c \
    orchestrator/command/nodes.c \
    orchestrator/command/prune.c \
    orchestrator/command/run.c \
    orchestrator/command/serve.c \
    orchestrator/command/start.c \
    orchestrator/command/stop.c \
    orchestrator/command/task.c \
    orchestrator/command/transfer.c \
    orchestrator/command/validate.c \
    orchestrator/curl_library.c \
    orchestrator/doctor_local.c \
    orchestrator/doctor_server.c \
    orchestrator/endpoint.c \
    orchestrator/graph.c \
    orchestrator/graph_svg.c \
    orchestrator/help.c \
    orchestrator/history_reader.c \
    orchestrator/http/answer.c \
    orchestrator/http/api.c \
    orchestrator/http/connection.c \
    orchestrator/http/metrics.c \
    orchestrator/http/request.c \
    orchestrator/http/replay.c \
    orchestrator/http/server.c \
    orchestrator/http/sigv4.c \
    orchestrator/http/tls.c \
    orchestrator/listen.c \
    orchestrator/log.c \
    orchestrator/machines.c \
    orchestrator/main.c \
    orchestrator/names.c \
    orchestrator/node.c \
    orchestrator/nodes.c \
    orchestrator/options.c \
    orchestrator/output.c \
    orchestrator/own.c \
    orchestrator/parked.c \
    orchestrator/progress.c \
    orchestrator/progress_view.c \
    orchestrator/retention_settings.c \
    orchestrator/settings.c \
    orchestrator/start.c \
    orchestrator/terminal.c \
    orchestrator/watch.c

program_objects = $(program_sources:orchestrator/%.c=program/%.o)
EXTRA_DIST += $(program_headers) $(program_sources)

program/%.o: $(top_srcdir)/orchestrator/%.c
	@$(MKDIR_P) $(@D)
	$(AM_V_CC)$(COMPILE) -MMD -MP -MF $(@:.o=.d) -c -o $@ $<

-include $(program_objects:.o=.d)

mostlyclean-local:
	-rm -rf program

# The manual pages and the completion are made by the program from its own tables. The pages are kept in
# docs/man, so that they can be read and packed without a build: `make man` makes them anew.
man: orchestrator$(EXEEXT)
	mkdir -p $(top_srcdir)/docs/man
	rm -f $(top_srcdir)/docs/man/*.1
	./orchestrator help --man >$(top_srcdir)/docs/man/orchestrator.1
	./orchestrator completion commands | while read -r command; do \
	    ./orchestrator help --man $$command \
	        >"$(top_srcdir)/docs/man/orchestrator-$$(echo "$$command" | tr ' ' -).1"; \
	done
.PHONY: man

bashcompletiondir = $(datadir)/bash-completion/completions
nodist_bashcompletion_DATA = completion/orchestrator
CLEANFILES += completion/orchestrator
completion/orchestrator: orchestrator$(EXEEXT)
	@$(MKDIR_P) $(@D)
	$(AM_V_GEN)./orchestrator completion bash >$@
