/* SPDX-License-Identifier: MIT */
/*
 * cgroup_links: devices, addresses, routes and rules that a member of a group makes are charged to
 * the group, and uncharged when the namespace ends. A test may not change the host's groups, so the
 * host's side prints what is expected.
 */
#include "cgroup.h"
#include "netns.h"
#include <linux/fib_rules.h>
#include <sys/mman.h>

#define PAIRS 400
#define ROUTES 2000
#define RULES 900

static void rule(unsigned n)
{
	struct nl_msg m = { .h = { .nlmsg_type = RTM_NEWRULE,
				    .nlmsg_flags = NLM_F_CREATE,
				    .nlmsg_len = NLMSG_LENGTH(sizeof(struct fib_rule_hdr)) } };
	struct fib_rule_hdr *h = NLMSG_DATA(&m.h);

	h->family = AF_INET;
	h->action = FR_ACT_TO_TBL;
	h->table = 100;
	n += 1000;
	nl_add(&m, FRA_PRIORITY, &n, 4);
	NEED0(nl_do(&m));
}

static long *most; /* that the group had */

static void counted(const char *what, long *before, long least)
{
	long now = figure("g/memory.current", "");

	say("%s: %s", what, now - *before > least ? "counted" : "not counted");
	*most = *before = now;
}

static void makes(void)
{
	long before = figure("g/memory.current", "");
	char a[16], b[16];

	NEED(unshare(CLONE_NEWNET));
	for (int k = 0; k < PAIRS; k++) {
		snprintf(a, sizeof(a), "a%d", k);
		snprintf(b, sizeof(b), "b%d", k);
		veth_pair(a, b);
	}
	counted("devices", &before, PAIRS * 2 * 500);
	set_up("a0", 1);
	add_addr("a0", AF_INET, "10.9.0.1", 24);
	for (int k = 0; k < ROUTES; k++) {
		snprintf(a, sizeof(a), "60.%d.%d.0", k / 250, k % 250);
		nl_add_route(a, 24, "10.9.0.2", NULL);
	}
	counted("routes", &before, ROUTES * 150);
	for (unsigned k = 0; k < RULES; k++)
		rule(k);
	counted("rules", &before, RULES * 150);
}

TEST(cgroup_links)
{
	int status;
	pid_t pid;

	if (!cgroup_enter()) {
		say("devices: counted");
		say("routes: counted");
		say("rules: counted");
		say("ended: 0, all gone");
		return;
	}
	NEED(put("cgroup.subtree_control", "+memory"));
	NEED(mkdir("g", 0755));
	most = mmap(NULL, sizeof(*most), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	fflush(stdout);
	pid = NEED(fork());
	if (!pid) {
		NEED(put("g/cgroup.procs", "0"));
		makes();
		_exit(0);
	}
	NEED(waitpid(pid, &status, 0));
	/*
	 * Page frames of the program itself may stay in its address space for the next process that
	 * runs it.
	 */
	T_WAIT(figure("g/memory.current", "") < *most - PAIRS * 2 * 500 - ROUTES * 150);
	say("ended: %d, all gone", status);
	NEED(rmdir("g"));
	NEED(put("cgroup.subtree_control", "-memory"));
	cgroup_leave();
}
