/* SPDX-License-Identifier: MIT */
/*
 * mount_trees: random sequences of mounts, binds, moves, changes of propagation, unmounts and new
 * namespaces. After each step the whole tree, with peer groups and masters, goes into a hash. The
 * expected hashes are those of Linux 6.18.
 */
#include "guest.h"
#include "mounts.h"
#include "rnd.h"
#include <sys/mount.h>

#define STEPS 16
#define MAX_MOUNTS 400

static const uint32_t expected[] = {
	/* clang-format off */
	0x33e1cb03, 0x339535b9, 0x3624d31d, 0xe6332e55, 0xe411fa55, 0x82934edb, 0x99f07eef, 0xc16b32a6,
	0x89e6fbfa, 0xdb8eb8c9, 0x822001a4, 0x22ad6eae, 0x0bd67d03, 0x2946d1ba, 0xc0c1aa37, 0x3e8db3ca,
	0xdc0b8e6b, 0x5929c295, 0x73293aee, 0x5758b4a2, 0x1ddd31ef, 0xa5a577a5, 0x6acd6e92, 0xc2c4ee8c,
	0x48a3fee1, 0x1372114c, 0x5fa79392, 0x057447a5, 0x00fe7063, 0xeddb20e6, 0xe589037a, 0xb0f7c019,
	0x719d862f, 0x4e9a9fd5, 0x8e932483, 0x96b0f9d5, 0x56b3cb10, 0x20117fdb, 0xa29e661a, 0x0b7b665e,
	0x4e6e7979, 0x6b7639de, 0x730b5a28, 0xe0b1dcf4, 0x4b9f540a, 0x0ea221ce, 0x367747e0, 0x3bf2e81b,
	/* clang-format on */
};

/* ---- the tree as text ---- */

static struct seen {
	int id, parent, major, minor;
	char root[128], place[128], optional[128], chain[1024];
} mounts[MAX_MOUNTS];
static int nr;
static char base[PATH_MAX];
static uint32_t hash;
static bool loud;

static void put(const char *s)
{
	if (loud)
		printf("%s", s);
	for (; *s; s++)
		hash = (hash ^ (unsigned char)*s) * 16777619U;
}

static int by_chain(const void *a, const void *b)
{
	return strcmp(((const struct seen *)a)->chain, ((const struct seen *)b)->chain);
}

static struct seen *by_id(int id)
{
	for (int i = 0; i < nr; i++)
		if (mounts[i].id == id)
			return &mounts[i];
	return NULL;
}

/* Returns the number of @v in the order of first use. */
static int rename_number(int *known, int *n, int v)
{
	for (int i = 0; i < *n; i++)
		if (known[i] == v)
			return i;
	known[*n] = v;
	return (*n)++;
}

static void read_mounts(void)
{
	FILE *f = fopen("/proc/self/mountinfo", "r");
	char line[4096], *end;
	int at;

	NEED(f ? 0 : -1);
	for (nr = 0; nr < MAX_MOUNTS && fgets(line, sizeof(line), f);) {
		struct seen *m = &mounts[nr];

		memset(m, 0, sizeof(*m));
		if (sscanf(line, "%d %d %d:%d %127s %127s %*s %n", &m->id, &m->parent, &m->major,
			    &m->minor, m->root, m->place, &at) < 6)
			continue;
		if (strncmp(m->place, base, strlen(base)))
			continue;
		end = strstr(line + at, "- ");
		if (end)
			snprintf(m->optional, sizeof(m->optional), "%.*s", (int)(end - line - at),
				line + at);
		nr++;
	}
	fclose(f);
}

/* Joins the places of the mounts from the root to @m, which does not depend on the list's order. */
static void make_chain(struct seen *m)
{
	char text[1024];
	struct seen *x = m;

	for (int depth = 0; x && depth < 40; depth++, x = by_id(x->parent)) {
		snprintf(text, sizeof(text), "%.200s|%.800s", x->place + strlen(base), m->chain);
		memcpy(m->chain, text, sizeof(text));
	}
}

static void put_groups(struct seen *m, int *groups, int *nr_groups)
{
	char *s = m->optional, *word, text[64];
	int v;

	while ((word = strsep(&s, " "))) {
		text[0] = 0;
		if (sscanf(word, "shared:%d", &v) == 1)
			sprintf(text, " shared %d", rename_number(groups, nr_groups, v));
		else if (sscanf(word, "master:%d", &v) == 1)
			sprintf(text, " master %d", rename_number(groups, nr_groups, v));
		else if (!strncmp(word, "unbindable", 10))
			sprintf(text, " unbindable");
		put(text);
	}
}

