/* SPDX-License-Identifier: MIT */
/*
 * cgroup_mem_stat: what memory.stat tells apart: pages of files that are mapped, dirty or on the
 * LRU lists, and kernel memory; what was reclaimed. A test may not change the host's groups, so the
 * host's side prints what is expected.
 */
#include "cgroup.h"

#define MIB (1L << 20)
#define LOCKS 2000

static long stat_of(const char *what)
{
	char line[64];

	snprintf(line, sizeof(line), "\n%s ", what);
	get("s/memory.stat");
	memmove(cgroup_text + 1, cgroup_text, sizeof(cgroup_text) - 2);
	cgroup_text[0] = '\n';
	return strstr(cgroup_text, line) ? atol(strstr(cgroup_text, line) + strlen(line)) : -1;
}

static bool between(const char *what, long least, long most)
{
	long n = stat_of(what);

	return n >= least && n <= most;
}

/* Runs the statements in a child in the group, which then sleeps. The value is its pid. */
#define READY(...)                                                                                 \
	({                                                                                         \
		int to_[2];                                                                        \
		char c_;                                                                           \
		NEED(pipe(to_));                                                                   \
		pid_t pid_ = SPAWN(NEED(put("s/cgroup.procs", "0")); __VA_ARGS__;                  \
				   NEED(write(to_[1], "", 1)); pause());                           \
		NEED(read(to_[0], &c_, 1));                                                        \
		close(to_[0]);                                                                     \
		close(to_[1]);                                                                     \
		pid_;                                                                              \
	})

/* Maps a file four times: each page of it counts once. */
static void map_often(int fd)
{
	for (int n = 0; n < 4; n++) {
		volatile char *p = mmap(NULL, MIB, PROT_READ, MAP_SHARED, fd, 0);

		for (int i = 0; i < MIB; i += PAGE)
			(void)p[i];
	}
}

static void files(void)
{
	static char text[65536];
	pid_t pid = 0;

	if (guest)
		pid = READY(int fd = NEED(open("../file", O_CREAT | O_RDWR, 0600));
			    for (int i = 0; i < 64; i++) NEED(write(fd, text, sizeof(text)));
			    map_often(fd));
	WANT("of files", between("file", 4 * MIB, 6 * MIB));
	WANT("mapped", between("file_mapped", MIB, MIB + MIB / 4));
	if (guest) {
		int fd = NEED(open("../file", O_RDWR));

		NEED(pwrite(fd, text, PAGE, 0));
		WANT("dirty", between("file_dirty", PAGE, 6 * MIB));
		NEED(fsync(fd));
		close(fd);
	} else {
		WANT("dirty", true);
	}
	WANT("clean", between("file_dirty", 0, 0) && between("file_writeback", 0, 0));
	if (guest)
		NEED(truncate("../file", MIB / 2));
	WANT("the half is gone", between("file_mapped", MIB / 2, MIB / 2 + MIB / 4));
	WANT("on the lists", stat_of("inactive_file") + stat_of("active_file") == stat_of("file"));
	if (guest)
		t_kill(pid);
	WANT("no longer mapped", between("file_mapped", 0, 0));
	if (guest)
		NEED(unlink("../file"));
	WANT("gone", between("file", 0, MIB));
}

static void kernels(void)
{
	static char text[PAGE];
	pid_t pid = 0;

	if (guest)
		pid = READY(for (int i = 0; i < 64; i++) {
			int fds[2];

			NEED(pipe(fds));
			for (int j = 0; j < 16; j++)
				NEED(write(fds[1], text, PAGE));
		});
	WANT("kernel", between("kernel", 3 * MIB, 6 * MIB));
	WANT("of programs", between("anon", 0, 2 * MIB));
	if (guest)
		t_kill(pid);
	WANT("given back", between("kernel", 0, MIB));
}

static void lock_often(int fd)
{
	for (int i = 0; i < LOCKS; i++) {
		struct flock l = { .l_type = F_WRLCK, .l_start = 2L * i, .l_len = 1 };

		NEED(fcntl(fd, F_SETLK, &l));
	}
}

static void slabs(void)
{
	long kernel = stat_of("kernel"), slab = stat_of("slab");
	pid_t pid = 0;

	if (guest)
		pid = READY(int fd = NEED(open("../file", O_CREAT | O_RDWR, 0600)); lock_often(fd));
	WANT("locks", between("slab", slab + LOCKS * 64, slab + MIB));
	WANT("are the kernel's", between("kernel", kernel + LOCKS * 64, kernel + MIB));
	WANT("for good",
		stat_of("slab_unreclaimable") + stat_of("slab_reclaimable") == stat_of("slab"));
	if (guest)
		t_kill(pid);
	WANT("no locks", between("slab", 0, slab + LOCKS * 64));
	if (guest)
		NEED(unlink("../file"));
}

/* Shared anonymous memory is neither dirty nor written back, but mapped. */
static void shared(void)
{
	pid_t pid = 0;

	if (guest)
		pid = READY(char *p = mmap(NULL, MIB, PROT_READ | PROT_WRITE,
				    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
			    memset(p, 1, MIB));
	WANT("shmem", between("shmem", MIB, MIB + MIB / 4));
	WANT("is mapped", between("file_mapped", MIB, MIB + MIB / 4));
	WANT("not dirty", between("file_dirty", 0, 0));
	if (guest)
		t_kill(pid);
	WANT("no shmem", between("shmem", 0, 0) && between("file_mapped", 0, 0));
}

/* Half of a clean file is reclaimed. */
static void reclaimed(void)
{
	static char text[MIB];

	WANT("none yet", between("pgscan", 0, 0) && between("pgsteal", 0, 0));
	if (guest) {
		pid_t pid = READY(int fd = NEED(open("../file", O_CREAT | O_RDWR, 0600));
				  NEED(write(fd, text, MIB)); NEED(fsync(fd)));

		NEED(put("s/memory.reclaim", "512K"));
		t_kill(pid);
		NEED(unlink("../file"));
	}
	WANT("freed", between("pgsteal", MIB / 2 / PAGE, MIB / PAGE));
	WANT("scanned", between("pgscan", stat_of("pgsteal"), 1000 * MIB / PAGE));
}

TEST(cgroup_mem_stat)
{
	static const char *const names[] = { "file_mapped", "file_dirty", "file_writeback",
		"anon_thp", "file_thp", "shmem_thp", "unevictable", "slab_reclaimable",
		"slab_unreclaimable", "slab", "pgscan", "pgsteal" };

	guest = cgroup_enter();
	GIVES(put("cgroup.subtree_control", "+memory"), 0);
	GIVES(mkdir("s", 0755), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		WANT(names[i], stat_of(names[i]) >= 0);
	files();
	kernels();
	slabs();
	shared();
	reclaimed();
	GIVES(rmdir("s"), 0);
	GIVES(put("cgroup.subtree_control", "-memory"), 0);
	cgroup_leave();
}
