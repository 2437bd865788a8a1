/* SPDX-License-Identifier: MIT */
/*
 * cgroup_odds: files that may be opened but not read or written, an empty list, negative numbers,
 * poll() before the first read, moving a zombie, the root of a mount as seen in a namespace, and a
 * query for another kind of program. A test may not change the host's groups, so the host's side
 * prints what is expected.
 */
#include "cgroup.h"

#include <linux/bpf.h>

static void directions(void)
{
	int fd = -1;

	GIVES(mkdir("o", 0755), 0);
	GIVES(fd = open("o/cgroup.kill", O_RDWR), 0);
	GIVES(read(fd, cgroup_text, 10), EINVAL);
	GIVES(close(fd), 0);
	GIVES(fd = open("o/cgroup.controllers", O_RDWR), 0);
	GIVES(write(fd, "+pids", 5), EINVAL);
	WANT("an empty list", read(fd, cgroup_text, 10) == 0);
	GIVES(close(fd), 0);
	GIVES(put("o/cgroup.max.depth", "-1"), ERANGE);
	GIVES(put("o/cgroup.max.descendants", "-1"), ERANGE);
	GIVES(put("o/cgroup.max.depth", "x"), EINVAL);
}

static void polled(const char *name)
{
	struct pollfd p = { guest ? open(name, O_RDONLY) : -1, POLLPRI, 0 };

	WANT("unread", poll(&p, 1, 0) == 1 && p.revents == (POLLERR | POLLPRI));
	WANT("text", read(p.fd, cgroup_text, 100) > 0);
	WANT("read", poll(&p, 1, 0) == 0);
	GIVES(close(p.fd), 0);
}

static void zombie(void)
{
	char nr[20] = "";
	pid_t pid = 0;

	if (guest) {
		pid = SPAWN(pause());
		kill(pid, SIGKILL);
		t_until(pid, 'Z');
		snprintf(nr, sizeof(nr), "%d", pid);
	}
	GIVES(put("o/cgroup.procs", nr), 0);
	WANT("nothing is there", !strcmp(get("o/cgroup.procs"), ""));
	GIVES(put("o/cgroup.threads", nr), ESRCH);
	if (guest)
		waitpid(pid, NULL, 0);
	GIVES(put("o/cgroup.procs", nr), ESRCH);
}

/* True if mountinfo has @want as the root of a mount whose place ends with @place. */
static bool root_is(const char *place, const char *want)
{
	char line[PATH_MAX], root[200], on[200];
	bool found = false;
	FILE *f = fopen("/proc/self/mountinfo", "r");

	while (f && fgets(line, sizeof(line), f))
		if (sscanf(line, "%*d %*d %*s %199s %199s", root, on) == 2 &&
			strlen(on) > strlen(place) &&
			!strcmp(on + strlen(on) - strlen(place), place))
			found |= !strcmp(root, want);
	if (f)
		fclose(f);
	return found;
}

static void seen_from_inside(void)
{
	GIVES(unshare(CLONE_NEWNS), 0);
	GIVES(mkdir("o/in", 0755), 0);
	GIVES(put("o/in/cgroup.procs", "0"), 0);
	WANT("the whole", root_is("/cg", "/"));
	GIVES(mkdir("../own", 0755), 0);
	GIVES(mount("o", "../own", NULL, MS_BIND, NULL), 0);
	WANT("a part", root_is("/own", "/o"));
	GIVES(unshare(CLONE_NEWCGROUP), 0);
	WANT("the whole is above", root_is("/cg", "/../.."));
	WANT("the part is above", root_is("/own", "/.."));
	GIVES(umount("../own"), 0);
	GIVES(mount("x", "../own", "cgroup2", 0, NULL), 0);
	WANT("one's own", root_is("/own", "/"));
	GIVES(umount("../own"), 0);
	GIVES(rmdir("../own"), 0);
}

static void programs(void)
{
	union bpf_attr a = { 0 };

	a.query.target_fd = guest ? (unsigned)NEED(open("o", O_RDONLY)) : 0;
	a.query.attach_type = BPF_CGROUP_INET_INGRESS;
	a.query.prog_cnt = 7;
	GIVES(syscall(SYS_bpf, BPF_PROG_QUERY, &a, sizeof(a)), 0);
	WANT("there are none", a.query.prog_cnt == 0);
	if (guest)
		close((int)a.query.target_fd);
}

TEST(cgroup_odds)
{
	guest = cgroup_enter();
	directions();
	polled("o/cgroup.events");
	zombie();
	CHILD(seen_from_inside());
	GIVES(rmdir("o/in"), 0);
	programs();
	GIVES(rmdir("o"), 0);
	cgroup_leave();
}
