/* SPDX-License-Identifier: MIT */
/*
 * fanotify(7): flags that are refused, events by file and by identifier, names, children, mounts,
 * ignoring, permission, limits.
 */
#include "guest.h"
#include "mounts.h"
#include <sys/fanotify.h>
#include <sys/mount.h>
#include <sys/statfs.h>

#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif
#ifndef FAN_RENAME
#define FAN_RENAME 0x10000000
#endif
#ifndef FAN_MARK_EVICTABLE
#define FAN_MARK_EVICTABLE 0x200
#endif

static int fan;

/* Returns all waiting events as text: the mask, and what the file or the records have. */
static const char *events(void)
{
	static char text[2000];
	static char buf[8192] __attribute__((aligned(8)));
	struct fanotify_event_metadata *m = (void *)buf;
	ssize_t n = read(fan, buf, sizeof(buf));
	char *p = text;

	*p = 0;
	if (n < 0)
		return t_errno(errno);
	for (; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n)) {
		char *r = (char *)m + m->metadata_len;

		p += sprintf(p, "[%llx%s", (unsigned long long)m->mask,
			m->pid == getpid() ? "" : " other");
		if (m->fd >= 0) {
			char link[64], path[256];
			ssize_t len;

			snprintf(link, sizeof(link), "/proc/self/fd/%d", m->fd);
			len = readlink(link, path, sizeof(path) - 1);
			path[len > 0 ? len : 0] = 0;
			p += sprintf(p, " %s", strrchr(path, '/') ? strrchr(path, '/') + 1 : "?");
			close(m->fd);
		}
		while (r < (char *)m + m->event_len) {
			struct fanotify_event_info_fid *f = (void *)r;
			struct file_handle *h = (void *)f->handle;

			p += sprintf(p, " %d", f->hdr.info_type);
			if (f->hdr.info_type == 2 || f->hdr.info_type >= 10)
				p += sprintf(p, ":%s", (char *)h->f_handle + h->handle_bytes);
			r += f->hdr.len;
		}
		p += sprintf(p, "]");
	}
	return text;
}

#define EV(want) GT(events(), want)

static void refused(void)
{
	G(fanotify_init(0x10000000, O_RDONLY), "-1 EINVAL");
	G(fanotify_init(0, 3), "-1 EINVAL");
	G(fanotify_init(0, O_CREAT), "-1 EINVAL");
	G(fanotify_init(FAN_CLASS_CONTENT | FAN_CLASS_PRE_CONTENT, 0), "-1 EINVAL");
	G(fanotify_init(FAN_CLASS_CONTENT | FAN_REPORT_FID, 0), "-1 EINVAL");
	G(fanotify_init(FAN_REPORT_NAME, 0), "-1 EINVAL");
	G(fanotify_init(FAN_REPORT_DFID_NAME | FAN_REPORT_TARGET_FID, 0), "-1 EINVAL");
	fan = GNEED(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));
	G(fanotify_mark(fan, FAN_MARK_ADD, 0, AT_FDCWD, "f"), "-1 EINVAL");
	G(fanotify_mark(fan, 0, FAN_OPEN, AT_FDCWD, "f"), "-1 EINVAL");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "f"), "-1 EINVAL");
	G(fanotify_mark(fan, FAN_MARK_ADD, 1ULL << 40, AT_FDCWD, "f"), "-1 EINVAL");
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_CREATE, AT_FDCWD, "."), "-1 EINVAL");
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "f"), "-1 EINVAL");
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "missing"), "-1 ENOENT");
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, 99, NULL), "-1 EBADF");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_ONLYDIR, FAN_OPEN, AT_FDCWD, "f"),
		"-1 ENOTDIR");
	G(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_OPEN, AT_FDCWD, "f"), "-1 ENOENT");
	G(fanotify_mark(99, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), "-1 EBADF");
	G(fanotify_mark(0, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), "-1 EINVAL");
	EV("EAGAIN");
	CHILD({
		NEED(setuid(65534));
		G(fanotify_init(0, 0), "-1 EPERM");
		fan = GNEED(fanotify_init(FAN_REPORT_FID | FAN_NONBLOCK, 0));
		G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "f"),
			"-1 EPERM");
		G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, "f"), "0");
	});
}

