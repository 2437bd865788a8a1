/* SPDX-License-Identifier: MIT */
/* personality(2): asking, setting, inheriting; ADDR_NO_RANDOMIZE works. */
#include "t.h"
#include <sys/personality.h>

static void address(void)
{
	int p[2];
	unsigned long a[2] = { 0, 1 };
	int i;

	NEED(pipe(p));
	for (i = 0; i < 2; i++) {
		pid_t pid = SPAWN({
			dup2(p[1], 60);
			execl("/proc/self/exe", "personality", "address", NULL);
		});

		waitpid(pid, NULL, 0);
		NEED(read(p[0], &a[i], sizeof(a[i])));
	}
	say("two programs have the same stack: %d", a[0] == a[1]);
}

TEST(personality)
{
	if (t_argc > 1) {
		unsigned long here = (unsigned long)__builtin_frame_address(0);

		write(60, &here, sizeof(here));
		return;
	}
	T(personality(0xffffffff));
	address();
	T(personality(ADDR_NO_RANDOMIZE));
	T(personality(0xffffffff));
	address();
	CHILD(T(personality(0xffffffff)));
	T(personality(PER_LINUX32));
	T(personality(PER_LINUX));
	T(personality(0xffffffff));
}
