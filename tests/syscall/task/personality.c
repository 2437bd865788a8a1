/* SPDX-License-Identifier: MIT */
/* personality(2): asking, setting, inheriting; ADDR_NO_RANDOMIZE works. */
#include "t.h"
#include <sys/personality.h>
#include <sys/select.h>
#include <sys/utsname.h>

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

static void uname_of(int persona)
{
	struct utsname u, plain;
	size_t n;

	NEED(personality(PER_LINUX));
	NEED(uname(&plain));
	NEED(personality(persona));
	memset(&u, 0x55, sizeof(u));
	NEED(uname(&u));
	n = strlen(u.release) + 1;
	say("behind the release is what was there: %d",
		!memcmp(u.release + n, plain.release + n, sizeof(u.release) - n));
	say("%#x: %s, 2.6: %s", persona, u.machine, strncmp(u.release, "2.6.", 4) ? "no" : "yes");
}

/* STICKY_TIMEOUTS: the rest of a timeout is not stored, and the call is not restarted. */
static void sticky(void)
{
	struct timeval tv = { 0, 10000 };
	struct timespec ts = { 0, 10000000 };

	NEED(personality(STICKY_TIMEOUTS));
	T(select(0, NULL, NULL, NULL, &tv));
	T(tv.tv_usec);
	T(syscall(SYS_pselect6, 0, NULL, NULL, NULL, &ts, NULL));
	T(ts.tv_nsec);
	T(syscall(SYS_ppoll, NULL, 0, &ts, NULL, 8));
	T(ts.tv_nsec);
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
	CHILD({
		uname_of(PER_LINUX32);
		uname_of(UNAME26);
		uname_of(PER_LINUX32 | UNAME26 | ADDR_NO_RANDOMIZE);
		sticky();
	});
	T(personality(PER_LINUX32));
	T(personality(PER_LINUX));
	T(personality(0xffffffff));
}
