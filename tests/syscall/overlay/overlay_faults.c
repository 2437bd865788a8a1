/* SPDX-License-Identifier: MIT */
/*
 * overlay_faults: an upper layer of FUSE, whose server fails or delays single requests. What an
 * overlay has stored stays right, and what the upper layer has done is reported as done.
 */
#include "mounts.h"

#include "fuse_server.h"

#include <dirent.h>
#include <linux/fs.h>
#include <sys/xattr.h>

#define REDIRECT "trusted.overlay.redirect"
#define METACOPY "trusted.overlay.metacopy"
#define NODES 200

/* ---- the server: shows the folder b ---- */

/* Nodes by their number: the path, which begins with b, or an empty text. 1 is the root. */
static char paths[NODES][200] = { [1] = "b" };

/* The request that fails with EIO, by opcode and, for attributes, by its name; 0: none fails. */
static volatile unsigned fail_op;
static const char *volatile fail_name;

/* The path whose next read of its redirect is not answered, or NULL; and that request, or 0. */
static const char *volatile hold;
static volatile unsigned long held;

static const char *path_in(unsigned long node, const char *name)
{
	static char path[2][300];
	static int k;

	k = !k;
	snprintf(path[k], sizeof(path[k]), "%s/%s", paths[node], name);
	return path[k];
}

static unsigned long node_of(const char *path)
{
	unsigned long free = 0;

	for (unsigned long i = NODES - 1; i; i--) {
		if (!strcmp(paths[i], path))
			return i;
		if (!*paths[i])
			free = i;
	}
	strcpy(paths[free], path);
	return free;
}

/* Gives the nodes of @from and below it paths of @to. */
static void move_nodes(const char *from, const char *to)
{
	size_t n = strlen(from);
	char path[300];

	for (int i = 1; i < NODES; i++)
		if (!strncmp(paths[i], from, n) && (!paths[i][n] || paths[i][n] == '/')) {
			snprintf(path, sizeof(path), "%s%s", to, paths[i] + n);
			strcpy(paths[i], *to ? path : "");
		}
}

static void fill_attr(struct fuse_attr *a, unsigned long node, const struct stat *st)
{
	*a = (struct fuse_attr){ .ino = node,
		.size = st->st_size,
		.mode = st->st_mode,
		.nlink = st->st_nlink,
		.uid = st->st_uid,
		.gid = st->st_gid,
		.rdev = st->st_rdev,
		.atime = st->st_atim.tv_sec,
		.atimensec = st->st_atim.tv_nsec,
		.mtime = st->st_mtim.tv_sec,
		.mtimensec = st->st_mtim.tv_nsec,
		.ctime = st->st_ctim.tv_sec,
		.ctimensec = st->st_ctim.tv_nsec,
		.blksize = 4096 };
}

static void reply_entry(const struct fuse_in_header *h, const char *path)
{
	struct fuse_entry_out e = { .entry_valid = 1000 };
	struct stat st;

	if (lstat(path, &st)) {
		reply(h->unique, -errno, NULL, 0);
		return;
	}
	e.nodeid = node_of(path);
	fill_attr(&e.attr, e.nodeid, &st);
	reply(h->unique, 0, &e, sizeof(e));
}

static void reply_attr(const struct fuse_in_header *h)
{
	struct fuse_attr_out a = { .attr_valid = 0 };
	struct stat st;

	if (lstat(paths[h->nodeid], &st)) {
		reply(h->unique, -errno, NULL, 0);
		return;
	}
	fill_attr(&a.attr, h->nodeid, &st);
	reply(h->unique, 0, &a, sizeof(a));
}

static void set_attr(const struct fuse_in_header *h, const struct fuse_setattr_in *s)
{
	const char *path = paths[h->nodeid];
	struct timespec ts[2] = { { s->atime, s->atimensec }, { s->mtime, s->mtimensec } };

	if (!(s->valid & FATTR_ATIME))
		ts[0].tv_nsec = UTIME_OMIT;
	if (!(s->valid & FATTR_MTIME))
		ts[1].tv_nsec = UTIME_OMIT;
	if (s->valid & (FATTR_UID | FATTR_GID))
		lchown(path, s->valid & FATTR_UID ? (int)s->uid : -1,
			s->valid & FATTR_GID ? (int)s->gid : -1);
	if (s->valid & FATTR_MODE)
		chmod(path, s->mode & 07777);
	if (s->valid & (FATTR_ATIME | FATTR_MTIME))
		utimensat(AT_FDCWD, path, ts, AT_SYMLINK_NOFOLLOW);
	reply_attr(h);
}