static void touch(const char *path, const char *text)
{
	char c;
	int fd = open(path, O_RDWR);

	if (text)
		write(fd, text, strlen(text));
	else
		read(fd, &c, 1);
	close(fd);
}

static void by_file(void)
{
	G(fanotify_mark(
		  fan, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE, AT_FDCWD, "f"),
		"0");
	touch("f", NULL);
	EV("[29 f]");
	touch("f", "x");
	EV("[2a f]");
	CHILD(touch("f", NULL));
	EV("[29 other f]");
	touch("g", NULL);
	EV("EAGAIN");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "f"), "0");
	touch("f", NULL);
	EV("[9 f]");
	touch("f", "y"); /* writing forgets what is ignored */
	touch("f", NULL);
	EV("[2b f]");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_ONDIR, AT_FDCWD, "g"), "0");
	/* from the old way of ignoring to the new one, not back */
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "g"), "0");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_ACCESS, AT_FDCWD, "g"), "0");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN, AT_FDCWD, "g"),
		"-1 EEXIST");
	G(fanotify_mark(fan, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL), "0");
	G(fanotify_mark(
		  fan, FAN_MARK_ADD, FAN_OPEN | FAN_ACCESS | FAN_MODIFY | FAN_CLOSE, AT_FDCWD, "f"),
		"0");
	G(fanotify_mark(fan, FAN_MARK_REMOVE, FAN_OPEN | FAN_CLOSE, AT_FDCWD, "f"), "0");
	touch("f", NULL);
	EV("[1 f]");
	G(fanotify_mark(fan, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL), "0");
	touch("f", NULL);
	EV("EAGAIN");
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, "d"), "0");
	touch("d/in", NULL);
	EV("[20 in]");
	if (in_guest())
		close(open("d", O_RDONLY));
	EV("EAGAIN"); /* no FAN_ONDIR */
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_ONDIR, AT_FDCWD, "d"), "0");
	if (in_guest())
		close(open("d", O_RDONLY));
	EV("[20 d]");
	G(fanotify_mark(fan, FAN_MARK_FLUSH, 0, AT_FDCWD, NULL), "0");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, AT_FDCWD, "."), "0");
	touch("g", NULL);
	touch("d/in", NULL);
	EV("[20 g][20 in]");
	if (in_guest())
		close(fan);
}

static void by_identifier(void)
{
	fan = GNEED(fanotify_init(FAN_REPORT_FID | FAN_REPORT_DFID_NAME | FAN_NONBLOCK, 0));
	G(fanotify_mark(fan, FAN_MARK_ADD,
		  FAN_CREATE | FAN_DELETE | FAN_MOVE | FAN_ATTRIB | FAN_MODIFY | FAN_DELETE_SELF |
			  FAN_EVENT_ON_CHILD | FAN_ONDIR,
		  AT_FDCWD, "d"),
		"0");
	t_text("d/new", "x");
	EV("[100 2:new][2 2:new 1]");
	NEED(mkdir("d/sub", 0755));
	EV("[40000100 2:sub]");
	NEED(chmod("d/new", 0600));
	EV("[4 2:new 1]");
	NEED(rename("d/new", "d/newer"));
	EV("[40 2:new][80 2:newer]");
	NEED(unlink("d/newer"));
	EV("[200 2:newer]");
	NEED(rmdir("d/sub"));
	EV("[40000200 2:sub]");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_RENAME, AT_FDCWD, "."), "0");
	t_text("x", "x");
	NEED(rename("x", "y"));
	EV("[10000000 10:x 12:y]");
	G(fanotify_mark(fan, FAN_MARK_FLUSH | FAN_MARK_FILESYSTEM, 0, AT_FDCWD, NULL), "0");
	G(fanotify_mark(fan, FAN_MARK_ADD | FAN_MARK_EVICTABLE, FAN_OPEN, AT_FDCWD, "y"), "0");
	touch("y", NULL);
	EV("[20 2:y 1]");
	NEED(unlink("y"));
	if (in_guest())
		close(fan);
}

/*
 * Makes events of more files than the queue takes. Returns their number and the contents of the
 * last.
 */
