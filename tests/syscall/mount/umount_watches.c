/* SPDX-License-Identifier: MIT */
/*
 * umount_watches: an unmount notifies each inotify watch of the file system, whatever its mask and
 * however many there are. The host's side prints what is expected.
 */
#include "guest.h"

#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>

#define MANY 2000

static struct {
	int unmount, ignored, other, dirs;
} seen;

static void count(int fd)
{
	char buf[4096] __attribute__((aligned(8)));
	ssize_t n;

	memset(&seen, 0, sizeof(seen));
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (void *)(buf + at);

			seen.unmount += !!(e->mask & IN_UNMOUNT);
			seen.ignored += !!(e->mask & IN_IGNORED);
			seen.other += !(e->mask & (IN_UNMOUNT | IN_IGNORED));
			seen.dirs += !!(e->mask & IN_ISDIR);
			at += (ssize_t)(sizeof(*e) + e->len);
		}
}

static const char *name(int i)
{
	static char path[40];

	snprintf(path, sizeof(path), "m/%d", i);
	return path;
}

static void fill(int n)
{
	GNEED(mount("t", "m", "tmpfs", 0, NULL));
	for (int i = 0; i < n; i++)
		close(GNEED(open(name(i), O_CREAT | O_WRONLY, 0644)));
}

static void few(void)
{
	int fd = NEED(inotify_init1(IN_NONBLOCK)), other = NEED(inotify_init1(IN_NONBLOCK));

	fill(4);
	G(inotify_add_watch(fd, "m", IN_MODIFY), "1");
	G(inotify_add_watch(fd, "m/0", IN_MODIFY | IN_ONESHOT), "2");
	G(inotify_add_watch(fd, "m/1", IN_UNMOUNT), "3");
	G(inotify_add_watch(fd, "m/2", IN_DELETE_SELF | IN_EXCL_UNLINK), "4");
	G(inotify_add_watch(other, "m/2", IN_OPEN), "1");
	G(umount("m"), "0");
	count(fd);
	G(seen.unmount, "4");
	G(seen.ignored, "4");
	G(seen.other, "0");
	G(seen.dirs, "1");
	count(other);
	G(seen.unmount, "1");
	G(inotify_rm_watch(fd, 1), "-1 EINVAL");
	close(fd);
	close(other);
}

static void many(void)
{
	int fd = NEED(inotify_init1(IN_NONBLOCK)), bad = 0;

	fill(MANY);
	for (int i = 0; in_guest() && i < MANY; i += 2)
		bad += inotify_add_watch(fd, name(i), IN_MODIFY) < 0;
	say("many: %d bad", bad);
	G(umount("m"), "0");
	count(fd);
	G(seen.unmount, "1000");
	G(seen.ignored, "1000");
	close(fd);
}

/* Marks of fanotify go without a notification. */
static void marks(void)
{
	int fd = GNEED(fanotify_init(FAN_REPORT_FID | FAN_NONBLOCK, 0)), bad = 0;
	char c[256];

	fill(MANY);
	for (int i = 0; in_guest() && i < MANY; i++)
		bad += fanotify_mark(fd, FAN_MARK_ADD, FAN_MODIFY, AT_FDCWD, name(i)) < 0;
	say("marks: %d bad", bad);
	G(umount("m"), "0");
	G(read(fd, c, sizeof(c)), "-1 EAGAIN");
	if (in_guest())
		close(fd);
}

TEST(umount_watches)
{
	NEED(mkdir("m", 0755));
	few();
	many();
	marks();
}
