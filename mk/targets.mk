# SPDX-License-Identifier: MIT
# What a person types.

.PHONY: help deps run quick bench bench-disk bench-net bench-instances bench-state bench-anchors \
	bench-hostfs crash check check-long check-nested check-hosts fuzz-syscalls fuzz-cow fuzz-images \
	unit lint lint-laws lint-arrows lint-symbols lint-syscalls lint-rooms lint-comments lint-docs \
	lint-format lint-tidy tidy docs clean install
help:
	@echo 'make              build $(B)/nestling and $(B)/nestctl'
	@echo 'make run          install what is missing, build, make the Debian image once, boot it'
	@echo 'make quick        build, unit tests, and the tests of what differs from main (tests/rooms), in one way'
	@echo 'make check        all tests; check-long adds the slow ones'
	@echo 'make check-nested  instances inside instances: every mixture of modes three deep, and four; linux.uml inside'
	@echo 'make check-hosts   hosts that this machine is not, by QEMU: old CPUs, Debian kernels 5.10 to 6.12, gVisor (root, Debian, its archive)'
	@echo 'make crash        a file system in use is killed or loses power, ROUNDS=500 times (SEED=, KIND= of tests/crash/crash.bash)'
	@echo 'make fuzz-syscalls  random system calls in a guest, FUZZ_SECONDS=20'
	@echo 'make fuzz-cow     spoilt headers and tables of COW files, FUZZ_RUNS=1500'
	@echo 'make fuzz-images  damaged file systems and partition tables, FUZZ_RUNS=3000'
	@echo 'make bench        native, Nestling, UML and gVisor side by side; BENCHFLAGS=--write renews docs/results'
	@echo 'make bench-disk   fio on the host, in Nestling and in UML side by side; BENCHFLAGS=--rounds 1 ...'
	@echo 'make bench-tree   a tree of 50000 files made, walked, packed and removed, git status; native, Nestling and UML'
	@echo 'make bench-net    the network: bulk, round trips, nginx, slirp and switch beside a veth pair, UML and gVisor; BENCHFLAGS=--write as well'
	@echo 'make bench-state  what saving, restoring and copying an instance costs'
	@echo 'make bench-anchors  save and restore beside criu, runsc and qemu'
	@echo 'make bench-instances  what twenty idle instances over one image cost the host in memory'
	@echo 'make lint         the Laws, the arrows between rooms, comments, the docs, clang-format, clang-tidy'
	@echo 'make objs         every object of every world, without linking'
	@echo 'make deps         install the packages that the build needs'
	@echo 'make docs         write what is generated: docs/coverage.md, the man pages, the tables of docs/results'
	@echo 'make tidy         clang-format in place, FILES=... for some'
	@echo 'make clean, make install PREFIX=/usr/local'
	@echo 'MODE=debug|ubsan|asan|cov|cover builds into build/MODE; V=1 shows the commands'
	@echo 'MODE=fallen       links build/fallen/nestling: the product with a planted hole, for tests of the jail'

deps:
	@tools/deps

# The sub-make sees packages that deps has just installed. It uses every CPU unless -j was given.
build_all = $(MAKE) --no-print-directory $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc)) all
# The Debian image that the tests use, too.
debian_image = [ -e $(B)/tests/debian.ext4 ] || \
	{ mkdir -p $(B)/tests && $(B)/nestctl image build -o $(B)/tests/debian.ext4; }

IMAGE ?= debian
run: deps
	@$(build_all)
	@tools/default-image $(B)/nestctl $(IMAGE)
	@$(B)/nestctl run $(RUNFLAGS) $(IMAGE)

# Benchmarks: natively, in Nestling and in other kernels that are installed (see bench/run). It
# takes half an hour, most of it for UML.
bench: deps
	@$(build_all)
	@bench/run --build $(B) $(BENCHFLAGS)
# A folder of the host, natively, in Nestling and in User Mode Linux; a minute or two.
bench-hostfs: all
	@BUILD=$(CURDIR)/$(B) bench/hostfs $(BENCHFLAGS)
