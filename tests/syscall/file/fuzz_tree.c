/* SPDX-License-Identifier: MIT */
/*
 * Thousands of random creations, links, renames, exchanges and removals of files and directories,
 * checked against a model of the tree. The seeds are fixed.
 */
#include "rnd.h"
#include <dirent.h>

/* directories that may exist, the first of them always: the top */
#define DIRS 6
#define NAMES 8 /* names in each */

/* An entry: 0 nothing, 1..DIRS-1 directory of that number, 100+n file number n. */
static int tree[DIRS][NAMES];
/* of an existing directory; 0 is the top, -1 means none */
static int parent[DIRS];
static int next_file;
static int bad;

static void wrong(const char *what, const char *path, int want, int got)
{
	if (bad++ < 5)
		say("%s %s: want %s, got %s", what, path, want ? t_errno(want) : "ok",
			got ? t_errno(got) : "ok");
}

static void path_of_dir(int d, char *out)
{
	char tail[256] = "", part[300];
	int i, guard;

	for (guard = 0; d && guard < DIRS; guard++) {
		for (i = 0; i < NAMES && tree[parent[d]][i] != d; i++)
			;
		snprintf(part, sizeof(part), "n%d/%s", i, tail);
		strcpy(tail, part);
		d = parent[d];
	}
	snprintf(out, 300, "top/%s", tail);
}

static void path_of(int d, int n, char *out)
{
	path_of_dir(d, out);
	snprintf(out + strlen(out), 20, "n%d", n);
}

static int exists(int d)
{
	return d == 0 || parent[d] >= 0;
}

static int some_dir(void)
{
	int d;

	do
		d = (int)rnd(DIRS);
	while (!exists(d));
	return d;
}

static int is_empty(int d)
{
	int i;

	for (i = 0; i < NAMES; i++)
		if (tree[d][i])
			return 0;
	return 1;
}

/* True if @d is the directory @of, or below it. */
static int is_below(int d, int of)
{
	for (; d; d = parent[d])
		if (d == of)
			return 1;
	return of == 0;
}

static void expect(const char *what, const char *path, int r, int want)
{
	int got = r == -1 ? errno : 0;

	if (got != want)
		wrong(what, path, want, got);
}

static void create(void)
{
	int d = some_dir(), n = (int)rnd(NAMES), fd;
	char path[320], text[32];

	path_of(d, n, path);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
	expect("create", path, fd, tree[d][n] ? EEXIST : 0);
	if (fd < 0)
		return;
	tree[d][n] = 100 + next_file++;
	snprintf(text, sizeof(text), "%d", tree[d][n]);
	NEED(write(fd, text, strlen(text)));
	close(fd);
}

static void make_dir(void)
{
	int d = some_dir(), n = (int)rnd(NAMES), new = 1;
	char path[320];

	while (new < DIRS && exists(new))
		new ++;
	if (new == DIRS)
		return;
	path_of(d, n, path);
	expect("mkdir", path, mkdir(path, 0700), tree[d][n] ? EEXIST : 0);
	if (!tree[d][n]) {
		tree[d][n] = new;
		parent[new] = d;
	}
}

static void remove_it(void)
{
	int d = some_dir(), n = (int)rnd(NAMES), e = tree[d][n], dir = (int)rnd(2);
	char path[320];

	path_of(d, n, path);
	if (dir)
		expect("rmdir", path, rmdir(path),
			!e          ? ENOENT :
			e >= 100    ? ENOTDIR :
			is_empty(e) ? 0 :
				      ENOTEMPTY);
	else
		expect("unlink", path, unlink(path), !e ? ENOENT : e < 100 ? EISDIR : 0);
	if (e && (dir ? e < 100 && is_empty(e) : e >= 100)) {
		tree[d][n] = 0;
		if (e < 100)
			parent[e] = -1;
	}
}

static void link_it(void)
{
	int d = some_dir(), n = (int)rnd(NAMES), d2 = some_dir(), n2 = (int)rnd(NAMES),
	    e = tree[d][n];
	char from[320], to[320];

	path_of(d, n, from);
	path_of(d2, n2, to);
	expect("link", from, link(from, to),
		!e           ? ENOENT :
		tree[d2][n2] ? EEXIST :
		e < 100      ? EPERM :
			       0);
	if (e >= 100 && !tree[d2][n2])
		tree[d2][n2] = e;
}

