/* SPDX-License-Identifier: MIT */
/*
 * fuse_crowd: many processes look up names in the same folders of a multi-threaded server. Others
 * make, move and remove names there, and some are killed. Two folders have four names each, in the
 * root and in each other. No process waits for ever, and in the end each name leads to its file.
 */
#include "fuse_server.h"
#include <dirent.h>

#define SERVERS 3
#define WORKERS 6
#define KILLS 150
#define BETWEEN 60 /* operations from one kill to the next */
#define FILES 8
#define FIRST_FILE 100
#define FOLDER 50       /* and the next number */
#define FIRST_MADE 1000 /* even numbers are folders */

static volatile unsigned long *done; /* shared by the workers */
static unsigned long made = FIRST_MADE;

static bool is_folder(unsigned long node)
{
	return node == 1 || node == FOLDER || node == FOLDER + 1 ||
	       (node >= FIRST_MADE && !(node & 1));
}

static void attr_of(struct fuse_attr *a, unsigned long node)
{
	file_attr(a, node, 0644, 10);
	if (is_folder(node))
		a->mode = S_IFDIR | 0777;
}

static void put_entry(const struct fuse_in_header *h, unsigned long node, bool lasts)
{
	struct {
		struct fuse_entry_out e;
		struct fuse_open_out o;
	} out;

	memset(&out, 0, sizeof(out));
	out.e.nodeid = node;
	out.e.entry_valid = lasts ? 1000 : 0;
	attr_of(&out.e.attr, node);
	reply(h->unique, 0, &out, h->opcode == FUSE_CREATE ? sizeof(out) : sizeof(out.e));
}

static void lookup(const struct fuse_in_header *h, const char *name)
{
	int k = name[1] - '0';

	if (*name == 'f')
		put_entry(h, FIRST_FILE + (unsigned)k, k & 1);
	else if (*name == 'd')
		put_entry(h, FOLDER + (k & 1), k & 2);
	else
		reply(h->unique, -ENOENT, NULL, 0);
}

static void serve_one(const char *buf)
{
	const struct fuse_in_header *h = (const void *)buf;
	unsigned long node = __atomic_fetch_add(&made, 2, __ATOMIC_SEQ_CST);
	struct fuse_attr_out a = { .attr_valid = 0 };

	switch (h->opcode) {
	case FUSE_LOOKUP: lookup(h, (const char *)(h + 1)); break;
	case FUSE_MKDIR: put_entry(h, node, false); break;
	case FUSE_CREATE: put_entry(h, node + 1, false); break;
	case FUSE_GETATTR:
		attr_of(&a.attr, h->nodeid);
		reply(h->unique, 0, &a, sizeof(a));
		break;
	case FUSE_READDIR:
	case FUSE_UNLINK:
	case FUSE_RMDIR:
	case FUSE_RENAME: reply(h->unique, 0, NULL, 0); break;
	default: serve_rest(h);
	}
}

static void *another_server(void *unused)
{
	char *buf = malloc(200000);

	while (read(dev, buf, 200000) > 0 || errno == EINTR)
		serve_one(buf);
	free(buf);
	return NULL;
}

/* ---- the crowd ---- */

static unsigned next(unsigned *seed)
{
	*seed = *seed * 1103515245 + 12345;
	return *seed >> 16;
}

static void some_path(char *path, char kind, unsigned r)
{
	static const char *const in[] = { "m", "m", "m/d0", "m/d1", "m/d2/d1", "m/d3/d4" };

	sprintf(path, "%s/%c%d", in[r % 6], kind, (int)(r / 6 % FILES));
}

static void list(const char *path)
{
	DIR *d = opendir(path);

	while (d && readdir(d))
		;
	if (d)
		closedir(d);
}

/* Makes a random call. Most calls fail: the test only needs many that run at the same time. */
static void one_step(unsigned *seed)
{
	char a[64], b[64];
	struct stat st;
	int fd;

	some_path(a, 'n', next(seed));
	some_path(b, 'n', next(seed));
	switch (next(seed) % 16) {
	case 0: mkdir(a, 0755); break;
	case 1: rmdir(a); break;
	case 2: rename(a, b); break;
	case 3: unlink(a); break;
	case 4:
		fd = open(a, O_CREAT | O_RDWR, 0644);
		if (fd >= 0)
			close(fd);
		break;
	case 5: list("m/d0"); break;
	case 6: list("m"); break;
	case 7: stat(a, &st); break;
	case 8:
	case 9:
	case 10:
		some_path(a, 'f', next(seed));
		stat(a, &st);
		break;
	default: some_path(a, 'd', next(seed)); stat(a, &st);
	}
}

static pid_t worker(unsigned seed)
{
	return SPAWN({
		for (;;) {
			one_step(&seed);
			__atomic_fetch_add(done, 1, __ATOMIC_SEQ_CST);
		}
	});
}

static void crowd(void)
{
	pid_t pid[WORKERS];

	for (unsigned i = 0; i < WORKERS; i++)
		pid[i] = worker(i);
	for (unsigned i = 0; i < KILLS; i++) {
		unsigned long until = *done + BETWEEN;

		T_WAIT(*done >= until);
		t_kill(pid[i % WORKERS]);
		pid[i % WORKERS] = worker(1000 + i);
	}
	for (unsigned i = 0; i < WORKERS; i++)
		t_kill(pid[i]);
}

static void look_at_all(void)
{
	struct stat st;
	char path[64];

	for (int k = 0; k < FILES; k++) {
		sprintf(path, "m/f%d", k);
		say("%s: %d", path, stat(path, &st) ? -errno : (int)st.st_ino - FIRST_FILE);
	}
	T(access("m/d0/d1/none", F_OK));
	T(access("m/d2", F_OK));
}

TEST(fuse_crowd)
{
	fuse_init_flags = FUSE_PARALLEL_DIROPS;
	done = NEED(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
	CHILD({
		pthread_t t;

		fuse_serve();
		for (int i = 1; i < SERVERS; i++)
			NEED0(pthread_create(&t, NULL, another_server, NULL));
		crowd();
		look_at_all();
		T(umount("m"));
	});
}
