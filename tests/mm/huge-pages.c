/* SPDX-License-Identifier: MIT */
/*
 * huge-pages: tests a pool of huge pages, as root and with no other user of huge pages. Prints a
 * line for each step; tests/mm/hugetlb has the answers. The counts are
 * HugePages_Total/Free/Rsvd/Surp of /proc/meminfo.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define H (2UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)

static sigjmp_buf out;

static void caught(int sig)
{
	siglongjmp(out, sig);
}

/* Reads (@value -1) or writes a byte. Returns 0, or the signal that it caused. */
static int touch(volatile char *p, int value)
{
	int sig = sigsetjmp(out, 1);

	if (!sig) {
		if (value < 0)
			(void)*p;
		else
			*p = (char)value;
	}
	return sig;
}

static const char *pool(void)
{
	static char text[80];
	long v[4] = { 0 };
	char line[128];
	FILE *f = fopen("/proc/meminfo", "r");

	while (fgets(line, sizeof(line), f)) {
		sscanf(line, "HugePages_Total: %ld", &v[0]);
		sscanf(line, "HugePages_Free: %ld", &v[1]);
		sscanf(line, "HugePages_Rsvd: %ld", &v[2]);
		sscanf(line, "HugePages_Surp: %ld", &v[3]);
	}
	fclose(f);
	snprintf(text, sizeof(text), "%ld/%ld/%ld/%ld", v[0], v[1], v[2], v[3]);
	return text;
}

static void step(const char *what)
{
	printf("%s: %s\n", what, pool());
	fflush(stdout);
}

static void set(const char *path, int n)
{
	FILE *f = fopen(path, "w");

	if (!f || fprintf(f, "%d", n) < 0 || fclose(f))
		printf("%s: cannot be set\n", path);
}

static long status_kb(const char *name)
{
	char line[128];
	long kb = -1;
	FILE *f = fopen("/proc/self/status", "r");

	while (fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)))
			kb = atol(line + strlen(name) + 1);
	fclose(f);
	return kb;
}

static void options(const char *where)
{
	char line[256], at[64], o[128];
	FILE *f = fopen("/proc/mounts", "r");

	while (fgets(line, sizeof(line), f))
		if (sscanf(line, "%*s %63s %*s %127s", at, o) == 2 && !strcmp(at, where))
			printf("%s\n", o);
	fclose(f);
}

static char *map(size_t pages, int flags, int fd)
{
	char *p = mmap(NULL, pages * H, RW, flags, fd, 0);

	if (p == MAP_FAILED)
		printf("mmap of %zu: %s\n", pages, strerror(errno));
	return p;
}

static void promises(void)
{
	char *p = map(3, ANON, -1), *q;

	step("3 promised");
	touch(p, 1);
	touch(p + H, 2);
	step("2 touched");
	printf("HugetlbPages %ld kB\n", status_kb("HugetlbPages"));
	q = map(3, ANON, -1);
	printf("3 more %s\n", q == MAP_FAILED ? "refused" : "given");
	q = map(4, ANON | MAP_NORESERVE, -1);
	printf("unpromised: %d", touch(q, 1));
	printf(" %d", touch(q + H, 1));
	printf(" %d\n", touch(q + 2 * H, 1));
	step("the last that nobody was promised");
	printf("unaligned: %d %d %d\n", munmap(p, 4096), munmap(p + 4096, H),
		mprotect(p, 4096, RW));
	munmap(p + 2 * H, H);
	step("the untouched one is gone");
	printf("contents %d %d\n", p[0], p[H]);
	munmap(p, 2 * H);
	munmap(q, 4 * H);
	step("all gone");
}

