/* SPDX-License-Identifier: MIT */
/*
 * put_back.c: goes back to a mark without exec: restores the memory of this process as of an
 * earlier moment, the mark, and the vCPUs continue from where they were then. Host objects stay.
 *
 *	os_mark()            all memory is copied to a file, which becomes the base (base.c)
 *	os_mark_restored()   the state that exec has restored: what was written since is copied
 *	os_mark_saved()      the state that was just saved: nothing is copied (put_back_saved.c)
 *	os_put_back()        undoes the writes since the mark, in a time that grows with the number
 *	                     of pages written or, after os_mark_saved(), of all pages
 *
 * While the machine is stopped, the other vCPUs wait in os_stop_wait(), on the host's stack and on
 * a word of the host world, because their kernel stacks may be replaced meanwhile. They then either
 * return to their caller or continue from where they were at the mark.
 *
 * Locks: none. The first vCPU stops the machine and does all the work.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "os-linux/state/base.h"
#include "os-linux/host.h"
#include "os-linux/internal.h"
#include "os-linux/state/pagemap.h"
#include "os-linux/state/tables.h"

static struct {
	bool made;
	bool restored; /* true: made by os_mark_restored() */
	bool saved;    /* true: made by os_mark_saved() */
	/*
	 * true: os_mark() has made the tables, for this mark or an earlier one, and the next
	 * os_mark() closes them; false: they are borrowed from the restored state
	 */
	bool has_tables;
	struct state_tables tables;
} mark;

/* a mapping of the mark's file, or NULL */
static struct {
	char *file;
	size_t size;
} view;

static void drop_view(void)
{
	if (view.file)
		munmap(view.file, view.size);
	view.file = NULL;
}

/* the number of the present stop, 0 if the machine runs; and that of the last stop */
static uint32_t stop, last_stop;
/* the number of the stop from which vCPUs continue where the mark has them */
static uint32_t put_back_in;
/* the number of the stop that each vCPU waits in; and how many waits have begun so far */
static uint32_t waits_in[OS_MAX_CPUS], arrivals;

/* ---- stops ---- */

uint32_t os_stop_begin(uint32_t after)
{
	last_stop = after > last_stop ? after : last_stop;
	if (!++last_stop)
		last_stop++;
	__atomic_store_n(&stop, last_stop, __ATOMIC_SEQ_CST);
	return last_stop;
}

void os_stop_wait(uint32_t number)
{
	__atomic_store_n(&waits_in[os_this_cpu], number, __ATOMIC_SEQ_CST);
	__atomic_fetch_add(&arrivals, 1, __ATOMIC_SEQ_CST);
	os_futex_wake(&arrivals, 1);
	while (__atomic_load_n(&stop, __ATOMIC_SEQ_CST) == number)
		os_futex_wait(&stop, number, OS_FOREVER);
	if (__atomic_load_n(&put_back_in, __ATOMIC_SEQ_CST) == number)
		os_vcpu_again(mark.tables.h.sp[os_this_cpu]);
}

int os_stop_all_wait(int ncpus, uint32_t *seen)
{
	*seen = __atomic_load_n(&arrivals, __ATOMIC_SEQ_CST);
	for (int cpu = 1; cpu < ncpus; cpu++)
		if (__atomic_load_n(&waits_in[cpu], __ATOMIC_SEQ_CST) != stop)
			return 0;
	return 1;
}

void os_stop_await(uint32_t seen, uint64_t deadline)
{
	os_futex_wait(&arrivals, seen, deadline);
}

void os_stop_end(void)
{
	__atomic_store_n(&stop, 0, __ATOMIC_SEQ_CST);
	os_futex_wake(&stop, OS_MAX_CPUS);
}

/* ---- the host's page map ---- */

#define REGIONS 256

/* /proc/self/pagemap, or -1 */
static int pagemap = -1;

/*
 * Lists pages from *@addr to @end that are private copies of this process, and sets *@addr to the
 * end of the listed range. Returns the number of regions, or -errno, as on hosts before Linux 6.7.
 */
static int scan(uint64_t *addr, uint64_t end, struct region *r)
{
	struct scan s = { .size = sizeof(s), .start = *addr, .end = end };
	int n;

	s.regions = (uint64_t)(uintptr_t)r;
	s.nr_regions = REGIONS;
	s.inverted = s.all_of = s.return_mask = IS_FILE;
	s.any_of = IS_PRESENT | IS_SWAPPED;
	n = ioctl(pagemap, SCAN, &s);
	if (n < 0)
		return -errno;
	*addr = s.walk_end;
	return n;
}