static int rename_error(int d, int e, int d2, int e2, int flags)
{
	if (!e)
		return ENOENT;
	if (flags == RENAME_NOREPLACE && e2)
		return EEXIST;
	if (flags == RENAME_EXCHANGE && !e2)
		return ENOENT;
	if (e < 100 && e != e2 && is_below(d2, e))
		return EINVAL;
	if (e2 && e2 < 100 && e != e2 && is_below(d, e2))
		return flags == RENAME_EXCHANGE ? EINVAL : ENOTEMPTY;
	if (e == e2 || !e2 || flags == RENAME_EXCHANGE)
		return 0;
	if (e < 100 && e2 >= 100)
		return ENOTDIR;
	if (e >= 100 && e2 < 100)
		return EISDIR;
	return e2 < 100 && !is_empty(e2) ? ENOTEMPTY : 0;
}

static void rename_it(void)
{
	int d = some_dir(), n = (int)rnd(NAMES), d2 = some_dir(), n2 = (int)rnd(NAMES),
	    e = tree[d][n], e2 = tree[d2][n2], want;
	static const int kinds[] = { 0, 0, RENAME_NOREPLACE, RENAME_EXCHANGE };
	int flags = kinds[rnd(4)];
	char from[320], to[320];

	path_of(d, n, from);
	path_of(d2, n2, to);
	want = rename_error(d, e, d2, e2, flags);
	expect(flags == RENAME_EXCHANGE ? "exchange" :
		flags                   ? "rename, no replacing" :
					  "rename",
		from, renameat2(AT_FDCWD, from, AT_FDCWD, to, flags), want);
	if (want || e == e2)
		return; /* the same file twice: nothing happens */
	tree[d2][n2] = e;
	if (e < 100)
		parent[e] = d2;
	tree[d][n] = flags == RENAME_EXCHANGE ? e2 : 0;
	if (flags == RENAME_EXCHANGE && e2 < 100)
		parent[e2] = d;
	else if (flags != RENAME_EXCHANGE && e2 && e2 < 100)
		parent[e2] = -1;
}

static int links_of(int file)
{
	int d, n, count = 0;

	for (d = 0; d < DIRS; d++)
		for (n = 0; n < NAMES && exists(d); n++)
			count += tree[d][n] == file;
	return count;
}

static void check(void)
{
	char path[320], text[32];
	struct stat st;
	int d, n, fd, len, count;
	DIR *dir;

	for (d = 0; d < DIRS; d++) {
		if (!exists(d))
			continue;
		for (n = count = 0; n < NAMES; n++) {
			path_of(d, n, path);
			if (lstat(path, &st) == -1) {
				if (tree[d][n] || errno != ENOENT)
					wrong("lookup", path, tree[d][n] ? 0 : ENOENT, errno);
				continue;
			}
			count++;
			if (!tree[d][n])
				wrong("lookup", path, ENOENT, 0);
			else if (S_ISDIR(st.st_mode) != (tree[d][n] < 100))
				wrong("type", path, 0, EIO);
			if (tree[d][n] < 100)
				continue;
			if ((int)st.st_nlink != links_of(tree[d][n]))
				wrong("links", path, links_of(tree[d][n]), (int)st.st_nlink);
			fd = NEED(open(path, O_RDONLY));
			len = NEED(read(fd, text, sizeof(text) - 1));
			text[len] = 0;
			close(fd);
			if (atoi(text) != tree[d][n])
				wrong("contents", path, 0, EIO);
		}
		path_of_dir(d, path);
		dir = opendir(path);
		for (n = 0; dir && readdir(dir); n++)
			;
		if (!dir || n != count + 2)
			wrong("listing", path, 0, EIO);
		if (dir)
			closedir(dir);
	}
}

static void round_(uint64_t s, int steps)
{
	int i;

	rnd_seed = s;
	memset(tree, 0, sizeof(tree));
	memset(parent, -1, sizeof(parent));
	parent[0] = 0;
	next_file = 0;
	NEED(mkdir("top", 0700));
	for (i = 0; i < steps; i++) {
		switch (rnd(10)) {
		case 0 ... 2: create(); break;
		case 3: make_dir(); break;
		case 4 ... 5: remove_it(); break;
		case 6: link_it(); break;
		default: rename_it(); break;
		}
		if (i % 25 == 0)
			check();
	}
	check();
	nftw("top", t_remove, 16, FTW_DEPTH | FTW_PHYS);
}

TEST(fuzz_tree)
{
	int i;

	for (i = 1; i <= 10; i++)
		round_((uint64_t)i * 15485863, 1000);
	say("wrong: %d", bad);
}