# fio and e2fsprogs (bench/disk says how); four minutes, after the images are made.
bench-disk: deps
	@$(build_all)
	@bench/disk --build $(B) $(BENCHFLAGS)
# A tree of 50000 files; root (bench/tree says how); some minutes.
bench-tree: deps
	@$(build_all)
	@bench/tree --build $(B) $(BENCHFLAGS)
# Root, iperf3, nginx and wrk (bench/net says how); three minutes, after the image is made.
bench-net: deps
	@$(build_all)
	@bench/net --build $(B) $(BENCHFLAGS)

# Two minutes; beside UML where that is installed.
bench-instances: deps
	@$(build_all)
	@$(debian_image)
	@bench/instances --build $(B) $(BENCHFLAGS)

# States, alone and beside 50 idle instances; some minutes.
bench-state: deps
	@$(build_all)
	@$(debian_image)
	@bench/state --build $(B) $(BENCHFLAGS)

# Save and restore beside criu, runsc and qemu, where those are installed; two minutes.
bench-anchors: deps
	@$(build_all)
	@$(debian_image)
	@bench/anchors --build $(B) $(BENCHFLAGS)

# The tests of the rooms that differ from main (tests/quick); two minutes for a change in one file.
quick: deps
	@$(build_all)
	@$(MAKE) --no-print-directory lint-arrows lint-symbols
	@tests/quick --build $(B)
check: deps
	@$(build_all)
	@tests/run --build $(B)
check-long: deps
	@$(build_all)
	@tests/run --build $(B) --long
# Instances inside instances (docs/nesting.md); what is quick of it is in check.
check-nested: deps
	@$(build_all)
	@tests/run --build $(B) --long nested
# Hosts emulated by QEMU (tests/hosts/hosts.bash), ONLY=REGEX picks some; takes a minute, and the
# set-up. docs/hosts.md has the results.
check-hosts: all
	@BUILD=$(CURDIR)/$(B) bash tests/hosts/hosts.bash
# Crashes of a file system in use, ROUNDS=500 of them, and a fifth as many under sqlite and git.
# check-long runs them, too, and check runs some.
crash: all
	@status=0; BUILD=$(CURDIR)/$(B) ROUNDS=$(or $(ROUNDS),500) tests/crash/long-rounds || status=1; \
		BUILD=$(CURDIR)/$(B) ROUNDS=$$(($(or $(ROUNDS),500) / 5)) tests/crash/long-apps || status=1; exit $$status
# Random system calls, FUZZ_SECONDS=20 with FUZZ_SEED= and FUZZ_ROUNDS= (tests/fuzz/main.c).
# MODE=debug finds most.
fuzz-syscalls: all
	@BUILD=$(CURDIR)/$(B) tests/fuzz/quick
# Spoilt COW files, FUZZ_RUNS=1500 of them with FUZZ_SEED= and FUZZ_START= (tests/cow/fuzz.c).
fuzz-cow: all
	@BUILD=$(CURDIR)/$(B) tests/cow/fuzz
# Damaged images under asan, in a process of the host: FUZZ_RUNS=3000 of them with FUZZ_SEED=
# (tests/fsfuzz/host.c). FOUND= replays one.
fuzz-images:
	@BUILD=$(CURDIR)/$(B) tests/fsfuzz/quick
unit:
	@tests/run --build $(B) unit

# ---- lint: every check runs, whatever the others found ----
C_FILES = $(filter-out mk/%,$(shell git ls-files --cached --others --exclude-standard '*.c' '*.h'))
FILES ?= $(C_FILES)
WHICH = $(strip $(FILES))

lint: deps
	@$(MAKE) --no-print-directory -k lint-laws lint-arrows lint-symbols lint-syscalls lint-rooms lint-comments lint-docs lint-format lint-tidy && echo 'lint: clean'
lint-laws: $(B)/kernel.o
	$(Q)tools/lint/laws $(B)
