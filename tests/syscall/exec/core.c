/* SPDX-License-Identifier: MIT */
/* core: which signals dump core, and RLIMIT_CORE. Where the host puts the file is not compared. */
#include "t.h"
#include <elf.h>

TEST(core)
{
	struct rlimit lim = { 0, 0 };
	int status;
	pid_t pid = SPAWN({
		setrlimit(RLIMIT_CORE, &lim);
		raise(SIGSEGV);
	});

	waitpid(pid, &status, 0);
	say("no room, no core: %d", WCOREDUMP(status) != 0);
	pid = SPAWN(raise(SIGTERM));
	waitpid(pid, &status, 0);
	say("not for SIGTERM: %d", WCOREDUMP(status) != 0);
}
