# SPDX-License-Identifier: MIT
# What a person types.

.PHONY: help deps clean
help:
	@echo 'make              build $(B)/nestling and $(B)/nestctl'
	@echo 'make run          install what is missing, build, make the Debian image once, boot it'
	@echo 'make check        all tests; check-long adds the slow ones'
	@echo 'make lint         the Laws, the include arrows, clang-format, clang-tidy'
	@echo 'make objs         every object of every world, without linking'
	@echo 'make deps         install the packages that the build needs'
	@echo 'make tidy clean install'
	@echo 'MODE=debug|ubsan|asan|cov builds into build/MODE; V=1 shows the commands'

deps:
	@tools/deps

clean:
	rm -rf build
