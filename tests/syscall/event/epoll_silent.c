/* SPDX-License-Identifier: MIT */
/*
 * epoll_silent: a FUSE server does not answer when a file of its mount is added to an epoll set.
 * Only the caller that adds it waits, not those that close other files and sets.
 */
#include "guest.h"
#include "mounts.h"

#include <linux/fuse.h>
#include <sys/epoll.h>
#include <sys/mount.h>

static int asked[2];

static void answer(int dev, const struct fuse_in_header *in, const void *data, size_t n)
{
	char buf[256];
	struct fuse_out_header out = { .len = (uint32_t)(sizeof(out) + n),
		.error = data ? 0 : -ENOSYS,
		.unique = in->unique };

	memcpy(buf, &out, sizeof(out));
	memcpy(buf + sizeof(out), data, n);
	NEED(write(dev, buf, out.len));
}

static void serve(int dev)
{
	static char buf[FUSE_MIN_READ_BUFFER * 16];
	const struct fuse_in_header *in = (const void *)buf;
	struct fuse_init_out init = { .major = 7, .minor = 31, .max_write = 4096 };
	struct fuse_attr_out top = { .attr = { .ino = 1, .mode = S_IFDIR | 0755, .nlink = 2 } };
	struct fuse_attr_out attr = { .attr = { .ino = 2, .mode = S_IFREG | 0644, .nlink = 1 } };
	struct fuse_entry_out entry = { .nodeid = 2, .attr = attr.attr };
	struct fuse_open_out open_out = { .fh = 1 };

	while (read(dev, buf, sizeof(buf)) > 0) {
		switch (in->opcode) {
		case FUSE_INIT: answer(dev, in, &init, sizeof(init)); break;
		case FUSE_LOOKUP: answer(dev, in, &entry, sizeof(entry)); break;
		case FUSE_GETATTR:
			answer(dev, in, in->nodeid == 1 ? &top : &attr, sizeof(attr));
			break;
		case FUSE_OPEN: answer(dev, in, &open_out, sizeof(open_out)); break;
		case FUSE_POLL: NEED(write(asked[1], "x", 1)); break;
		default: answer(dev, in, NULL, 0);
		}
	}
}

static int watch(int fd)
{
	struct epoll_event e = { .events = EPOLLIN };
	int ep = NEED(epoll_create1(0));

	NEED(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	return ep;
}

static void open_and_close(void)
{
	int p[2], ep, outer;

	NEED(pipe(p));
	ep = watch(p[0]);
	outer = watch(ep);
	close(p[0]);
	close(ep);
	close(outer);
	close(p[1]);
}

static bool ends(pid_t pid)
{
	struct pollfd p = { .fd = (int)NEED(syscall(SYS_pidfd_open, pid, 0)), .events = POLLIN };
	bool ended = poll(&p, 1, 100000) == 1;

	close(p.fd);
	return ended && waitpid(pid, NULL, 0) == pid;
}

TEST(epoll_silent)
{
	pid_t server, waiter, closer;
	char options[100], c;
	int dev;

	if (!in_guest()) {
		say("files and sets are closed meanwhile: yes");
		say("the waiter ends with the server: yes");
		return;
	}
	own_mounts();
	NEED(pipe(asked));
	dev = NEED(open("/dev/fuse", O_RDWR));
	NEED(mkdir("m", 0755));
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=0,group_id=0", dev);
	NEED(mount("silent", "m", "fuse", 0, options));
	server = SPAWN({ serve(dev); });
	close(dev);
	waiter = SPAWN({ watch(NEED(open("m/f", O_RDWR))); });
	NEED(read(asked[0], &c, 1));
	closer = SPAWN({ open_and_close(); });
	say("files and sets are closed meanwhile: %s", ends(closer) ? "yes" : "no");
	t_kill(server);
	say("the waiter ends with the server: %s", ends(waiter) ? "yes" : "no");
	umount2("m", MNT_DETACH);
}
