// SPDX-License-Identifier: MIT
/*
 * churn.c: a workload that knows what must survive a crash, and the check afterwards. A static
 * program for the guest.
 *
 *	churn run DIR SEED PROCESSES DEVICE OPTION...
 *		works until it is killed; options: full, noextents, noise, errors
 *	churn verify DIR SEED PROCESSES DEVICE OPTION...
 *		prints 'verified N names, N certain', or a line for each lie, and then fails
 *
 * Each process works in a folder of its own. Its operations follow from the seed and from the
 * results of earlier ones. After each operation its result goes to DEVICE, a disk of its own that
 * the host sees (written through, sector by sector). So the checker can replay all acknowledged
 * operations on a model, and knows the one operation that may have been in progress.
 *
 * The model: a name has candidates (what it may be bound to since names were last made durable), a
 * file has versions (its contents since it was last made durable). After a crash a name must be
 * bound to one of its candidates; a file with one version must be exactly that, otherwise each byte
 * must be of one of the versions, and the size between theirs. fsync makes contents and this name
 * durable, fdatasync and msync contents, fsync of the folder names, syncfs and sync both.
 *
 * errors: the host refuses some of the disk's requests. A change or a sync of a file that fails
 * leaves unknown contents: only the file's name is checked from then on. sync reports no errors,
 * and syncfs does not say for which file, so they make only names durable. If the change of a name
 * fails, it may have happened or not, and the process ends. It also ends when the file system
 * becomes read-only.
 */
#include "model.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <dirent.h>
#include <linux/falloc.h>
#include <unistd.h>

#define REGION (1 << 20)
#define SECTOR 512
#define PER_SECTOR (SECTOR / sizeof(struct ack))

struct ack {
	uint32_t op; /* its number, from 1 */
	int32_t result;
	uint32_t check, pad;
};

static uint64_t rng;
static int extents = 1, noise_too, want_full, bad;
static const char *base;
static char dir[256];

static const char *const op_names[] = { "create", "write", "append", "truncate", "punch",
	"allocate", "zero", "map", "rename", "link", "unlink", "fsync", "fdatasync", "O_SYNC write",
	"msync", "fsync of the folder", "syncfs", "sync" };

static uint32_t rnd(uint32_t below)
{
	rng ^= rng << 13;
	rng ^= rng >> 7;
	rng ^= rng << 17;
	return below ? (uint32_t)(rng >> 20) % below : 0;
}

static void die(const char *what)
{
	printf("churn: %s: %s\n", what, strerror(errno));
	exit(2);
}
/* ---- what comes next ---- */

/*
 * Chooses a sync that reports errors: of the file with the most versions, or of the folder if an
 * object without a name has more.
 */
static void sync_of_one(struct step *s)
{
	int i, most = 0;

	s->op = FSYNCDIR;
	for (i = 0; i < SLOTS; i++)
		if (now(i) && now(i)->nr > most) {
			most = now(i)->nr;
			s->a = i;
			s->op = FSYNC;
		}
	for (struct object *o = objects; o; o = o->next)
		if (o->nr > most)
			s->op = FSYNCDIR;
}

static struct step next_step(uint32_t n)
{
	static const enum op weights[] = { WRITE, WRITE, WRITE, WRITE, APPEND, APPEND, APPEND,
		TRUNCATE, TRUNCATE, PUNCH, ALLOCATE, ZERO, MAP, MAP, RENAME, RENAME, LINK, UNLINK,
		FSYNC, FSYNC, FSYNC, FDATASYNC, FDATASYNC, SYNCWRITE, MSYNC, FSYNCDIR, SYNCFS,
		SYNC };
	struct step s = { .n = n };
	struct object *o;
	int i;