static void copies(void)
{
	char *p = map(1, ANON, -1);
	int status;

	memset(p, 7, H);
	step("before fork");
	if (!fork()) {
		p[100] = 8;
		step("the child's copy");
		_exit(p[100] == 8 && p[H - 1] == 7 ? 3 : 1);
	}
	wait(&status);
	printf("child %d, parent %d\n", WEXITSTATUS(status), p[100]);
	step("after it");
	set("/proc/sys/vm/nr_hugepages", 1);
	if (!fork()) {
		printf("no page for the child's copy: signal %d\n", touch(p, 9));
		fflush(stdout);
		_exit(0);
	}
	wait(&status);
	int ready[2], go[2];
	char c;

	if (pipe(ready) || pipe(go))
		return;
	if (!fork()) {
		c = p[5];
		if (write(ready[1], &c, 1) != 1 || read(go[0], &c, 1) != 1)
			_exit(1);
		printf("the child's page went to its parent: signal %d\n", touch(p + 5, -1));
		fflush(stdout);
		_exit(0);
	}
	if (read(ready[0], &c, 1) != 1)
		return;
	printf("the parent writes: signal %d, %d\n", touch(p + 5, 10), p[6]);
	fflush(stdout);
	if (write(go[1], &c, 1) != 1)
		return;
	wait(&status);
	munmap(p, H);
	set("/proc/sys/vm/nr_hugepages", 4);
	step("again");
}

static void files(void)
{
	struct statfs st;
	struct stat s;
	char *p, *q, c = 0;
	int fd, status;

	mkdir("/tmp/huge", 0755);
	if (mount("none", "/tmp/huge", "hugetlbfs", 0, "size=6M,nr_inodes=3,mode=700"))
		printf("mount: %s\n", strerror(errno));
	fd = open("/tmp/huge/f", O_RDWR | O_CREAT, 0600);
	p = map(2, MAP_SHARED, fd);
	step("a file of 2");
	touch(p, 5);
	fstat(fd, &s);
	statfs("/tmp/huge", &st);
	printf("size %ld blocks %ld; %ld of %ld left, inodes %ld of %ld\n", s.st_size / H,
		s.st_blocks, st.f_bfree, st.f_blocks, st.f_ffree, st.f_files);
	printf("beyond the quota: %s\n",
		mmap(NULL, 2 * H, RW, MAP_SHARED, fd, 2 * H) == MAP_FAILED ? strerror(errno) :
									     "ok");
	q = map(2, MAP_PRIVATE | MAP_NORESERVE, fd);
	printf("private sees %d\n", q[0]);
	q[0] = 6;
	printf("after a private write %d %d\n", p[0], q[0]);
	printf("read %zd: ", pread(fd, &c, 1, 0));
	printf("%d\n", c);
	if (!fork()) {
		p[1] = 77;
		_exit(0);
	}
	wait(&status);
	printf("a child writes %d\n", p[1]);
	step("one of the file, one private");
	printf("punch %d\n", fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, H));
	step("punched");
	printf("reads %d\n", p[0]);
	printf("cut %d\n", ftruncate(fd, 0));
	step("cut");
	printf("beyond the end: signal %d\n", touch(p, 1));
	printf("allocate %d\n", fallocate(fd, 0, 0, 2 * H));
	step("allocated");
	printf("not yet touched, now %d\n", p[H]);
	close(fd);
	unlink("/tmp/huge/f");
	step("unlinked, mapped");
	munmap(p, 2 * H);
	munmap(q, 2 * H);
	step("unmapped");
	umount("/tmp/huge");
	printf("least: %d\n", mount("none", "/tmp/huge", "hugetlbfs", 0, "min_size=4M"));
	step("2 for sure");
	fd = open("/tmp/huge/f", O_RDWR | O_CREAT, 0600);
	p = map(3, MAP_SHARED, fd);
	step("3 of a file");
	munmap(p, 3 * H);
	close(fd);
	unlink("/tmp/huge/f");
	step("again 2");
	umount("/tmp/huge");
	step("none");
}

/*
 * Two private mappings of the same page of a file. The mapping with a promised copy gets it, the
 * other must not, and must not take the file's page from both.
 */