/* ---- the mark ---- */

/* Maps a part of the kernel's own memory from the file. */
static int map_part(const struct state_map *m)
{
	if (m->file < 0)
		return 0; /* the range stays reserved */
	return base_map((void *)m->addr, m->len, mark.tables.fd[0], m->at);
}

static int map_guest(const struct state_tables *t, const struct os_state *s, uint32_t map)
{
	const struct state_map *m = &t->maps[map];
	int own = os_handle_fd(s->file[0]), err;

	err = base_begin(
		(void *)m->addr, m->len / STATE_PAGE, t->fd[0], m->at, own, t->h.ncpus > 1);
	for (uint64_t i = state_tables_run(t, map, 0); i < t->h.nr_runs && !err; i++) {
		if (t->runs[i].map != map)
			break;
		base_has(t->runs[i].page, t->runs[i].pages);
	}
	if (!err && fallocate(own, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, (off_t)m->len))
		err = -errno;
	if (!err)
		err = base_ready();
	return err ? err : base_view();
}

/* Ends the process, since its memory is a mixture of two moments. */
static void __attribute__((noreturn)) end_broken(int err)
{
	dprintf(STDERR_FILENO, "nestling: the memory cannot be put back: %s\n", os_why(err));
	os_exit(1);
}

/*
 * Maps all memory from the file. An error ends the process, since a part of the kernel's memory may
 * already be mapped from the file.
 */
static void map_all(const struct os_state *s)
{
	const struct state_tables *t = &mark.tables;
	int err = 0;

	for (uint32_t i = 0; i < t->h.nr_maps && !err; i++)
		err = t->maps[i].file ? map_part(&t->maps[i]) : map_guest(t, s, i);
	if (err)
		end_broken(err);
	for (uint32_t i = 0; i < t->h.nr_maps; i++)
		if (t->maps[i].file >= 0)
			base_mapped((void *)t->maps[i].addr, t->maps[i].len);
}

/*
 * Maps the whole file beside the memory, as the source of copies. Without that mapping, or without
 * a page map, os_put_back() drops written pages instead of copying the file's pages over them.
 */
static void view_file(void)
{
	struct stat st;

	drop_view();
	if (host_fstat(mark.tables.fd[0], &st))
		return;
	view.size = (size_t)st.st_size;
	view.file =
		mmap(NULL, view.size, PROT_READ, MAP_SHARED | MAP_NORESERVE, mark.tables.fd[0], 0);
	if (view.file == MAP_FAILED)
		view.file = NULL;
	for (uint32_t i = 0; i < mark.tables.h.nr_maps; i++)
		if (mark.tables.maps[i].file >= 0)
			madvise((void *)mark.tables.maps[i].addr, mark.tables.maps[i].len,
				MADV_RANDOM);
	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
}

int os_mark(struct os_state *s)
{
	struct state_tables t;
	int err = state_copy_to_memory(s, &t);

	if (err)
		return err;
	if (mark.has_tables)
		state_tables_close(&mark.tables);
	mark.tables = t;
	mark.made = mark.has_tables = true;
	mark.restored = mark.saved = false;
	saved_forget();
	map_all(s);
	view_file();
	state_continues_from(&mark.tables);
	os_objects_keep(1);
	return 0;
}

/* ---- the mark of an instance that was restored ---- */

/*
 * The files of the state stay the base: only the pages that this process has written since its
 * start are copied, some hundred. With more than LIGHT_MAX own pages to compare, exec is faster,
 * since it drops them at once.
 */
#define LIGHT_MAX 8192UL

/* Makes a private mapping of the memory as the state has it, which this process may change. */
static int view_state(const struct state_tables *t)
{
	const struct state_map *last = &t->maps[t->h.nr_maps - 1];
	int err = 0;

	view.size = last->at + last->len;
	view.file = mmap(
		NULL, view.size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_NORESERVE, t->fd[0], 0);
	if (view.file == MAP_FAILED) {
		view.file = NULL;
		return -errno;
	}
	for (uint64_t i = 0; i < t->h.nr_runs && !err; i++) {
		const struct state_run *run = &t->runs[i];

		if (run->source)
			err = base_map(view.file + t->maps[run->map].at + run->page * STATE_PAGE,
				run->pages * STATE_PAGE, t->fd[run->source], run->at);
	}
	return err;
}

