/* SPDX-License-Identifier: MIT */
/*
 * notify_order: the events, and their order, of names that are exchanged, replaced and removed;
 * events of fanotify groups that report files, directories or names, for objects that have none of
 * these.
 */
#include "guest.h"
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>

#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif

static int ino, fan;

static void inotify_says(const char *what)
{
	static char buf[8192] __attribute__((aligned(8)));
	char text[2000], *p = text;
	ssize_t n = read(ino, buf, sizeof(buf));
	struct inotify_event *e;
	uint32_t cookie = 0;

	for (ssize_t at = 0; at < n; at += sizeof(*e) + e->len) {
		e = (void *)(buf + at);
		p += sprintf(p, " %x%s%s%s", e->mask, e->len ? ":" : "", e->len ? e->name : "",
			e->cookie && e->cookie == cookie ? "=" : "");
		cookie = e->cookie;
	}
	*p = 0;
	say("%s:%s", what, text);
}

static void by_inotify(void)
{
	ino = NEED(inotify_init1(IN_NONBLOCK));
	NEED(inotify_add_watch(ino, ".",
		IN_MOVE | IN_CREATE | IN_DELETE | IN_ATTRIB | IN_MOVE_SELF | IN_DELETE_SELF));
	NEED(mkdir("d", 0755));
	t_text("f", "");
	t_text("g", "");
	NEED(inotify_add_watch(ino, "d", IN_MOVE_SELF | IN_DELETE_SELF));
	NEED(inotify_add_watch(ino, "f", IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB));
	inotify_says("made");
	NEED(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "d", 2));
	inotify_says("exchanged");
	NEED(syscall(SYS_renameat2, AT_FDCWD, "f", AT_FDCWD, "d", 2));
	inotify_says("and back");
	NEED(inotify_add_watch(ino, "g", IN_MOVE_SELF | IN_DELETE_SELF | IN_ATTRIB));
	NEED(rename("f", "g"));
	inotify_says("replaced");
	NEED(rmdir("d"));
	inotify_says("removed");
	NEED(unlink("g"));
	close(ino);
}

static void while_open(const char *name, int (*take_away)(const char *), const char *why)
{
	int fd;

	NEED(inotify_add_watch(ino, name, IN_DELETE_SELF));
	fd = NEED(open(name, O_RDONLY));
	NEED(take_away(name));
	inotify_says(why);
	close(fd);
	inotify_says("closed");
}

/* IN_EXCL_UNLINK: no event for operations by a name that is gone, even if the file has another. */
static void by_a_name_that_is_gone(void)
{
	int fd, other;

	ino = NEED(inotify_init1(IN_NONBLOCK));
	t_text("f", "text");
	NEED(link("f", "g"));
	NEED(inotify_add_watch(ino, "g", IN_MODIFY | IN_ACCESS | IN_CLOSE | IN_EXCL_UNLINK));
	fd = NEED(open("f", O_RDWR));
	other = NEED(open("g", O_RDWR));
	NEED(write(fd, "a", 1));
	inotify_says("written by the first name");
	NEED(unlink("f"));
	NEED(write(fd, "b", 1));
	NEED(pread(fd, &(char){ 0 }, 1, 0));
	close(fd);
	inotify_says("by the name that is gone");
	NEED(write(other, "c", 1));
	close(other);
	inotify_says("by the other");
	NEED(unlink("g"));
	close(ino);
}

/* Two successive events that differ only in their cookies are merged. */
static void moved_to_twice(void)
{
	ino = NEED(inotify_init1(IN_NONBLOCK));
	t_text("f", "");
	t_text("g", "");
	NEED(inotify_add_watch(ino, ".", IN_MOVED_TO));
	NEED(rename("f", "h"));
	NEED(rename("g", "h"));
	inotify_says("moved to twice");
	t_text("f", "");
	NEED(rename("f", "h"));
	NEED(rename("h", "g"));
	NEED(rename("g", "h"));
	inotify_says("and with another between");
	NEED(unlink("h"));
	close(ino);
}

/*
 * DELETE_SELF comes with the last reference. If that is the removal itself, it comes before the
 * folder's DELETE.
 */
static void of_what_is_gone(void)
{
	int fd;

	ino = NEED(inotify_init1(IN_NONBLOCK));
	NEED(inotify_add_watch(ino, ".", IN_DELETE | IN_MOVE));
	NEED(mkdir("d", 0755));
	t_text("f", "");
	NEED(inotify_add_watch(ino, "d", IN_DELETE_SELF));
	NEED(inotify_add_watch(ino, "f", IN_DELETE_SELF | IN_ATTRIB));
	NEED(rmdir("d"));
	inotify_says("rmdir");
	NEED(unlink("f"));
	inotify_says("unlink");
	NEED(mkdir("d", 0755));
	while_open("d", rmdir, "rmdir of an open one");
	t_text("f", "");
	while_open("f", unlink, "unlink of an open one");
	NEED(mkdir("d", 0755));
	NEED(mkdir("e", 0755));
	NEED(inotify_add_watch(ino, "e", IN_DELETE_SELF));
	fd = NEED(open("e", O_RDONLY));
	NEED(rename("d", "e"));
	inotify_says("an open one replaced");
	close(fd);
	inotify_says("closed");
	NEED(rmdir("e"));
	close(ino);
}