static void hash_tree(void)
{
	static int devices[MAX_MOUNTS], groups[2 * MAX_MOUNTS];
	int nr_devices = 0, nr_groups = 0;
	char text[2048];

	read_mounts();
	for (int i = 0; i < nr; i++)
		make_chain(&mounts[i]);
	qsort(mounts, nr, sizeof(mounts[0]), by_chain);
	for (int i = 0; i < nr; i++) {
		struct seen *m = &mounts[i];

		snprintf(text, sizeof(text), "   %s dev %d %s", m->chain,
			rename_number(devices, &nr_devices, m->major * 4096 + m->minor), m->root);
		put(text);
		put_groups(m, groups, &nr_groups);
		put("\n");
	}
}

/* ---- the steps ---- */

static const char *const dirs[] = { "r/a", "r/b", "r/c", "r/a/1", "r/b/1", "r/c/1", "r/a/2",
	"r/a/1/1", "r/b/1/1", "r" };
#define NR_DIRS 10

static void fill(const char *top)
{
	static const char *const names[] = { "1", "1/1", "2", "a", "b", "c", "a/1", "a/2", "b/1",
		"c/1", "a/1/1", "b/1/1" };
	char path[100];

	for (unsigned i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, names[i]);
		mkdir(path, 0755);
	}
}

static void step(void)
{
	static const int types[] = { MS_SHARED, MS_SHARED, MS_SLAVE, MS_PRIVATE, MS_UNBINDABLE };
	unsigned kind = rnd(16), a = rnd(NR_DIRS - 1), b = rnd(NR_DIRS), type = rnd(5);
	const char *to = dirs[a], *from = dirs[b];
	char text[100];
	int r;

	errno = 0;
	if (kind < 3) {
		r = mount("none", to, "tmpfs", 0, NULL);
		if (!r)
			fill(to);
	} else if (kind < 6) {
		r = mount(from, to, NULL, MS_BIND, NULL);
	} else if (kind < 7) {
		r = mount(from, to, NULL, MS_BIND | MS_REC, NULL);
	} else if (kind < 8) {
		r = mount(from, to, NULL, MS_MOVE, NULL);
	} else if (kind < 12) {
		r = mount(NULL, from, NULL, types[type] | (kind == 11 ? MS_REC : 0), NULL);
	} else if (kind < 15) {
		r = umount2(to, kind == 14 ? MNT_DETACH : 0);
	} else {
		r = unshare(CLONE_NEWNS);
	}
	snprintf(text, sizeof(text), "kind %u %s %s type %u: %d %d\n", kind, to, from, type, r,
		errno);
	put(text);
}

static uint32_t sequence(unsigned seed)
{
	rnd_seed = seed * 7919UL + 12345;
	hash = 2166136261U;
	rnd(2);
	own_mounts();
	NEED(mount("none", "r", "tmpfs", 0, NULL));
	fill("r");
	if (rnd(3))
		NEED(mount(NULL, "r", NULL, MS_SHARED, NULL));
	for (int i = 0; i < STEPS; i++) {
		step();
		hash_tree();
	}
	return hash;
}

TEST(mount_trees)
{
	const char *which = getenv("TREES");

	NEED(getcwd(base, sizeof(base) - 3) ? 0 : -1);
	strcat(base, "/r");
	NEED(mkdir("r", 0755));
	for (unsigned seed = 0; seed < sizeof(expected) / sizeof(expected[0]); seed++) {
		uint32_t h = expected[seed];
		int p[2];

		if (which && (unsigned)atoi(which) != seed)
			continue;
		loud = which;
		if (in_guest()) {
			NEED(pipe(p));
			if (!NEED(fork())) {
				h = sequence(seed);
				fflush(stdout);
				NEED(write(p[1], &h, sizeof(h)));
				_exit(0);
			}
			close(p[1]);
			h = 0;
			if (read(p[0], &h, sizeof(h)) < 0)
				h = 0;
			close(p[0]);
			wait(NULL);
		}
		say("%u: 0x%08x", seed, h);
	}
}