/* Lists all in the first answer. */
static void read_dir(const struct fuse_in_header *h, unsigned long offset)
{
	char buf[4096] = { 0 };
	size_t n = 0;
	DIR *d = offset ? NULL : opendir(paths[h->nodeid]);
	struct dirent *e;

	while (d && (e = readdir(d))) {
		struct fuse_dirent *f = (void *)(buf + n);

		f->ino = 100;
		f->type = e->d_type;
		f->namelen = strlen(e->d_name);
		f->off = n + 1;
		memcpy(f->name, e->d_name, f->namelen);
		n += FUSE_DIRENT_SIZE(f);
	}
	if (d)
		closedir(d);
	reply(h->unique, 0, buf, n);
}

static void do_rename(const struct fuse_in_header *h, const char *from, const char *to, int flags)
{
	if (syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags)) {
		reply(h->unique, -errno, NULL, 0);
		return;
	}
	move_nodes(to, flags & RENAME_EXCHANGE ? "?" : "");
	move_nodes(from, to);
	move_nodes("?", from);
	reply(h->unique, 0, NULL, 0);
}

static void get_xattr(const struct fuse_in_header *h, const char *name, size_t size)
{
	struct fuse_getxattr_out o = { 0 };
	char value[300];
	long n = lgetxattr(paths[h->nodeid], name, value, sizeof(value));

	if (n < 0) {
		n = errno;
		if (hold && !strcmp(paths[h->nodeid], hold) && !strcmp(name, REDIRECT)) {
			hold = NULL;
			held = h->unique;
			return;
		}
		reply(h->unique, -n, NULL, 0);
	} else if (size) {
		reply(h->unique, (long)size < n ? -ERANGE : 0, value, (long)size < n ? 0 : n);
	} else {
		o.size = n;
		reply(h->unique, 0, &o, sizeof(o));
	}
}

static void result(const struct fuse_in_header *h, int r)
{
	reply(h->unique, r ? -errno : 0, NULL, 0);
}

/* Answers requests for attributes. Returns 0 if @h is another request. */
static int serve_xattr(const struct fuse_in_header *h)
{
	const struct fuse_setxattr_in *s = (const void *)(h + 1);
	const struct fuse_getxattr_in *g = (const void *)(h + 1);
	const char *set = (const char *)s + FUSE_COMPAT_SETXATTR_IN_SIZE;
	const char *name = h->opcode == FUSE_GETXATTR ? (const char *)(g + 1) :
			   h->opcode == FUSE_SETXATTR ? set :
							(const char *)(h + 1);

	if (h->opcode != FUSE_GETXATTR && h->opcode != FUSE_SETXATTR &&
		h->opcode != FUSE_REMOVEXATTR)
		return 0;
	if (h->opcode == fail_op && !strcmp(name, fail_name))
		reply(h->unique, -EIO, NULL, 0);
	else if (h->opcode == FUSE_GETXATTR)
		get_xattr(h, name, g->size);
	else if (h->opcode == FUSE_SETXATTR)
		result(h,
			lsetxattr(paths[h->nodeid], set, set + strlen(set) + 1, s->size, s->flags));
	else
		result(h, lremovexattr(paths[h->nodeid], name));
	return 1;
}

static void serve_one(const char *request)
{
	const struct fuse_in_header *h = (const void *)request;
	const void *arg = h + 1;
	const struct fuse_mknod_in *node = arg;
	const struct fuse_mkdir_in *dir = arg;
	const struct fuse_rename2_in *r2 = arg;
	const struct fuse_rename_in *r = arg;
	const char *name = arg, *from, *to;
	struct fuse_statfs_out fs = { .st = { .bsize = 4096, .namelen = 255 } };

	if (serve_xattr(h))
		return;
	if (h->opcode == fail_op) {
		reply(h->unique, -EIO, NULL, 0);
		return;
	}
	switch (h->opcode) {
	case FUSE_LOOKUP: reply_entry(h, path_in(h->nodeid, name)); break;
	case FUSE_GETATTR: reply_attr(h); break;
	case FUSE_SETATTR: set_attr(h, arg); break;
	case FUSE_MKNOD:
		from = path_in(h->nodeid, (const char *)(node + 1));
		if (mknod(from, node->mode, node->rdev))
			result(h, -1);
		else
			reply_entry(h, from);
		break;
	case FUSE_MKDIR:
		from = path_in(h->nodeid, (const char *)(dir + 1));
		if (mkdir(from, dir->mode))
			result(h, -1);
		else
			reply_entry(h, from);
		break;
	case FUSE_UNLINK:
	case FUSE_RMDIR:
		from = path_in(h->nodeid, name);
		if (h->opcode == FUSE_UNLINK ? unlink(from) : rmdir(from)) {
			result(h, -1);
			break;
		}
		move_nodes(from, "");
		result(h, 0);
		break;
	case FUSE_RENAME:
		name = (const char *)(r + 1);
		to = path_in(r->newdir, name + strlen(name) + 1);
		do_rename(h, path_in(h->nodeid, name), to, 0);
		break;
	case FUSE_RENAME2:
		name = (const char *)(r2 + 1);
		to = path_in(r2->newdir, name + strlen(name) + 1);
		do_rename(h, path_in(h->nodeid, name), to, (int)r2->flags);
		break;
	case FUSE_READDIR: read_dir(h, ((const struct fuse_read_in *)arg)->offset); break;
	case FUSE_STATFS: reply(h->unique, 0, &fs, sizeof(fs)); break;
	default: serve_rest(h);
	}
}

