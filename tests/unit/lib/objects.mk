# SPDX-License-Identifier: MIT
# Objects of the unit tests, which share them: O is their folder, FLAGS the compiler's, OBJECTS
# which are wanted. tests/unit/build has the flags, so a change of it compiles all of them again.
.SUFFIXES:
.DELETE_ON_ERROR:
all: $(OBJECTS)
$(O)/%.o: %.c tests/unit/build
	@mkdir -p $(@D)
	@gcc $(FLAGS) -MMD -MP -c -o $@ $<
-include $(OBJECTS:.o=.d)
