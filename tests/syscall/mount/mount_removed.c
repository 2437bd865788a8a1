/* SPDX-License-Identifier: MIT */
/*
 * mount_removed: a mount of one namespace lies on a name that another namespace removes: it goes
 * with the name. The file system has ended when rmdir(), unlink() and rename() return. The host's
 * side prints what is expected.
 */
#include "guest.h"
#include "mounts.h"

#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>

static int watch, to_child[2], to_parent[2];

/*
 * True if the file system that was mounted last and removed from under its namespace has told its
 * watch of its end.
 */
static bool has_ended(void)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n = read(watch, buf, sizeof(buf));
	bool ended = false;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (void *)(buf + at);

		ended |= !!(e->mask & IN_UNMOUNT);
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return ended;
}

/* Mounts what the parent names, in a namespace that is the child's alone. */
static void other_namespace(void)
{
	char name[16];

	own_mounts();
	while (read(to_child[0], name, sizeof(name)) == sizeof(name)) {
		if (!strcmp(name, "f")) {
			NEED(mount("tmpfs", "m", "tmpfs", 0, NULL));
			NEED(mknod("m/f", S_IFREG | 0644, 0));
			NEED(inotify_add_watch(watch, "m/f", IN_OPEN));
			NEED(mount("m/f", "f", NULL, MS_BIND, NULL));
			NEED(umount("m"));
		} else {
			NEED(mount("tmpfs", name, "tmpfs", 0, NULL));
			NEED(inotify_add_watch(watch, name, IN_OPEN));
		}
		NEED(write(to_parent[1], name, 1));
	}
	_exit(0);
}

static void cover(const char *what)
{
	char name[16] = { 0 };

	if (!in_guest())
		return;
	strcpy(name, what);
	NEED(write(to_child[1], name, sizeof(name)));
	NEED(read(to_parent[0], name, 1));
}

TEST(mount_removed)
{
	pid_t pid;

	GNEED(mkdir("m", 0755));
	GNEED(mkdir("d", 0755));
	GNEED(mkdir("from", 0755));
	GNEED(mkdir("to", 0755));
	GNEED(mknod("f", S_IFREG | 0644, 0));
	GNEED(watch = inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
	GNEED(pipe(to_child));
	GNEED(pipe(to_parent));
	pid = GNEED(fork());
	if (in_guest() && !pid) {
		close(to_child[1]);
		other_namespace();
	}
	cover("d");
	G(rmdir("d"), "0");
	GIS(has_ended());
	cover("f");
	G(unlink("f"), "0");
	GIS(has_ended());
	cover("to");
	G(rename("from", "to"), "0");
	GIS(has_ended());
	close(to_child[1]);
	GNEED(waitpid(pid, NULL, 0));
}