/* Copies to the view the pages that this process has written. Returns 0 or -errno. */
static int keep_written(const struct state_tables *t)
{
	struct region list[REGIONS];

	for (uint32_t i = 0; i < t->h.nr_maps; i++) {
		const struct state_map *m = &t->maps[i];
		uint64_t at = m->addr;

		while (m->file >= 0 && at < m->addr + m->len) {
			int n = scan(&at, m->addr + m->len, list);

			if (n < 0)
				return n;
			for (int k = 0; k < n; k++)
				memcpy(view.file + m->at + (list[k].start - m->addr),
					(void *)list[k].start, list[k].end - list[k].start);
		}
	}
	return 0;
}

/* Undoes a mark that has failed, so that the next one can be made. */
static void forget_view(void)
{
	if (pagemap >= 0)
		close(pagemap);
	pagemap = -1;
	if (view.file)
		munmap(view.file, view.size);
	view.file = NULL;
}

static void note_moment(struct state_header *h, uint64_t sp)
{
	h->sp[0] = sp;
	h->mono = os_clock_mono();
	h->boot = os_clock_boot();
	h->raw = os_clock_raw();
	h->real = os_clock_real();
}

int os_mark_restored(uint64_t sp)
{
	const struct state_tables *t = state_restored();
	int err;

	if (!t || !t->h.nr_maps || mark.made)
		return -EINVAL;
	if (pagemap < 0)
		pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	err = pagemap < 0 ? -errno : view_state(t);
	if (!err)
		err = keep_written(t);
	if (!err)
		err = base_mark(view.file + base_at());
	if (err) {
		forget_view();
		return err;
	}
	mark.tables = *t;
	note_moment(&mark.tables.h, sp);
	mark.made = mark.restored = true;
	os_objects_keep(1);
	return 0;
}

/* ---- the mark of a process that saved itself ---- */

int os_mark_saved(const struct os_state *s)
{
	/* the tables of os_mark() also describe the base (state_restored()) */
	if (mark.has_tables)
		return -EBUSY;
	drop_view();
	saved_forget();
	mark.tables.h = *saved_mark(s);
	mark.made = mark.saved = true;
	mark.restored = false;
	/* numbers that were deleted since an earlier mark are free now */
	os_objects_keep(0);
	os_objects_keep(1);
	return 0;
}

/* ---- rollback ---- */

int os_can_go_back(const char *dir)
{
	char path[4200];
	struct stat is, was;

	if (mark.made && mark.saved)
		return saved_can_go_back(dir);
	if (!mark.made || !mark.restored || !base_is_light(LIGHT_MAX))
		return 0;
	snprintf(path, sizeof(path), "%s/memory", dir);
	return !stat(path, &is) && !host_fstat(mark.tables.fd[0], &was) &&
	       is.st_dev == was.st_dev && is.st_ino == was.st_ino;
}

void os_unmark_states(void)
{
	if (mark.restored || mark.saved)
		os_unmark();
}

void os_unmark(void)
{
	mark.made = false;
	saved_forget();
	os_objects_keep(0);
}

int os_marked(void)
{
	return mark.made;
}

/* ---- going back ---- */

/*
 * Sets the clocks. Real time follows the host, the other clocks continue from the mark. If the mark
 * is a state, boot time also counts the time since the mark, as after a restore.
 */
static void set_clocks(const struct state_header *h)
{
	uint64_t real = os_clock_real();
	bool follows = mark.restored || mark.saved;
	uint64_t gap = follows && real > h->real ? real - h->real : 0;
	struct os_clock_shifts now, s;

	os_clock_shifts(&now);
	s.mono = now.mono + h->mono - os_clock_mono();
	s.boot = now.boot + h->boot + gap - os_clock_boot();
	s.raw = now.raw + h->raw - os_clock_raw();
	os_clock_set_shifts(&s);
}

/* bytes: the guard between two kernel stacks, which may be dropped with the stacks */
#define GUARD_MAX 16384UL

/*
 * Returns the end of the row of maps that begins with *@i, with at most a guard between two of
 * them.
 */
static uint64_t end_of_row(const struct state_tables *t, uint32_t *i)
{
	uint64_t end = t->maps[*i].addr + t->maps[*i].len;

	while (*i + 1 < t->h.nr_maps && t->maps[*i + 1].file == t->maps[*i].file &&
		t->maps[*i + 1].addr - end <= GUARD_MAX) {
		++*i;
		end = t->maps[*i].addr + t->maps[*i].len;
	}
	return end;
}