static const char *overflow(void)
{
	static char text[100], buf[8192] __attribute__((aligned(8)));
	struct fanotify_event_metadata *m, last = { .fd = 0 };
	char name[32];
	ssize_t n;
	int i, count = 0;

	NEED(mkdir("many", 0755));
	fan = NEED(fanotify_init(FAN_CLASS_NOTIF | FAN_NONBLOCK, O_RDONLY));
	NEED(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, "many"));
	for (i = 0; i < 16390; i++) {
		snprintf(name, sizeof(name), "many/%d", i);
		close(NEED(open(name, O_RDWR | O_CREAT, 0600)));
	}
	while ((n = read(fan, buf, sizeof(buf))) > 0) {
		for (m = (void *)buf; FAN_EVENT_OK(m, n); m = FAN_EVENT_NEXT(m, n), count++) {
			last = *m;
			if (m->fd >= 0)
				close(m->fd);
		}
	}
	close(fan);
	snprintf(text, sizeof(text), "%d: %llx fd %d pid %d", count, (unsigned long long)last.mask,
		last.fd, last.pid);
	return text;
}

static void *answerer(void *answer)
{
	struct fanotify_event_metadata m;
	struct fanotify_response r;

	while (read(fan, &m, sizeof(m)) == sizeof(m)) {
		char link[64], path[256];
		ssize_t n;

		snprintf(link, sizeof(link), "/proc/self/fd/%d", m.fd);
		n = readlink(link, path, sizeof(path) - 1);
		path[n > 0 ? n : 0] = 0;
		r.fd = m.fd;
		r.response = strstr(path, "secret") ? FAN_DENY : FAN_ALLOW;
		close(m.fd);
		write(fan, &r, sizeof(r));
		if (strstr(path, "last"))
			break;
	}
	return NULL;
}

static void permission(void)
{
	struct fanotify_response bad = { 77, FAN_ALLOW };
	pthread_t t;
	pid_t pid;
	char c;
	int fd;

	fan = GNEED(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
	G(write(fan, &bad, sizeof(bad)), "-1 ENOENT");
	bad.response = 99;
	G(write(fan, &bad, sizeof(bad)), "-1 EINVAL");
	G(write(fan, &bad, 4), "-1 EINVAL");
	t_text("d/secret", "s");
	t_text("d/plain", "p");
	t_text("d/last", "l");
	fd = NEED(open("d/secret", O_RDONLY));
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM | FAN_ACCESS_PERM | FAN_EVENT_ON_CHILD,
		  AT_FDCWD, "d"),
		"0");
	if (in_guest())
		NEED0(pthread_create(&t, NULL, answerer, NULL));
	G(open("d/secret", O_RDONLY), "-1 EPERM");
	G(read(fd, &c, 1), "-1 EPERM");
	CHILD(GIS(open("d/plain", O_RDONLY) >= 0));
	CHILD(GIS(open("d/last", O_RDONLY) >= 0));
	if (in_guest())
		pthread_join(t, NULL);
	/* without an answer, it waits for the group's end */
	pid = SPAWN({
		if (in_guest())
			close(fan);
		GIS(open("d/plain", O_RDONLY) >= 0);
	});
	if (in_guest()) {
		t_until(pid, 'D');
		close(fan);
	}
	t_wait("child", pid);
	fan = GNEED(fanotify_init(FAN_CLASS_CONTENT, O_RDONLY));
	G(fanotify_mark(fan, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "d/plain"), "0");
	pid = SPAWN({
		if (in_guest())
			open("d/plain", O_RDONLY);
		else
			raise(SIGKILL);
	});
	if (in_guest()) {
		t_until(pid, 'D');
		kill(pid, SIGKILL);
	}
	t_wait("child", pid);
	if (in_guest())
		close(fan);
}

TEST(fanotify)
{
	/* another mount: only files of this test */
	if (in_guest()) {
		scratch_enter(NULL);
	}
	t_text("f", "text");
	t_text("g", "text");
	NEED(mkdir("d", 0755));
	t_text("d/in", "text");
	refused();
	by_file();
	by_identifier();
	GT(overflow(), "16385: 4000 fd -1 pid 0");
	permission();
	if (in_guest()) {
		NEED(chdir(".."));
		G(umount2("t", MNT_DETACH), "0");
	} else {
		say("umount2(\"t\", MNT_DETACH) = 0");
	}
}
