# SPDX-License-Identifier: MIT
# The plugin host (examples/plugins): a program and a plugin, which share the library.

PLUGINS := $B/examples/plugins/host $B/examples/plugins/spell.so

examples: $(PLUGINS)

# The host exports its types, which plugins extend.
$B/examples/plugins/host: $B/examples/plugins/host.o $(SHARED)
	$(COMPILE) -rdynamic -Wl,-rpath,'$$ORIGIN/../..' -o $@ $^ -ldl $(LIBS)

$B/examples/plugins/spell.so: $B/examples/plugins/spell.o $(SHARED)
	$(COMPILE) -shared -o $@ $^ $(LIBS)