static void fail(unsigned op, const char *name)
{
	fail_name = name;
	fail_op = op;
}

/* ---- the overlay ---- */

static void mount_overlay(void)
{
	NEED(mount("overlay", "o", "overlay", 0,
		"lowerdir=l,upperdir=m/u,workdir=m/w,redirect_dir=on"));
}

static void remount(void)
{
	NEED(umount("o"));
	mount_overlay();
}

static void redirect_of(const char *path)
{
	char value[100] = { 0 };
	long n = lgetxattr(path, REDIRECT, value, sizeof(value) - 1);

	say("%s: %s", path, n < 0 ? t_errno(errno) : value);
}

/*
 * A folder moves while another task renames the folder above. Linux keeps the redirect of the
 * folder above in memory, so the server has nothing to hold there.
 */
static void renamed_above(void)
{
	pid_t pid;
	int done = 0;

	NEED(chmod("o/a/x", 0700)); /* copies up, with the folder above */
	NEED(chmod("o/to", 0700));
	hold = "b/u/a";
	pid = SPAWN({ NEED(rename("o/a/x", "o/to/x")); });
	while (!held && !done) {
		siginfo_t si = { 0 };

		NEED(waitid(P_PID, pid, &si, WEXITED | WNOHANG | WNOWAIT));
		done = si.si_pid == pid;
		sleep_ms(1);
	}
	hold = NULL;
	T(rename("o/a", "o/a2"));
	if (held)
		reply(held, -ENODATA, NULL, 0);
	t_wait("rename", pid);
	redirect_of("b/u/to/x");
	redirect_of("b/u/a2");
	remount();
	T(access("o/to/x/f", F_OK));
	T(access("o/a2/y", F_OK));
}

/* A redirect that cannot be read is not taken for none. */
static void unreadable(void)
{
	T(rename("o/c", "o/to/c"));
	fail(FUSE_GETXATTR, REDIRECT);
	rename("o/to/c", "o/to/c2"); /* Linux knows the redirect */
	fail(0, NULL);
	rename("o/to/c", "o/to/c2");
	redirect_of("b/u/to/c2");
	remount();
	fail(FUSE_GETXATTR, REDIRECT);
	T(access("o/to/c2/f", F_OK));
	fail(0, NULL);
	T(access("o/to/c2/f", F_OK));
	T(mknod("o/file", S_IFREG | 0600, 0));
	remount();
	fail(FUSE_GETXATTR, METACOPY);
	T(access("o/file", F_OK));
	fail(0, NULL);
	T(access("o/file", F_OK));
}

/* The last step fails, which only cleans up or hides nothing. */
static void done_before(void)
{
	T(rmdir("o/e"));
	T(mkdir("o/n", 0700));
	fail(FUSE_UNLINK, NULL);
	T(rename("o/n", "o/e"));
	fail(0, NULL);
	T(access("o/e", F_OK));
	T(access("o/n", F_OK));
	fail(FUSE_SETXATTR, "trusted.overlay.opaque");
	T(mkdir("o/to/new", 0700));
	fail(0, NULL);
	T(access("o/to/new", F_OK));
	remount();
	T(access("o/e", F_OK));
	T(access("o/n", F_OK));
	T(access("o/to/new", F_OK));
}

TEST(overlay_faults)
{
	static const char *const dirs[] = { "b", "l", "o", "l/a", "l/a/x", "l/c", "l/e", "l/to" };

	own_mounts();
	scratch_enter("mode=755");
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		NEED(mkdir(dirs[i], 0755));
	t_text("l/a/x/f", "");
	t_text("l/a/y", "");
	t_text("l/c/f", "");
	fuse_serve();
	NEED(mkdir("m/u", 0755));
	NEED(mkdir("m/w", 0755));
	mount_overlay();
	renamed_above();
	unreadable();
	done_before();
	NEED(umount("o"));
	NEED(umount2("m", MNT_DETACH));
	scratch_leave();
}