	s.op = weights[rnd(sizeof(weights) / sizeof(weights[0]))];
	s.a = (int)rnd(SLOTS);
	s.b = (int)rnd(SLOTS);
	s.off = rnd(MAX * 3 / 4);
	s.len = 1 + rnd(rnd(3) ? 3000 : MAX / 4);
	if (rnd(3) == 0) {
		s.off &= ~4095L;
		s.len = (s.len + 4095) & ~4095L;
	}
	o = now(s.a);
	if (!o && s.op < FSYNCDIR)
		s.op = CREATE;
	if (s.op == TRUNCATE)
		s.off = rnd(4) ? s.off : 0;
	if (s.op == MAP && o && (s.off >= o->last->size || s.off + s.len > o->last->size)) {
		s.off = 0;
		s.len = o->last->size;
		if (!s.len)
			s.op = WRITE;
	}
	if (!s.len)
		s.len = 1;
	if (!extents && (s.op == PUNCH || s.op == ALLOCATE || s.op == ZERO))
		s.op = WRITE;
	if ((s.op == RENAME || s.op == LINK) && s.a == s.b)
		s.op = FSYNC;
	if (s.op == LINK && now(s.b))
		s.op = APPEND;
	if (s.op == APPEND && o)
		s.off = o->last->size;
	if (s.off + s.len > MAX)
		s.len = MAX - s.off;
	if (s.len <= 0)
		s.op = TRUNCATE, s.off = 1000;
	for (i = 0; i < SLOTS; i++)
		if (names[i].nr > FORCE_SYNC)
			s.op = FSYNCDIR;
	for (o = objects; o; o = o->next)
		if (o->nr > FORCE_SYNC)
			s.op = SYNCFS;
	if (errors && s.op == SYNCFS)
		sync_of_one(&s);
	return s;
}

/* ---- doing it ---- */

static const char *path(int slot)
{
	static char text[2][400];
	static int which;

	which = !which;
	snprintf(text[which], sizeof(text[which]), "%s/file-%d%s", dir, slot,
		slot % 5 ? "" : "-with-a-name-that-is-not-short-at-all");
	return text[which];
}

/* Writes. Every other write of whole sectors is direct. Returns a count or -errno. */
static int write_step(const struct step *s, int flags)
{
	static uint8_t buf[MAX] __attribute__((aligned(4096)));
	int direct = s->n % 2 && !((s->off | s->len) & 511) ? O_DIRECT : 0;
	int fd = open(path(s->a), O_RDWR | flags | direct), r;
	long i;

	if (fd < 0)
		return -errno;
	for (i = 0; i < s->len; i++)
		buf[i] = content(s, i);
	r = (int)pwrite(fd, buf, (size_t)s->len, s->off);
	r = r < 0 ? -errno : r;
	close(fd);
	return r;
}

static int map_step(const struct step *s, int sync)
{
	int fd = open(path(s->a), O_RDWR), r = 0;
	long size = now(s->a)->last->size, i;
	uint8_t *p;

	if (fd < 0)
		return -errno;
	if (!size) {
		close(fd);
		return 0;
	}
	p = mmap(NULL, (size_t)size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED) {
		r = -errno;
	} else {
		for (i = 0; !sync && i < s->len; i++)
			p[s->off + i] = content(s, i);
		if (sync)
			r = msync(p, (size_t)size, MS_SYNC) ? -errno : 0;
		munmap(p, (size_t)size);
	}
	close(fd);
	return r;
}

static int on_file(const struct step *s)
{
	int fd = open(path(s->a), O_RDWR), r = 0;

	if (fd < 0)
		return -errno;
	if (s->op == FSYNC)
		r = fsync(fd);
	else if (s->op == FDATASYNC)
		r = fdatasync(fd);
	else if (s->op == TRUNCATE)
		r = ftruncate(fd, s->off);
	else if (s->op == PUNCH)
		r = fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, s->off, s->len);
	else if (s->op == ALLOCATE)
		r = fallocate(fd, s->n % 2 ? FALLOC_FL_KEEP_SIZE : 0, s->off, s->len);
	else if (s->op == ZERO)
		r = fallocate(fd, FALLOC_FL_ZERO_RANGE, s->off, s->len);
	r = r ? -errno : 0;
	close(fd);
	return r;
}

static int on_dir(const struct step *s)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY), r;

	if (fd < 0)
		return -errno;
	r = (s->op == FSYNCDIR ? fsync(fd) : syncfs(fd)) ? -errno : 0;
	close(fd);
	return r;
}

static int perform(const struct step *s)
{
	int fd;

	switch (s->op) {
	case CREATE:
		fd = open(path(s->a), O_RDWR | O_CREAT | O_EXCL, 0600);
		if (fd < 0)
			return -errno;
		return close(fd);
	case WRITE:
	case APPEND: return write_step(s, 0);
	case SYNCWRITE: return write_step(s, O_SYNC);
	case MAP: return map_step(s, 0);
	case MSYNC: return map_step(s, 1);
	case RENAME: return rename(path(s->a), path(s->b)) ? -errno : 0;
	case LINK: return link(path(s->a), path(s->b)) ? -errno : 0;
	case UNLINK: return unlink(path(s->a)) ? -errno : 0;
	case FSYNCDIR:
	case SYNCFS: return on_dir(s);
	case SYNC: sync(); return 0;
	default: return on_file(s);
	}
}

/* ---- the acknowledgements ---- */

