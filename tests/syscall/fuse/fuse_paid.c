/* SPDX-License-Identifier: MIT */
/*
 * fuse_paid: a server never answers RELEASE, so the kernel keeps a request for each file that was
 * opened and closed. Their memory is charged to the group of the opener, and the group's limit
 * bounds it. A test may not change the host's groups, so the host's side prints what is expected.
 */
#include "cgroup.h"
#include "fuse_server.h"

#define OPENS 30000

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	struct fuse_entry_out e = { .nodeid = 2, .entry_valid = 1000, .attr_valid = 1000 };

	switch (h->opcode) {
	case FUSE_RELEASE: break;
	case FUSE_LOOKUP:
		file_attr(&e.attr, 2, 0644, 0);
		reply(h->unique, 0, &e, sizeof(e));
		break;
	default: serve_rest(h);
	}
}

/* Returns how many files a child in the group could open and close. */
static int opened(void)
{
	int p[2], n = 0;
	pid_t pid;

	NEED(pipe(p));
	pid = NEED(fork());
	if (!pid) {
		NEED(put("g/cgroup.procs", "0"));
		for (int fd; n < OPENS && (fd = open("../m/f", O_RDONLY)) >= 0; n++)
			close(fd);
		NEED(write(p[1], &n, sizeof(n)));
		_exit(0);
	}
	close(p[1]);
	if (read(p[0], &n, sizeof(n)) != sizeof(n))
		n = -1;
	close(p[0]);
	NEED(waitpid(pid, NULL, 0));
	return n;
}

TEST(fuse_paid)
{
	int n;

	guest = in_guest();
	if (!guest) {
		say("opened: yes");
		say("counted: yes");
		say("given back: yes");
		say("the limit ends it: yes");
		return;
	}
	fuse_serve();
	cgroup_enter();
	NEED(put("cgroup.subtree_control", "+memory"));
	NEED(mkdir("g", 0755));
	n = opened();
	WANT("opened", n == OPENS);
	if (getenv("SHOW"))
		fprintf(stderr, "%ld bytes\n", figure("g/memory.current", ""));
	WANT("counted", figure("g/memory.current", "") > OPENS * 200L);
	NEED(umount2("../m", MNT_FORCE));
	T_WAIT(figure("g/memory.current", "") < 1 << 20);
	WANT("given back", true);
	NEED(put("g/memory.max", "2M"));
	NEED(chdir(".."));
	NEED(fuse_mount("m", "rootmode=40000,user_id=0,group_id=0,allow_other"));
	pthread_t t;

	NEED0(pthread_create(&t, NULL, server, NULL));
	NEED(chdir("cg"));
	n = opened();
	if (getenv("SHOW"))
		fprintf(stderr, "%d opened, %ld bytes\n", n, figure("g/memory.current", ""));
	WANT("the limit ends it", n < OPENS && figure("g/memory.current", "") < 3 << 20);
	NEED(umount2("../m", MNT_FORCE));
	T_WAIT(rmdir("g") == 0 || errno == ENOENT);
	NEED(put("cgroup.subtree_control", "-memory"));
	cgroup_leave();
}
