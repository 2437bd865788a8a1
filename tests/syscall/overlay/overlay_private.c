/* SPDX-License-Identifier: MIT */
/*
 * overlay_private: an overlay in a user namespace shows no more than its mounter may see: not the
 * contents of folders that it may not search, below names that it has put over them, nor data of
 * other users behind attributes of its own. It does not see trusted.overlay.*.
 */
#include "guest.h"
#include "userns.h"
#include "mounts.h"
#include <dirent.h>
#include <sys/mount.h>
#include <sys/xattr.h>

#define ME 1000
#define SECRET "the secret"

static void text(const char *path, int owner, int mode)
{
	t_text(path, SECRET);
	NEED(chown(path, owner, owner));
	NEED(chmod(path, mode));
}

static void directory(const char *path, int owner, int mode)
{
	NEED(mkdir(path, 0755));
	NEED(chown(path, owner, owner));
	NEED(chmod(path, mode));
}

/*
 * Makes another user's files: folders that may not be listed, or may be listed but not searched,
 * and files that only their owner may read.
 */
static void make_lower(void)
{
	directory("l", 0, 0755);
	directory("l/closed", 0, 0700);
	text("l/closed/file", 0, 0666);
	directory("l/closed/dir", 0, 0777);
	directory("l/listed", 0, 0744);
	text("l/listed/file", 0, 0666);
	directory("l/found", 0, 0711);
	text("l/found/file", 0, 0666);
	text("l/shadow", 0, 0600);
	text("l/plain", ME, 0644);
	directory("l/hidden", ME, 0755);
	text("l/hidden/file", ME, 0644);
	directory("l/hidden2", ME, 0755);
	text("l/hidden2/file", ME, 0644);
}

static void mark(const char *path, const char *which, const char *value)
{
	char name[64];

	snprintf(name, sizeof(name), "trusted.overlay.%s", which);
	NEED(setxattr(path, name, value, strlen(value), 0));
	snprintf(name, sizeof(name), "user.overlay.%s", which);
	NEED(setxattr(path, name, value, strlen(value), 0));
}

/*
 * Makes the mounter's upper layer. Only the machine's root can make such marks, but the FUSE server
 * of any user can pretend to have them.
 */
static void make_upper(const char *u)
{
	char path[64];
	static const char *const dirs[] = { "closed", "listed", "found", "opaque", "hidden",
		"moved" };

	directory(u, ME, 0755);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		snprintf(path, sizeof(path), "%s/%s", u, dirs[i]);
		directory(path, ME, 0755);
	}
	snprintf(path, sizeof(path), "%s/moved", u);
	mark(path, "redirect", "/hidden");
	snprintf(path, sizeof(path), "%s/hidden", u);
	mark(path, "opaque", "y");
	snprintf(path, sizeof(path), "%s/data", u);
	text(path, ME, 0644);
	NEED(truncate(path, 0));
	NEED(truncate(path, 10));
	mark(path, "metacopy", "");
	mark(path, "redirect", "/shadow");
}

static void listing(const char *path)
{
	DIR *d = opendir(path);
	struct dirent *e;
	int n = 0;

	if (!d) {
		say("list %s: %s", path, t_errno(errno));
		return;
	}
	errno = 0;
	while ((e = readdir(d)))
		n += e->d_name[0] != '.';
	say("list %s: %d names, %s", path, n, errno ? t_errno(errno) : "ok");
	closedir(d);
}

static void contents(const char *path)
{
	char buf[64] = { 0 };
	int fd = open(path, O_RDONLY);
	long n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	say("%s: %s", path,
		n < 0                     ? t_errno(errno) :
		!strncmp(buf, SECRET, 10) ? "the secret" :
					    "something else");
	if (fd >= 0)
		close(fd);
}

static void look(const char *options)
{
	static const char *const dirs[] = { "m/closed", "m/closed/dir", "m/listed", "m/found",
		"m/hidden", "m/moved", "m/" };
	static const char *const files[] = { "m/closed/file", "m/listed/file", "m/found/file",
		"m/shadow", "m/plain", "m/hidden/file", "m/moved/file", "m/data" };
	char value[64];

	say("-- %s", options);
	if (T(mount("overlay", "m", "overlay", 0, options)))
		return;
	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++)
		listing(dirs[i]);
	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		contents(files[i]);
	T(getxattr("m/data", "trusted.overlay.metacopy", value, sizeof(value)));
	T(getxattr("m/data", "user.overlay.metacopy", value, sizeof(value)));
	T(listxattr("m/data", value, 0) > 0);
	T(chmod("m/closed/file", 0600));
	T(chmod("m/data", 0600));
	contents("m/data");
	NEED(umount("m"));
}

/* A folder with no lower folder needs no mark, until it moves over one. */
static void move_deep(const char *options)
{
	T(mkdir("m/found/deep", 0755));
	T(unlink("m/hidden2/file"));
	T(rmdir("m/hidden2"));
	T(rename("m/found/deep", "m/hidden2"));
	T(rename("m/two", "m/found/deep"));
	T(access("m/hidden2/file", F_OK));
	NEED(umount("m"));
	T(mount("overlay", "m", "overlay", 0, options));
	T(access("m/hidden2/file", F_OK));
}

static void change(const char *options)
{
	say("-- changes with %s", options);
	if (T(mount("overlay", "m", "overlay", 0, options)))
		return;
	T(chmod("m/plain", 0600));
	T(mkdir("m/new", 0755));
	T(rmdir("m/new"));
	T(unlink("m/plain"));
	T(mkdir("m/plain", 0755));
	T(rename("m/opaque", "m/found/other"));
	T(mkdir("m/one", 0755));
	T(mkdir("m/two", 0755));
	T(rename("m/one", "m/two"));
	T(rename("m/moved", "m/away"));
	if (strstr(options, "userxattr"))
		move_deep(options);
	T(setxattr("m/two", "user.overlay.x", "1", 1, 0));
	T(setxattr("m/two", "user.x", "1", 1, 0));
	NEED(umount("m"));
}

static void cached(void)
{
	struct stat st;

	NEED(stat("l/closed/file", &st)); /* and its name is known now */
	NEED(stat("l/listed/file", &st));
	NEED(stat("l/found/file", &st));
}

static void as_mounter(void)
{
	look("lowerdir=u:l");
	look("lowerdir=u:l,userxattr");
	look("lowerdir=u:l,metacopy=on");
	look("lowerdir=u:l,redirect_dir=on");
	look("lowerdir=u:l,redirect_dir=follow");
	look("lowerdir=u:l,redirect_dir=off");
	look("lowerdir=u:l,redirect_dir=nofollow");
	look("lowerdir=u:l,metacopy=on,userxattr");
	look("lowerdir=u:l,redirect_dir=on,userxattr");
	look("lowerdir=u::l");
	look("lowerdir=l,upperdir=v,workdir=w");
	change("lowerdir=l,upperdir=v,workdir=w");
	change("lowerdir=l,upperdir=x,workdir=w,userxattr");
}

static void in_a_namespace(void)
{
	NEED(mount("", "/", NULL, MS_REC | MS_PRIVATE, NULL));
	as_mounter();
}

TEST(overlay_private)
{
	own_mounts();
	scratch_enter("mode=755");
	make_lower();
	make_upper("u");
	make_upper("v");
	make_upper("x");
	directory("w", ME, 0755);
	directory("m", ME, 0755);
	cached();
	t_wait("mounter", userns_spawn(CLONE_NEWNS, ME, 1, in_a_namespace));
	scratch_leave();
}