static uint32_t check_of(const struct ack *a, int process)
{
	return (a->op * 0x9e3779b1U ^ (uint32_t)a->result) + (uint32_t)process + 77;
}

static void acknowledge(int dev, int process, uint32_t n, int result)
{
	static struct ack sector[PER_SECTOR] __attribute__((aligned(4096)));
	static uint32_t in;
	off_t at = (off_t)process * REGION + (off_t)((n - 1) / PER_SECTOR) * SECTOR;
	struct ack *a = &sector[(n - 1) % PER_SECTOR];

	if ((n - 1) / PER_SECTOR != in)
		memset(sector, 0, sizeof(sector));
	in = (uint32_t)((n - 1) / PER_SECTOR);
	*a = (struct ack){ .op = n, .result = result };
	a->check = check_of(a, process);
	if (pwrite(dev, sector, SECTOR, at) != SECTOR || fdatasync(dev))
		die("acknowledging");
}

static void run_process(int dev, int process, uint64_t seed)
{
	uint32_t n;

	model_clear();
	rng = seed * 1000003 + (uint64_t)process * 7919 + 1;
	snprintf(dir, sizeof(dir), "%s/p%d", base, process);
	for (n = 1; n <= REGION / sizeof(struct ack); n++) {
		struct step s = next_step(n);
		int r = perform(&s);

		if (is_end(&s, r))
			break;
		if (r < 0 && r != -ENOSPC && !want_full && !errors)
			printf("churn: %s (%d %d %ld %ld): %s\n", op_names[s.op], s.a, s.b, s.off,
				s.len, strerror(-r)),
				exit(2);
		acknowledge(dev, process, n, r);
		model_apply(&s, r, 0);
	}
	for (;;)
		pause();
}

/*
 * Makes, renames and removes names that only e2fsck checks, without end. They fill the journal, and
 * with @full the disk.
 */
static void noise(uint64_t seed, int full)
{
	char a[300], b[300];
	static char block[65536];
	int i, fd;

	rng = seed * 77777 + 5;
	for (;;) {
		snprintf(a, sizeof(a), "%s/noise/d%u", base, rnd(6));
		mkdir(a, 0700);
		for (i = 0; i < 60; i++) {
			snprintf(a, sizeof(a), "%s/noise/d%u/%0*u", base, rnd(6), 1 + (int)rnd(90),
				rnd(50));
			snprintf(b, sizeof(b), "%s/noise/d%u/%0*u", base, rnd(6), 1 + (int)rnd(90),
				rnd(50));
			switch (rnd(8)) {
			case 0: symlink(b, a); break;
			case 1: rename(a, b); break;
			case 2: link(a, b); break;
			case 3: unlink(a); break;
			case 4: mkdir(a, 0700); break;
			case 5: rmdir(a); break;
			case 6: setxattr(a, "user.noise", block, rnd(2000), 0); break;
			default:
				fd = open(a, O_RDWR | O_CREAT, 0600);
				pwrite(fd, block, rnd(sizeof(block)), rnd(200000));
				close(fd);
			}
		}
		if (rnd(4) == 0) {
			snprintf(a, sizeof(a), "rm -rf %s/noise/d%u", base, rnd(6));
			system(a);
		}
		snprintf(a, sizeof(a), "%s/noise/big", base);
		fd = open(a, O_RDWR | O_CREAT | O_APPEND, 0600);
		for (i = 0; i < (full ? 100000 : 20) && write(fd, block, sizeof(block)) > 0; i++)
			;
		if (rnd(3) == 0)
			ftruncate(fd, rnd(500000));
		close(fd);
	}
}

/* ---- after the crash ---- */

static const char *compare(const struct object *o, const uint8_t *data, long size)
{
	static char why[200];
	const struct version *v;
	long min = MAX, max = 0, i;

	if (o->loose)
		return NULL;
	for (v = o->last; v; v = v->older) {
		min = v->size < min ? v->size : min;
		max = v->size > max ? v->size : max;
	}
	snprintf(why, sizeof(why), "size %ld, not %ld to %ld (%d versions)", size, min, max, o->nr);
	if (size < min || size > max)
		return why;
	for (i = 0; i < size; i++) {
		for (v = o->last; v; v = v->older)
			if (v->data[i] == data[i])
				break;
		snprintf(why, sizeof(why), "byte %ld of %ld is %02x, not %02x (%d versions)", i,
			size, data[i], o->last->data[i], o->nr);
		if (!v)
			return why;
	}
	return NULL;
}

