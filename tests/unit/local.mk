# Unit tests of the pure parts: one program a module, linked with the library it tests alone.