static const char *fanotify_says(void)
{
	static char text[2000], buf[8192] __attribute__((aligned(8)));
	struct fanotify_event_metadata *m = (void *)buf;
	ssize_t n = read(fan, buf, sizeof(buf));
	char *p = text;

	*p = 0;
	for (; n > 0 && FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
		char *r = (char *)m + m->metadata_len;

		p += sprintf(p, "[%llx%s", (unsigned long long)m->mask, m->fd >= 0 ? " fd" : "");
		while (r < (char *)m + m->event_len) {
			struct fanotify_event_info_fid *f = (void *)r;
			struct file_handle *h = (void *)f->handle;

			p += sprintf(p, " %d", f->hdr.info_type);
			if (f->hdr.info_type == FAN_EVENT_INFO_TYPE_PIDFD)
				p += sprintf(p, ":%d", ((int *)r)[1] >= 0 ? 1 : ((int *)r)[1]);
			else if (f->hdr.info_type == 2 || f->hdr.info_type >= 10)
				p += sprintf(p, ":%s", (char *)h->f_handle + h->handle_bytes);
			r += f->hdr.len;
		}
		p += sprintf(p, "]");
		if (m->fd >= 0)
			close(m->fd);
	}
	return text;
}

#define EV(want) GT(fanotify_says(), want)

static void group(unsigned flags, uint64_t mask)
{
	if (!in_guest())
		return;
	fan = NEED(fanotify_init(flags | FAN_NONBLOCK, O_RDONLY));
	NEED(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, mask, AT_FDCWD, "."));
}

static void by_names(void)
{
	uint64_t moves = FAN_MOVE | FAN_MOVE_SELF | FAN_RENAME | FAN_DELETE | FAN_DELETE_SELF |
			 FAN_ATTRIB | FAN_ONDIR;

	t_text("f", "");
	t_text("g", "");
	NEED(mkdir("d", 0755));
	group(FAN_REPORT_DFID_NAME, moves);
	NEED(rename("f", "h"));
	EV("[10000000 10:f 12:h][40 2:f][80 2:h]");
	NEED(syscall(SYS_renameat2, AT_FDCWD, "h", AT_FDCWD, "g", 2));
	EV("[10000000 10:h 12:g][c0 2:h][c0 2:g][10000000 10:g 12:h]");
	NEED(rename("h", "g"));
	EV("[10000000 10:h 12:g][40 2:h][80 2:g]");
	NEED(rmdir("d"));
	EV("[40000400 2:.][40000200 2:d]");
	NEED(link("g", "l"));
	EV("");
	NEED(unlink("l"));
	EV("[200 2:l]");
	NEED(unlink("g"));
	EV("[200 2:g]");
	if (in_guest())
		close(fan);
}

static void by_directory(void)
{
	t_text("f", "text");
	group(FAN_REPORT_DIR_FID, FAN_MODIFY | FAN_CREATE | FAN_ATTRIB | FAN_OPEN);
	NEED(truncate("f", 2));
	EV("[2 1]");
	NEED(chmod("f", 0600));
	NEED(symlink("f", "s"));
	EV("[104 3]");
	NEED(unlink("s"));
	if (in_guest())
		close(fan);
}

static void by_file(void)
{
	group(0, FAN_MODIFY | FAN_OPEN | FAN_CLOSE);
	NEED(truncate("f", 1));
	EV("");
	close(NEED(open("f", O_WRONLY | O_TRUNC)));
	EV("[28 fd]");
	NEED(mkfifo("p", 0600));
	close(NEED(open("p", O_RDWR)));
	EV("");
	NEED(unlink("p"));
	if (in_guest())
		close(fan);
}

static void who(void)
{
	group(FAN_REPORT_PIDFD, FAN_OPEN);
	close(NEED(open("f", O_RDONLY)));
	EV("[20 fd 4:1]");
	CHILD(close(NEED(open("f", O_RDONLY))));
	EV("[20 fd 4:-1]");
	if (in_guest())
		close(fan);
}

TEST(notify_order)
{
	NEED(mkdir("t", 0755));
	if (in_guest())
		NEED(mount("none", "t", "tmpfs", 0, NULL));
	NEED(chdir("t"));
	by_inotify();
	of_what_is_gone();
	by_a_name_that_is_gone();
	moved_to_twice();
	by_names();
	by_directory();
	by_file();
	who();
	NEED(chdir(".."));
	if (in_guest())
		NEED(umount2("t", MNT_DETACH));
}