static int check_name(int slot)
{
	static uint8_t data[MAX + 1];
	const char *p = path(slot), *why = "is there, which it should not be";
	struct name *n = &names[slot];
	int fd = open(p, O_RDONLY), k;
	long size = 0, r;

	if (fd < 0) {
		for (k = 0; k < n->nr; k++)
			if (!n->cand[k])
				return 0;
		printf("LOST %s: %s\n", p, strerror(errno));
		bad = 1;
		return 0;
	}
	while ((r = read(fd, data + size, sizeof(data) - (size_t)size)) > 0)
		size += r;
	if (r < 0)
		why = strerror(errno);
	close(fd);
	for (k = n->nr - 1; r == 0 && k >= 0; k--) {
		if (!n->cand[k])
			continue;
		why = compare(n->cand[k], data, size);
		if (!why)
			return n->nr == 1 && n->cand[k]->nr == 1 && !n->cand[k]->loose;
	}
	printf("WRONG %s: %s\n", p, why);
	bad = 1;
	return 0;
}

static void check_folder(void)
{
	DIR *d = opendir(dir);
	struct dirent *e;
	int i;

	while (d && (e = readdir(d))) {
		for (i = 0; i < SLOTS && strcmp(strrchr(path(i), '/') + 1, e->d_name); i++)
			;
		if (i == SLOTS && e->d_name[0] != '.') {
			printf("WRONG %s/%s: nobody made it\n", dir, e->d_name);
			bad = 1;
		}
	}
	if (d)
		closedir(d);
}

static void verify(int dev, int process, uint64_t seed, int *total, int *certain, uint32_t *ops)
{
	static struct ack acks[REGION / sizeof(struct ack)];
	uint32_t n;
	int i;
	struct step s;

	if (pread(dev, acks, sizeof(acks), (off_t)process * REGION) != sizeof(acks))
		die("reading the acknowledgements");
	model_clear();
	rng = seed * 1000003 + (uint64_t)process * 7919 + 1;
	snprintf(dir, sizeof(dir), "%s/p%d", base, process);
	for (n = 1; n < REGION / sizeof(struct ack); n++) {
		struct ack *a = &acks[n - 1];

		s = next_step(n);
		if (a->op != n || a->check != check_of(a, process))
			break;
		if (getenv("CHURN_TRACE"))
			printf("%d.%u: %s %d %d %ld %ld = %d\n", process, n, op_names[s.op], s.a,
				s.b, s.off, s.len, a->result);
		model_apply(&s, a->result, 0);
	}
	if (getenv("CHURN_TRACE"))
		printf("%d.%u: %s %d %d %ld %ld perhaps\n", process, n, op_names[s.op], s.a, s.b,
			s.off, s.len);
	model_apply(&s, 0, 1);
	*ops += n - 1;
	for (i = 0; i < SLOTS; i++) {
		*certain += check_name(i);
		*total += names[i].nr > 1 || names[i].cand[0];
	}
	check_folder();
}

int main(int argc, char **argv)
{
	int i, processes, dev, total = 0, certain = 0;
	uint32_t ops = 0;
	uint64_t seed;

	if (argc < 6)
		return 2;
	base = argv[2];
	seed = strtoull(argv[3], NULL, 10);
	processes = atoi(argv[4]);
	dev = open(argv[5], (strcmp(argv[1], "run") ? O_RDONLY : O_RDWR | O_DIRECT));
	if (dev < 0)
		die(argv[5]);
	for (i = 6; i < argc; i++) {
		extents &= !!strcmp(argv[i], "noextents");
		want_full |= !strcmp(argv[i], "full");
		errors |= !strcmp(argv[i], "errors");
		noise_too |= !strcmp(argv[i], "noise");
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (!strcmp(argv[1], "verify")) {
		for (i = 0; i < processes; i++)
			verify(dev, i, seed, &total, &certain, &ops);
		printf("%s %d names, %d certain, %u operations\n", bad ? "REFUTED" : "verified",
			total, certain, ops);
		return bad;
	}
	for (i = 0; i < processes; i++) {
		snprintf(dir, sizeof(dir), "%s/p%d", base, i);
		if (mkdir(dir, 0700))
			die(dir);
	}
	snprintf(dir, sizeof(dir), "%s/noise", base);
	mkdir(dir, 0700);
	sync();
	printf("churn: begins\n");
	for (i = 0; i < processes; i++)
		if (!fork())
			run_process(dev, i, seed);
	for (i = 0; noise_too && i < 2; i++)
		if (!fork())
			noise(seed + (uint64_t)i, want_full && i == 0);
	while (wait(NULL) > 0)
		;
	return 0;
}
