// SPDX-License-Identifier: MIT
/*
 * trees.c: several processes, each in a tree of its own, make and remove files, folders, links,
 * symbolic links, fifos and attributes.
 *
 *	trees DIR SEED OPERATIONS PROCESSES [xattr]
 *
 * Paths are random, so most errors of paths occur: a missing name, a name that exists, a folder
 * that is not empty, a loop.
 */
#include <dirent.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "model.h"

static int xattrs;

/* Makes a path of one to four components in @to. Returns @to. */
static const char *path(struct run *r, char *to)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f",
		"a-longer-name-that-needs-more-room-in-its-folder-than-the-others-do-and-goes-on-"
		"for-a-while",
		"." };
	uint32_t n = 1 + rnd(r, rnd(r, 2) ? 2 : 4);

	*to = 0;
	while (n--) {
		strcat(to, names[rnd(r, 8)]);
		if (n || rnd(r, 40) == 0)
			strcat(to, "/");
	}
	return to;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Returns a hash of the sorted names and types in a folder, or -1 with errno. */
static long list(const char *p)
{
	char *entries[64], text[300];
	DIR *d = opendir(p);
	struct dirent *e;
	uint64_t h = 0;
	int n = 0, i;

	if (!d)
		return -1;
	while ((e = readdir(d)) && n < 64) {
		snprintf(text, sizeof(text), "%s %d", e->d_name, e->d_type);
		entries[n++] = strdup(text);
	}
	closedir(d);
	qsort(entries, (size_t)n, sizeof(entries[0]), by_name);
	for (i = 0; i < n; i++) {
		h = h * 31 + hash(entries[i], strlen(entries[i]));
		free(entries[i]);
	}
	return (long)(h & 0xffffffff);
}

static long look(struct run *r, const char *p, int follow)
{
	struct stat st;

	if (follow ? stat(p, &st) : lstat(p, &st))
		return -1;
	outcome(r, "mode %o links %d owner %d:%d size %ld", st.st_mode, (int)st.st_nlink,
		(int)st.st_uid, (int)st.st_gid, S_ISDIR(st.st_mode) ? 0 : (long)st.st_size);
	return 0;
}

static long content(struct run *r, const char *p, int flags)
{
	char buf[9000];
	int fd = open(p, flags | O_NONBLOCK, 0640);
	long n = 0;

	if (fd < 0)
		return -1;
	memset(buf, 'a' + (int)rnd(r, 26), sizeof(buf));
	if (flags & O_WRONLY)
		n = write(fd, buf, 1 + rnd(r, rnd(r, 4) ? 300 : 8999));
	else if ((n = read(fd, buf, sizeof(buf))) > 0)
		n = (long)(hash(buf, (size_t)n) & 0xffffffff);
	close(fd);
	return n;
}

