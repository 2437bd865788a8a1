/* SPDX-License-Identifier: MIT */
/*
 * capget(2), capset(2), and prctl's capability calls: sets, rules, what exec and setuid do to them.
 */
#include "t.h"
#include <linux/capability.h>
#include <sys/prctl.h>

static struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
static struct __user_cap_data_struct data[2];

static int has(int set, int cap)
{
	uint32_t *w = set == 0 ? &data[cap / 32].effective :
		      set == 1 ? &data[cap / 32].permitted :
				 &data[cap / 32].inheritable;

	return !!(*w & (1u << cap % 32));
}

static void show(const char *what, int cap)
{
	NEED(syscall(SYS_capget, &head, data));
	say("%s: cap %d e %d p %d i %d bounding %d", what, cap, has(0, cap), has(1, cap),
		has(2, cap), prctl(PR_CAPBSET_READ, cap, 0, 0, 0));
}

static void drop(int cap)
{
	NEED(syscall(SYS_capget, &head, data));
	data[cap / 32].effective &= ~(1u << cap % 32);
	NEED(syscall(SYS_capset, &head, data));
}

TEST(capset)
{
	if (t_argc > 1) {
		show(t_argv[1], CAP_CHOWN);
		return;
	}
	t_text("f", "");
	show("root", CAP_CHOWN);
	CHILD({
		drop(CAP_CHOWN);
		show("dropped", CAP_CHOWN);
		T(chown("f", 1, 1));
		data[0].effective |= 1 << CAP_CHOWN;
		T(syscall(SYS_capset, &head, data));
		T(chown("f", 1, 1));
		data[0].effective &= ~(1u << CAP_CHOWN);
		data[0].permitted &= ~(1u << CAP_CHOWN);
		T(syscall(SYS_capset, &head, data));
		data[0].permitted |= 1u << CAP_CHOWN;
		T(syscall(SYS_capset, &head, data));
		NEED(syscall(SYS_capget, &head, data));
		data[0].effective |= 1u << CAP_CHOWN;
		T(syscall(SYS_capset, &head, data)); /* more than permitted */
	});
	CHILD({
		NEED(setuid(1000));
		show("setuid", CAP_CHOWN);
	});
	CHILD({
		NEED(setresuid(0, 1000, 0));
		show("effective gone", CAP_CHOWN);
		NEED(setresuid(0, 0, 0));
		show("and back", CAP_CHOWN);
	});
	CHILD({
		T(prctl(PR_GET_KEEPCAPS, 0, 0, 0, 0));
		T(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
		T(prctl(PR_SET_KEEPCAPS, 2, 0, 0, 0));
		NEED(setuid(1000));
		show("kept", CAP_CHOWN);
		T(chown("f", 2, 2));
		NEED(syscall(SYS_capget, &head, data));
		data[0].effective = data[0].permitted;
		T(syscall(SYS_capset, &head, data));
		T(chown("f", 2, 2));
		execl("/proc/self/exe", "capset", "exec loses them", NULL);
	});
	CHILD({
		T(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0));
		show("bounding dropped", CAP_CHOWN);
		execl("/proc/self/exe", "capset", "after exec", NULL);
	});
	CHILD({ /* file access by capability */
		NEED(chmod("f", 0));
		drop(CAP_DAC_OVERRIDE);
		drop(CAP_DAC_READ_SEARCH);
		NEED(chown("f", 5, 5));
		T(open("f", O_RDONLY));
	});
	CHILD({ /* ambient */
		NEED(syscall(SYS_capget, &head, data));
		T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0,
			0)); /* not inheritable yet */
		data[0].inheritable |= 1 << CAP_CHOWN;
		T(syscall(SYS_capset, &head, data));
		T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
		T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
		NEED(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0));
		NEED(setuid(1000));
		T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
		T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
		T(prctl(PR_CAP_AMBIENT, 77, 0, 0, 0));
	});
	CHILD({ /* securebits */
		T(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
		T(prctl(PR_SET_SECUREBITS, 1 << 2, 0, 0, 0)); /* no setuid fixup */
		NEED(setuid(1000));
		show("no fixup", CAP_CHOWN);
		T(prctl(PR_GET_SECUREBITS, 0, 0, 0, 0));
	});
	{
		struct __user_cap_header_struct bad = { 0x1234, 0 };

		T(syscall(SYS_capget, &bad, NULL));
		say("told the version: %d", bad.version == _LINUX_CAPABILITY_VERSION_3);
		bad.version = 0x1234;
		T(syscall(SYS_capget, &bad, data));
		bad = (struct __user_cap_header_struct){ _LINUX_CAPABILITY_VERSION_3, -1 };
		T(syscall(SYS_capget, &bad, data));
		T(syscall(SYS_capget, &bad, NULL));
		bad.pid = 1 << 29;
		T(syscall(SYS_capget, &bad, data));
		bad.pid = getppid();
		T(syscall(SYS_capset, &bad, data));
		T(syscall(SYS_capget, BAD, data));
		T(syscall(SYS_capget, &head, BAD));
	}
	T(prctl(PR_CAPBSET_READ, 63, 0, 0, 0));
	T(prctl(PR_CAPBSET_DROP, 63, 0, 0, 0));
}
