/* SPDX-License-Identifier: MIT */
/*
 * core_limit: RLIMIT_CORE counts the written bytes of a core, not its holes. A truncated core sets
 * WCOREDUMP; a limit below a page allows none. A test may not change the host's core pattern, so
 * the host's side prints what is expected.
 */
#include "guest.h"
#include <elf.h>

#define MIB (1UL << 20)

/*
 * Ends by abort() with @size bytes mapped, of which the first @used and the last page are written
 * to.
 */
static void crash(rlim_t limit, size_t size, size_t used)
{
	struct rlimit lim = { limit, RLIM_INFINITY };
	char *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		_exit(1);
	memset(p, 'x', used);
	p[size - 1] = 'y';
	setrlimit(RLIMIT_CORE, &lim);
	abort();
}

static void tell(const char *what, rlim_t limit, size_t size, size_t used)
{
	char head[SELFMAG] = "";
	struct stat st = { 0 };
	int status, fd;

	unlink("core");
	waitpid(SPAWN(crash(limit, size, used)), &status, 0);
	fd = open("core", O_RDONLY);
	if (fd >= 0) {
		NEED(fstat(fd, &st));
		NEED(read(fd, head, SELFMAG));
		close(fd);
	}
	say("%s: dumped %d, a core %d, all of it %d, within the limit %d", what,
		!!WCOREDUMP(status), !memcmp(head, ELFMAG, SELFMAG),
		st.st_size >= (off_t)size && (size_t)st.st_blocks * 512 >= used,
		(rlim_t)st.st_blocks * 512 <= limit + 65536);
}

TEST(core_limit)
{
	int fd;

	if (!in_guest()) {
		say("holes: dumped 1, a core 1, all of it 1, within the limit 1");
		say("cut short: dumped 1, a core 1, all of it 0, within the limit 1");
		say("a page: dumped 1, a core 1, all of it 0, within the limit 1");
		say("less: dumped 0, a core 0, all of it 0, within the limit 1");
		return;
	}
	fd = NEED(open("/proc/sys/kernel/core_pattern", O_WRONLY));
	NEED(write(fd, "core", 4));
	close(fd);
	tell("holes", 8 * MIB, 256 * MIB, PAGE);
	tell("cut short", 2 * MIB, 16 * MIB, 16 * MIB);
	tell("a page", PAGE, 16 * MIB, PAGE);
	tell("less", PAGE - 1, 16 * MIB, PAGE);
	unlink("core");
}
