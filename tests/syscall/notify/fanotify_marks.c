/* SPDX-License-Identifier: MIT */
/*
 * fanotify_marks: fanotify_mark(2): what each kind of group may mark: files without handles, /proc,
 * pipes; and the checks when a mark is removed.
 */
#include "guest.h"
#include <sys/fanotify.h>

#ifndef FAN_MARK_IGNORE
#define FAN_MARK_IGNORE 0x400
#endif
#ifndef FAN_REPORT_TARGET_FID
#define FAN_REPORT_TARGET_FID 0x1000
#endif

static int fan;

static long mark(unsigned flags, uint64_t mask, const char *path)
{
	return fanotify_mark(fan, flags, mask, AT_FDCWD, path);
}

static long mark_fd(unsigned flags, uint64_t mask, int fd)
{
	return fanotify_mark(fan, flags, mask, fd, NULL);
}

/*
 * With identifiers: files of file systems without decodable handles may still have handles that
 * differ.
 */
static void no_handles(void)
{
	char buf[4096];
	struct fanotify_event_metadata *m = (void *)buf;
	struct fanotify_event_info_fid *fid = (void *)(m + 1);

	fan = GNEED(fanotify_init(FAN_REPORT_FID | FAN_NONBLOCK, O_RDONLY));
	G(mark(FAN_MARK_ADD, FAN_OPEN, "/proc/sys/kernel/ostype"), "0");
	G(mark(FAN_MARK_ADD, FAN_OPEN, "/proc"), "0");
	G(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, "/proc"), "-1 EOPNOTSUPP");
	G(mark(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, "/proc"), "-1 EOPNOTSUPP");
	G(mark(FAN_MARK_REMOVE | FAN_MARK_FILESYSTEM, FAN_OPEN, "/proc"), "-1 EOPNOTSUPP");
	if (in_guest())
		close(open("/proc/sys/kernel/ostype", O_RDONLY));
	GIS(read(fan, buf, sizeof(buf)) > (ssize_t)sizeof(*m) && m->mask == FAN_OPEN &&
		m->fd == FAN_NOFD && fid->hdr.info_type == FAN_EVENT_INFO_TYPE_FID &&
		((struct file_handle *)fid->handle)->handle_bytes >= 8);
	if (in_guest())
		close(fan);
}

static void permission(void)
{
	int p[2];

	NEED(pipe(p));
	fan = GNEED(fanotify_init(FAN_CLASS_CONTENT | FAN_NONBLOCK, O_RDONLY));
	G(mark(FAN_MARK_ADD, FAN_OPEN_PERM, "/proc/sys/kernel/ostype"), "-1 EINVAL");
	G(mark(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_ACCESS_PERM, "/proc"), "-1 EINVAL");
	G(mark(FAN_MARK_ADD, FAN_OPEN, "/proc/sys/kernel/ostype"), "0");
	G(mark_fd(FAN_MARK_ADD, FAN_ACCESS_PERM, p[0]), "0");
	G(mark_fd(FAN_MARK_ADD | FAN_MARK_MOUNT, FAN_OPEN, p[0]), "-1 EINVAL");
	G(mark_fd(FAN_MARK_ADD | FAN_MARK_FILESYSTEM, FAN_OPEN, p[0]), "-1 EINVAL");
	G(mark_fd(FAN_MARK_ADD, FAN_OPEN, open("f", O_PATH)), "-1 EBADF");
	if (in_guest())
		close(fan);
}

static void directories_only(void)
{
	fan = GNEED(fanotify_init(
		FAN_REPORT_DFID_NAME | FAN_REPORT_FID | FAN_REPORT_TARGET_FID, O_RDONLY));
	G(mark(FAN_MARK_ADD, FAN_OPEN | FAN_ONDIR, "f"), "-1 ENOTDIR");
	G(mark(FAN_MARK_ADD | FAN_MARK_IGNORED_MASK, FAN_OPEN | FAN_ONDIR, "f"), "0");
	G(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORED_MASK, FAN_OPEN | FAN_ONDIR, "f"), "0");
	G(mark(FAN_MARK_ADD | FAN_MARK_IGNORE, FAN_OPEN | FAN_ONDIR, "f"), "-1 ENOTDIR");
	G(mark(FAN_MARK_REMOVE | FAN_MARK_IGNORE, FAN_OPEN | FAN_ONDIR, "f"), "-1 ENOENT");
	G(mark(FAN_MARK_REMOVE, FAN_CREATE | FAN_ONDIR, "f"), "-1 ENOENT");
	if (in_guest())
		close(fan);
}

TEST(fanotify_marks)
{
	t_text("f", "text");
	no_handles();
	permission();
	directories_only();
}