static void same_page(void)
{
	char *p, *q, *r;
	int fd;

	printf("options: %d", mount("none", "/tmp/huge", "hugetlbfs", 0, "size=lots"));
	printf(" %d", mount("none", "/tmp/huge", "hugetlbfs", 0, "mode=999"));
	printf(" %d", mount("none", "/tmp/huge", "hugetlbfs", 0, "noswap"));
	printf(" %d", mount("none", "/tmp/huge", "hugetlbfs", 0, "pagesize=4096"));
	printf(" %d\n", mount("none", "/tmp/huge", "hugetlbfs", 0, "size=50%,min_size=75%"));
	mount("none", "/tmp/huge", "hugetlbfs", 0, "uid=5,gid=6,mode=7711,size=75%,min_size=1M");
	options("/tmp/huge");
	fd = open("/tmp/huge/f", O_RDWR | O_CREAT, 0600);
	if (fallocate(fd, 0, 0, H))
		printf("allocate: %s\n", strerror(errno));
	p = map(1, MAP_PRIVATE, fd);
	q = map(1, MAP_PRIVATE | MAP_NORESERVE, fd);
	touch(p, 1);
	madvise(p, H, MADV_DONTNEED);
	printf("the file's: %d %d\n", p[0], q[0]);
	umount2("/tmp/huge", MNT_DETACH);
	r = map(3, ANON, -1);
	memset(r, 1, 3 * H);
	printf("none left: %s\n", map(1, ANON, -1) == MAP_FAILED ? "yes" : "no");
	touch(p, 1);
	munmap(r, 3 * H);
	printf("the other's copy: signal %d\n", touch(q, 1));
	munmap(p, H);
	munmap(q, H);
	close(fd);
	step("one page");
}

static void segments(void)
{
	int id = shmget(IPC_PRIVATE, 3 * H - 5, SHM_HUGETLB | IPC_CREAT | 0600);
	struct shmid_ds ds;
	char *p;

	step("a segment");
	p = shmat(id, NULL, 0);
	memset(p, 1, H + 1);
	step("touched");
	shmctl(id, IPC_STAT, &ds);
	printf("size %d short, attached %ld\n", (int)(3 * H - ds.shm_segsz), (long)ds.shm_nattch);
	printf("too large: %s\n",
		shmget(IPC_PRIVATE, 9 * H, SHM_HUGETLB | 0600) < 0 ? strerror(errno) : "ok");
	shmctl(id, IPC_RMID, NULL);
	shmdt(p);
	step("removed");
}