/* Drops the private copies of the pages that this process has written. Returns 0 or -errno. */
static int drop_written(void)
{
	const struct state_tables *t = &mark.tables;

	for (uint32_t i = 0; i < t->h.nr_maps; i++) {
		uint64_t start = t->maps[i].addr;

		if (t->maps[i].file >= 0 &&
			madvise((void *)start, end_of_row(t, &i) - start, MADV_DONTNEED))
			return -errno;
	}
	return 0;
}

/*
 * A round is the time from one return to the mark to the next. A page that is written in one round
 * will most likely be written in the next, too. Dropping it costs the host two faults of a
 * microsecond each in the next round; copying it costs a fifth of a microsecond. So private copies
 * stay and get the file's content, unless there are too many, or too many that were not written in
 * the last round.
 */
#define COPIES_MAX 4096UL
#define IDLE_MAX 256UL

static struct {
	uint64_t pages, idle;
} copies;

/*
 * Restores the content of the copies in one region. *@map is the index of a map at or before the
 * region. Returns false if there are too many copies.
 */
static bool rewrite(const struct region *r, uint32_t *map)
{
	const struct state_map *m = mark.tables.maps;

	copies.pages += (r->end - r->start) / STATE_PAGE;
	if (copies.pages > COPIES_MAX)
		return false;
	for (uint64_t at = r->start; at < r->end; at += STATE_PAGE) {
		const char *from;

		while (at >= m[*map].addr + m[*map].len)
			++*map;
		from = view.file + m[*map].at + (at - m[*map].addr);
		if (!memcmp((void *)at, from, STATE_PAGE))
			copies.idle++;
		else
			memcpy((void *)at, from, STATE_PAGE);
	}
	return true;
}

/*
 * Calls rewrite() for the row of maps that begins with *@map, and sets *@map to the last of them.
 * Returns false if the copies have to be dropped instead.
 */
static bool rewrite_row(uint32_t *map)
{
	struct region list[REGIONS];
	uint32_t first = *map;
	uint64_t at = mark.tables.maps[first].addr, end = end_of_row(&mark.tables, map);

	while (at < end) {
		int n = scan(&at, end, list);

		if (n < 0)
			return false;
		for (int i = 0; i < n; i++)
			if (!rewrite(&list[i], &first))
				return false;
	}
	return true;
}

/* True if most copies were not written in the last round. */
static bool is_idle(void)
{
	return copies.idle > copies.pages / 2 + IDLE_MAX;
}

/* Restores the pages written since the mark. Returns false if they have to be dropped instead. */
static bool rewrite_written(void)
{
	const struct state_tables *t = &mark.tables;

	memset(&copies, 0, sizeof(copies));
	if (!view.file || pagemap < 0)
		return false;
	for (uint32_t i = 0; i < t->h.nr_maps; i++)
		if (t->maps[i].file >= 0 && !rewrite_row(&i))
			return false;
	return !is_idle();
}

/*
 * Copies to the memory the pages that were written between the restore and the mark: their content
 * at the mark is in the view only. Returns 0 or -errno.
 */
static int write_again(void)
{
	const struct state_tables *t = &mark.tables;
	struct region list[REGIONS];

	for (uint32_t i = 0; i < t->h.nr_maps; i++) {
		const struct state_map *m = &t->maps[i];
		uint64_t start = (uint64_t)(uintptr_t)view.file + m->at, at = start;

		while (m->file >= 0 && at < start + m->len) {
			int n = scan(&at, start + m->len, list);

			if (n < 0)
				return n;
			for (int k = 0; k < n; k++)
				memcpy((void *)(m->addr + (list[k].start - start)),
					(void *)list[k].start, list[k].end - list[k].start);
		}
	}
	return 0;
}

static int undo_written(void)
{
	bool rewritten = rewrite_written();
	int err = rewritten ? 0 : drop_written();

	/* what was written before the mark went with the copies */
	if (!err && !rewritten && mark.restored && view.file)
		err = write_again();
	base_pages_back += copies.pages - copies.idle;
	return err;
}

void os_put_back(void)
{
	int err;

	if (mark.saved) {
		err = saved_put_back(&base_pages_back);
	} else {
		err = base_put_back();
		if (!err)
			err = undo_written();
	}
	if (err)
		end_broken(err);
	set_clocks(&mark.tables.h);
	os_vcpu_again(mark.tables.h.sp[0]);
}

uint64_t os_put_back_pages(void)
{
	return base_pages_back;
}

void os_stop_end_back(void)
{
	__atomic_store_n(&put_back_in, stop, __ATOMIC_SEQ_CST);
	os_stop_end();
}