lint-arrows:
	$(Q)tools/lint/arrows
lint-symbols: $(B)/kernel.raw.o
	$(Q)tools/lint/symbols $(B)
lint-syscalls: $(B)/kernel.raw.o
	$(Q)tools/lint/syscalls $(B)
lint-rooms:
	$(Q)tests/quick --check
	$(Q)tools/lint/layout
# Generated pages are what their data say; tables, links and the index of docs/ are checked too.
lint-docs:
	$(Q)tools/results --check
# Without FILES= it reads the scripts as well.
lint-comments:
	$(Q)tools/lint/comments $(if $(filter command%,$(origin FILES)),$(WHICH))
lint-format:
	$(Q)clang-format --dry-run -Werror $(WHICH) 2>&1 | grep -E 'error:' | sed 's/ code should.*//' | \
		awk -F: '!seen[$$1]++ { print $$1 ":" $$2 ": not formatted; run make tidy" } END { exit NR > 0 }'
lint-tidy: $(GEN_HDR)
	$(Q)tools/lint/tidy $(B) $(filter-out tests/%,$(filter %.c,$(WHICH)))

tidy:
	clang-format -i $(WHICH)

# Generates what pages say of system calls, parameters and results: from the table of calls, from
# the program, from docs/results.
docs: $(B)/nestling $(B)/nestctl $(B)/afl-nestling
	awk -v mode=doc -f $(GEN_SYSCALLS) $(SYSCALLS_TBL) >docs/coverage.md
	$(B)/nestling --help | tools/man-parameters >$(B)/nestling.parameters
	sed -i -e '/^\.\\" begin:/r $(B)/nestling.parameters' -e '/^\.\\" begin:/,/^\.\\" end$$/{/^\.\\" /!d}' docs/man/nestling.1
	$(B)/nestctl man >docs/man/nestctl.1
	$(B)/nestctl from-docker >docs/from-docker.md
	$(B)/afl-nestling --man >docs/man/afl-nestling.1
	$(B)/nestling --jail | sed 's/^/    /' >$(B)/nestling.jail
	sed -i -e '/^<!-- jail: /r $(B)/nestling.jail' -e '/^<!-- jail: /,/^<!-- \/jail -->$$/{/^<!-- /!d}' docs/security.md
	python3 -B tests/jail/lib/attempts.py >$(B)/nestling.attempts
	sed -i -e '/^<!-- attempts: /r $(B)/nestling.attempts' -e '/^<!-- attempts: /,/^<!-- \/attempts -->$$/{/^<!-- /!d}' docs/security.md
	tools/results
	tools/lint/arrows --drawing >$(B)/rooms.drawing
	sed -i -e '/^<!-- rooms: /r $(B)/rooms.drawing' -e '/^<!-- rooms: /,/^<!-- \/rooms -->$$/{/^<!-- /!d}' docs/architecture.md

PREFIX ?= /usr/local
install: all
	install -D -m 755 $(B)/nestling $(DESTDIR)$(PREFIX)/bin/nestling
	install -D -m 755 $(B)/nestctl $(DESTDIR)$(PREFIX)/bin/nestctl
	install -D -m 755 $(B)/afl-nestling $(DESTDIR)$(PREFIX)/bin/afl-nestling
	install -D -m 755 $(B)/nestctl-image $(DESTDIR)$(PREFIX)/libexec/nestling/nestctl-image
	install -D -m 644 $(B)/nestling-gdb.py $(DESTDIR)$(PREFIX)/bin/nestling-gdb.py
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/nestling/gdb/nestling_gdb tools/gdb/nestling_gdb/*.py
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/share/man/man1 docs/man/nestling.1 docs/man/nestctl.1 docs/man/afl-nestling.1

clean:
	rm -rf build

# The order of locks between rooms goes with the arrows between them.
.PHONY: lint-locks
lint-arrows: lint-locks
lint-locks:
	$(Q)tools/lint/locks