static void calls(void)
{
	int fd = memfd_create("m", MFD_HUGETLB | MFD_ALLOW_SEALING);
	unsigned char vec[1024];
	char *p, *q, *r;

	printf("grow %d, odd %d\n", ftruncate(fd, 2 * H), ftruncate(fd, 4096));
	p = map(2, MAP_SHARED, fd);
	touch(p, 1);
	mincore(p, 2 * H, vec);
	printf("core %d %d %d\n", vec[0], vec[511], vec[512]);
	printf("drop %d %d\n", madvise(p, 4096, MADV_DONTNEED),
		madvise(p + 4096, H, MADV_DONTNEED));
	printf("kept %d, ", p[0]);
	printf("remove %d, ", madvise(p, H, MADV_REMOVE));
	printf("then %d\n", p[0]);
	printf("lock %d ", mlock(p, 4096));
	printf("%ld sync %d\n", status_kb("VmLck"), msync(p, 2 * H, MS_SYNC));
	munmap(p, 2 * H);
	close(fd);
	step("a memfd");
	p = map(2, ANON, -1);
	p[0] = 1;
	p[H] = 2;
	q = mmap(NULL, 4 * H, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = (char *)(((unsigned long)q + H - 1) & ~(H - 1));
	r = mremap(p + H, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	printf("moved %d, %d %d\n", r == q, r[0], p[0]);
	printf("longer: %s\n",
		mremap(p, H, 2 * H, MREMAP_MAYMOVE) == MAP_FAILED ? strerror(errno) : "ok");
	printf("dontneed %d, ", madvise(p, H, MADV_DONTNEED));
	printf("%d\n", p[0]);
	printf("protect %d, ", mprotect(p, H, PROT_READ));
	printf("signal %d\n", touch(p, 1));
	munmap(p, H);
	munmap(r, H);
	step("after the moves");
	p = map(3, ANON, -1);
	q = mmap(NULL, 4 * H, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	q = (char *)(((unsigned long)q + H - 1) & ~(H - 1));
	r = mremap(p + 2 * H, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, q);
	step("an untouched one of 3 moved");
	munmap(p, 2 * H);
	munmap(r, H);
	step("all 3 gone");
}

static void surplus(void)
{
	char *p;

	set("/proc/sys/vm/nr_overcommit_hugepages", 3);
	p = map(6, ANON, -1);
	step("2 surplus");
	printf("2 more %s\n", map(2, ANON, -1) == MAP_FAILED ? "refused" : "given");
	memset(p, 1, 6 * H);
	set("/proc/sys/vm/nr_hugepages", 1);
	step("a pool of 1, 6 in use");
	munmap(p, 2 * H);
	step("2 less");
	munmap(p + 2 * H, 4 * H);
	step("1 left");
	set("/proc/sys/vm/nr_overcommit_hugepages", 0);
}

/* Four threads touch a new huge page at once: all get the same page, and no increment is lost. */
static char *shared;

static void *racer(void *arg)
{
	(void)arg;
	for (int i = 0; i < 50; i++)
		__atomic_add_fetch((int *)shared, 1, __ATOMIC_RELAXED);
	return NULL;
}

static void race(void)
{
	int sum = 0;

	for (int i = 0; i < 20; i++) {
		pthread_t t[4];

		shared = map(1, i & 1 ? ANON : (ANON & ~MAP_PRIVATE) | MAP_SHARED, -1);
		for (int k = 0; k < 4; k++)
			pthread_create(&t[k], NULL, racer, NULL);
		for (int k = 0; k < 4; k++)
			pthread_join(t[k], NULL);
		sum += *(int *)shared;
		munmap(shared, H);
	}
	printf("sum %d\n", sum);
}

/*
 * A mapping makes a file longer while another thread cuts it: if the mapping came last, the file
 * has its length and the promise, else neither.
 */
static void *cutter(void *arg)
{
	int fd = *(int *)arg;

	if (ftruncate(fd, 0))
		printf("cut: %s\n", strerror(errno));
	return NULL;
}

static void cut_race(void)
{
	int fd = memfd_create("m", MFD_HUGETLB), bad = 0;
	long reserved;

	for (int i = 0; i < 300; i++) {
		struct stat st;
		pthread_t t;
		char *p;

		pthread_create(&t, NULL, cutter, &fd);
		p = map(2, MAP_SHARED, fd);
		pthread_join(t, NULL);
		fstat(fd, &st);
		sscanf(pool(), "%*d/%*d/%ld", &reserved);
		bad += reserved != st.st_size / (long)H;
		munmap(p, 2 * H);
		bad += ftruncate(fd, 0) != 0;
	}
	printf("size without its promise: %d\n", bad);
	close(fd);
	step("after cuts");
}

/* What a disk reads into a page reaches the parent, whenever the parent forks. */
static int stop, refused, why;
static char blocks[2 * 4096];

static void *reader(void *arg)
{
	char *p = arg;
	int fd = open("/dev/ubdb", O_RDONLY | O_DIRECT);
	long bad = fd < 0;

	for (int i = 0; !__atomic_load_n(&stop, __ATOMIC_RELAXED); i ^= 1) {
		if (pread(fd, p, 4096, i * 4096) != 4096) {
			refused++;
			why = errno;
		} else {
			bad += memcmp(p, blocks + i * 4096, 4096) != 0;
		}
	}
	close(fd);
	return (void *)bad;
}

static void fork_race(void)
{
	int fd = open("/dev/ubdb", O_RDONLY);
	char *p = map(1, ANON, -1);
	pthread_t t;
	void *bad;

	if (read(fd, blocks, sizeof(blocks)) != sizeof(blocks))
		printf("no disk\n");
	close(fd);
	touch(p, 1);
	pthread_create(&t, NULL, reader, p + 8192);
	for (int i = 0; i < 200; i++) {
		pid_t pid = fork();

		if (!pid)
			_exit(0);
		touch(p, i);
		waitpid(pid, NULL, 0);
	}
	__atomic_store_n(&stop, 1, __ATOMIC_RELAXED);
	pthread_join(t, &bad);
	printf("reads lost: %ld, refused: %d (%d)\n", (long)bad, refused, why);
	munmap(p, H);
	step("after forks");
}

int main(void)
{
	struct sigaction sa = { .sa_handler = caught };

	sigaction(SIGBUS, &sa, NULL);
	sigaction(SIGSEGV, &sa, NULL);
	setvbuf(stdout, NULL, _IOLBF, 0);
	set("/proc/sys/vm/nr_hugepages", 4);
	step("a pool");
	promises();
	copies();
	files();
	same_page();
	segments();
	calls();
	surplus();
	race();
	set("/proc/sys/vm/nr_hugepages", 4);
	cut_race();
	fork_race();
	set("/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", 0);
	step("none");
	return 0;
}