static long times(struct run *r, const char *p)
{
	struct timespec t[2] = { { 1000000 + rnd(r, 1000000), rnd(r, 1000000000) },
		{ 2000000 + rnd(r, 1000000), rnd(r, 1000000000) } };
	struct stat st;
	int res = utimensat(AT_FDCWD, p, t, rnd(r, 2) ? AT_SYMLINK_NOFOLLOW : 0);

	if (!res && !stat(p, &st) && !lstat(p, &st) && !S_ISLNK(st.st_mode))
		outcome(r, "mtime %ld.%09ld", (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	return res;
}

static long attributes(struct run *r, const char *p)
{
	static const char *const names[] = { "user.one", "user.a-second-one", "user.3" };
	const char *name = names[rnd(r, 3)];
	char value[120], names_there[300];
	ssize_t n;

	switch (rnd(r, 5)) {
	case 0:
	case 1:
		memset(value, 'a' + (int)rnd(r, 26), sizeof(value));
		return setxattr(p, name, value, rnd(r, sizeof(value)), (int)rnd(r, 3));
	case 2:
		n = getxattr(p, name, value, sizeof(value));
		return n < 0 ? n : (long)(hash(value, (size_t)n) & 0xffffff);
	case 3: return removexattr(p, name);
	default:
		n = listxattr(p, names_there, sizeof(names_there));
		return n; /* file systems order them differently */
	}
}

static void one(struct run *r)
{
	char a[600], b[600], target[600];
	const char *what = "";
	long res = 0;

	path(r, a);
	path(r, b);
	errno = 0;
	switch (rnd(r, 26)) {
	case 0:
	case 1: what = "mkdir", res = mkdir(a, 0700 + rnd(r, 64)); break;
	case 2: what = "create", res = content(r, a, O_WRONLY | O_CREAT | O_EXCL); break;
	case 3:
	case 4: what = "write", res = content(r, a, O_WRONLY | O_CREAT); break;
	case 5: what = "append", res = content(r, a, O_WRONLY | O_APPEND); break;
	case 6: what = "replace", res = content(r, a, O_WRONLY | O_TRUNC); break;
	case 7:
	case 8: what = "read", res = content(r, a, O_RDONLY); break;
	case 9: what = "link", res = link(a, b); break;
	case 10: what = "symlink", res = symlink(path(r, target), a); break;
	case 11:
	case 12: what = "rename", res = rename(a, b); break;
	case 13:
		what = "rename without replacing",
		res = renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_NOREPLACE);
		break;
	case 14:
		what = "exchange", res = renameat2(AT_FDCWD, a, AT_FDCWD, b, RENAME_EXCHANGE);
		break;
	case 15:
	case 16: what = "unlink", res = unlink(a); break;
	case 17: what = "rmdir", res = rmdir(a); break;
	case 18: what = "list", res = list(a); break;
	case 19: what = "stat", res = look(r, a, (int)rnd(r, 2)); break;
	case 20: what = "chmod", res = chmod(a, 0700 + rnd(r, 64)); break;
	case 21: what = "chown", res = lchown(a, rnd(r, 1000), rnd(r, 1000)); break;
	case 22: what = "times", res = times(r, a); break;
	case 23:
		what = "readlink", res = readlink(a, target, sizeof(target));
		res = res > 0 ? (long)(hash(target, (size_t)res) & 0xffffff) : res;
		break;
	case 24: what = "truncate", res = truncate(a, rnd(r, 20000)); break;
	default:
		what = xattrs ? "xattr" : "mknod",
		res = xattrs ? attributes(r, a) : mknod(a, S_IFIFO | 0600, 0);
	}
	outcome(r, "%s %s %s = %ld %s", what, a, b, res, res < 0 ? strerror(errno) : "");
}

static void walk(struct run *r, int depth)
{
	static const char *const names[] = { "a", "b", "c", "d", "e", "f" };
	int i;

	outcome(r, "folder %ld", list("."));
	for (i = 0; i < 6; i++) {
		look(r, names[i], 0);
		outcome(r, "%ld", content(r, names[i], O_RDONLY | O_NOFOLLOW));
		struct stat st;

		if (depth < 8 && !lstat(names[i], &st) && S_ISDIR(st.st_mode) && !chdir(names[i])) {
			walk(r, depth + 1);
			if (chdir(".."))
				exit(2);
		}
	}
}

static int process(const char *dir, int nr, uint64_t seed, long ops)
{
	char who[20], base[600];
	struct run r;

	snprintf(who, sizeof(who), "tree-%d", nr);
	snprintf(base, sizeof(base), "%s/%s", dir, who);
	run_begin(&r, who, seed * 100 + (uint64_t)nr);
	if (mkdir(base, 0700) || chdir(base)) {
		perror(base);
		return 2;
	}
	while (r.n < ops) {
		one(&r);
		step_done(&r);
	}
	r.n = ops;
	walk(&r, 0);
	printf("%s end %016llx\n", who, (unsigned long long)r.sum);
	return 0;
}

int main(int argc, char **argv)
{
	int i, status, bad = 0;

	if (argc < 5)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	xattrs = argc > 5;
	umask(022);
	for (i = 0; i < atoi(argv[4]); i++)
		if (!fork())
			exit(process(argv[1], i, strtoull(argv[2], NULL, 10), atol(argv[3])));
	while (wait(&status) > 0)
		bad |= status;
	return bad != 0;
}
