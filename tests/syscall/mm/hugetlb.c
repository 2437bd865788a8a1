/* SPDX-License-Identifier: MIT */
/*
 * hugetlb: huge pages without a pool: what is refused, what MAP_NORESERVE permits, alignment, files
 * of hugetlbfs. tests/mm/hugetlb has a pool.
 */
#include "mounts.h"

#include <sys/ipc.h>
#include <sys/mount.h>
#include <sys/shm.h>
#include <sys/statfs.h>

#define H (2UL << 20)
#define RW (PROT_READ | PROT_WRITE)
#define ANON (MAP_PRIVATE | MAP_ANONYMOUS | MAP_HUGETLB)
#define LAZY (ANON | MAP_NORESERVE)

static void map(const char *what, void *at, size_t len, int prot, int flags, int fd, off_t off)
{
	char *p = mmap(at, len, prot, flags, fd, off);

	if (p == MAP_FAILED) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: ok%s%s", what, (uintptr_t)p % H ? ", not aligned" : "", p == at ? ", there" : "");
	munmap(p, (len + H - 1) & ~(H - 1));
}

/* Returns an aligned address where nothing is mapped, with room for 8 huge pages. */
static char *room(void)
{
	char *p = mmap(NULL, 9 * H, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	NEED(munmap(p, 9 * H));
	return (char *)(((uintptr_t)p + H - 1) & ~(H - 1));
}

static void mappings(void)
{
	char *at = room();

	map("promised", NULL, H, RW, ANON, -1, 0);
	map("shared", NULL, H, RW, MAP_SHARED | MAP_ANONYMOUS | MAP_HUGETLB, -1, 0);
	map("not promised", NULL, H, RW, LAZY, -1, 0);
	map("2 MiB by name", NULL, H, RW, LAZY | 21 << 26, -1, 0);
	map("4 MiB", NULL, H, RW, LAZY | 22 << 26, -1, 0);
	map("one byte", NULL, 1, RW, LAZY, -1, 0);
	map("nothing", NULL, 0, RW, LAZY, -1, 0);
	map("everything", NULL, -1UL, RW, LAZY, -1, 0);
	map("too much", NULL, 1UL << 47, RW, LAZY, -1, 0);
	map("a hint", at, H, RW, LAZY, -1, 0);
	map("fixed", at, H, RW, LAZY | MAP_FIXED, -1, 0);
	map("fixed, odd", at + PAGE, H, RW, LAZY | MAP_FIXED, -1, 0);
	map("fixed, new, odd", at + PAGE, H, RW, LAZY | MAP_FIXED_NOREPLACE, -1, 0);
	map("read-only", NULL, H, PROT_READ, LAZY, -1, 0);
	map("growing down", NULL, H, RW, LAZY | MAP_GROWSDOWN, -1, 0);
	map("populated", NULL, H, RW, LAZY | MAP_POPULATE, -1, 0);
	map("locked", NULL, H, RW, LAZY | MAP_LOCKED, -1, 0);
}

static void areas(void)
{
	char *p = mmap(NULL, 4 * H, RW, LAZY, -1, 0), *q;
	unsigned char vec[512];

	CHILD({ *p = 1; });
	CHILD({ say("%d", *p); });
	CHILD({ T(read(open("/dev/zero", O_RDONLY), p, 1)); });
	T(munmap(p, PAGE));
	T(munmap(p + PAGE, H - PAGE));
	T(munmap(p + PAGE, 4 * H - PAGE));
	T(mprotect(p + PAGE, PAGE, PROT_READ));
	T(mprotect(p, H - PAGE, PROT_READ));
	T(mprotect(p, H, PROT_READ));
	T(mprotect(p, 2 * H, RW));
	T(madvise(p, PAGE, MADV_DONTNEED));
	T(madvise(p, H, MADV_DONTNEED));
	T(madvise(p + PAGE, H, MADV_DONTNEED));
	T(madvise(p, H, MADV_FREE));
	T(madvise(p, H, MADV_REMOVE));
	T(madvise(p, H, MADV_WILLNEED));
	T(madvise(p, H, MADV_DONTFORK));
	T(madvise(p + PAGE, PAGE, MADV_DOFORK));
	T(madvise(p, H, MADV_DOFORK));
	T(madvise(p, H, MADV_DONTDUMP));
	T(madvise(p, H, MADV_DODUMP));
	T(madvise(p, H, MADV_WIPEONFORK));
	T(madvise(p, H, MADV_COLD));
	T(madvise(p, H, MADV_PAGEOUT));
	T(madvise(p, H, MADV_POPULATE_READ));
	T(madvise(p, H, MADV_POPULATE_WRITE));
	T(mlock(p, PAGE));
	T(munlock(p, PAGE));
	T(msync(p, 4 * H, MS_SYNC));
	T(mincore(p, H, vec));
	say("in core %d %d", vec[0], vec[511]);
	T(mremap(p, H, 2 * H, MREMAP_MAYMOVE) != MAP_FAILED);
	T(mremap(p + PAGE, PAGE, PAGE, MREMAP_MAYMOVE) != MAP_FAILED);
	T(mremap(p + 3 * H, H, PAGE, 0) == p + 3 * H);
	q = room();
	T(mremap(p, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, q) == q);
	T(mremap(q, H, H, MREMAP_MAYMOVE | MREMAP_FIXED, q + H + PAGE) != MAP_FAILED);
	T(mremap(q, H, H, MREMAP_MAYMOVE | MREMAP_DONTUNMAP) != MAP_FAILED);
	T(munmap(q, H));
	T(munmap(p + H, H));
	T(munmap(p, 4 * H));
}

static void memfds(void)
{
	int fd = NEED(memfd_create("huge", MFD_HUGETLB | MFD_ALLOW_SEALING)), one;
	char buf[16] = "x", *p;
	struct stat st;

	T(memfd_create("huge", MFD_HUGETLB | 22U << 26));
	one = NEED(memfd_create("huge", MFD_HUGETLB | 21U << 26));
	T(fcntl(one, F_GET_SEALS));
	T(fcntl(one, F_ADD_SEALS, F_SEAL_GROW));
	T(fstat(fd, &st));
	say("mode %o size %ld blocks %ld of %ld", st.st_mode, st.st_size, st.st_blocks,
		(long)st.st_blksize);
	T(ftruncate(fd, 4 * H));
	T(ftruncate(fd, 4 * H + 1));
	T(ftruncate(fd, PAGE));
	T(write(fd, buf, 1));
	T(pwrite(fd, buf, 1, H));
	T(read(fd, buf, sizeof(buf)));
	say("read %d", buf[0]);
	T(pread(fd, buf, sizeof(buf), 4 * H - 4));
	T(pread(fd, buf, sizeof(buf), 4 * H));
	T(pread(fd, (void *)8, 4, 0));
	T(lseek(fd, 0, SEEK_END));
	T(lseek(fd, 4 * H, SEEK_DATA));
	T(fallocate(fd, 0, 0, H));
	T(fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, H));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, PAGE, 2 * H));
	T(fallocate(fd, FALLOC_FL_ZERO_RANGE, 0, H));
	T(fallocate(fd, FALLOC_FL_COLLAPSE_RANGE, 0, H));
	T(fsync(fd));
	map("promised", NULL, H, RW, MAP_SHARED, fd, 0);
	map("read-only", NULL, H, PROT_READ, MAP_SHARED, fd, 0);
	map("odd offset", NULL, H, RW, MAP_SHARED | MAP_NORESERVE, fd, PAGE);
	map("odd length", NULL, PAGE, RW, MAP_SHARED | MAP_NORESERVE, fd, H);
	map("with MAP_HUGETLB", NULL, PAGE, RW, MAP_SHARED | MAP_NORESERVE | MAP_HUGETLB, fd, H);
	map("beyond the end", NULL, 2 * H, RW, MAP_SHARED | MAP_NORESERVE, fd, 4 * H);
	T(fstat(fd, &st));
	say("size %ld", st.st_size / (long)H);
	p = mmap(NULL, H, PROT_READ, MAP_SHARED | MAP_NORESERVE, fd, 8 * H);
	T(fstat(fd, &st));
	say("size %ld", st.st_size / (long)H);
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW));
	T(ftruncate(fd, 0));
	T(ftruncate(fd, 8 * H));
	T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
	T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, H));
	map("sealed", NULL, H, RW, MAP_SHARED | MAP_NORESERVE, fd, 0);
	T(munmap(p, H));
}

static void segments(void)
{
	struct shmid_ds ds;
	char *p, *at = room();
	int id;

	T(shmget(IPC_PRIVATE, H, SHM_HUGETLB | 0600));
	T(shmget(IPC_PRIVATE, H, SHM_HUGETLB | SHM_NORESERVE | 22 << 26 | 0600));
	T(shmget(IPC_PRIVATE, 0, SHM_HUGETLB | 0600));
	id = NEED(shmget(IPC_PRIVATE, H + 5, SHM_HUGETLB | SHM_NORESERVE | 0600));
	T(shmctl(id, IPC_STAT, &ds));
	say("size %ld", (long)ds.shm_segsz);
	T(shmat(id, at + PAGE, 0) != (void *)-1);
	T(shmat(id, at + 1, 0) != (void *)-1);
	p = shmat(id, at, 0);
	say("attached %d", p == at);
	CHILD({ *p = 1; });
	T(shmctl(id, IPC_STAT, &ds));
	say("attached %ld", (long)ds.shm_nattch);
	T(shmdt(p));
	T(shmctl(id, IPC_RMID, NULL));
	CHILD({
		t_become(65534, 65534);
		T(shmget(IPC_PRIVATE, H, SHM_HUGETLB | SHM_NORESERVE | 0600));
	});
}

static void show_mount(void)
{
	char line[512];
	struct statfs st;
	struct stat s;
	FILE *f = fopen("/proc/self/mounts", "r");

	while (fgets(line, sizeof(line), f))
		if (strstr(line, "hugetlbfs"))
			say("%s", strchr(strchr(line, ' ') + 1, ' ') + 1);
	fclose(f);
	T(statfs("m", &st));
	say("type %lx of %ld: %ld %ld %ld, files %ld %ld, names %ld", (long)st.f_type,
		(long)st.f_bsize, (long)st.f_blocks, (long)st.f_bfree, (long)st.f_bavail,
		(long)st.f_files, (long)st.f_ffree, (long)st.f_namelen);
	T(stat("m", &s));
	say("root %o %d %d %ld", s.st_mode, s.st_uid, s.st_gid, (long)s.st_blksize);
}

static void try_mount(const char *options)
{
	if (TN(options, mount("none", "m", "hugetlbfs", 0, options)))
		return;
	show_mount();
	T(umount("m"));
}

static void tree(void)
{
	char buf[4] = "x";
	int fd;

	NEED(mount("none", "m", "hugetlbfs", 0, "size=4M,nr_inodes=4"));
	fd = NEED(open("m/f", O_RDWR | O_CREAT, 0640));
	T(mkdir("m/d", 0700));
	T(symlink("f", "m/l"));
	T(mknod("m/p", S_IFIFO | 0600, 0));
	T(mkdir("m/e", 0700));
	T(rename("m/d", "m/e"));
	T(link("m/f", "m/g"));
	T(unlink("m/f"));
	T(rmdir("m/e"));
	OK(open("m", O_TMPFILE | O_RDWR, 0600));
	T(write(fd, buf, 1));
	T(ftruncate(fd, 6 * H));
	T(open("m/g", O_RDWR | O_TRUNC) > 0);
	T(lseek(fd, 0, SEEK_END));
	map("mapped", NULL, H, RW, MAP_PRIVATE | MAP_NORESERVE, fd, 0);
	T(umount2("m", MNT_DETACH));
}

static void mounts(void)
{
	own_mounts();
	NEED(mkdir("m", 0755));
	try_mount("pagesize=2M");
	try_mount("pagesize=2048k");
	try_mount("pagesize=4M");
	try_mount("size=64M,nr_inodes=5");
	try_mount("nr_inodes=5");
	try_mount("size=3M,mode=1777,uid=5,gid=6");
	try_mount("size=1M");
	try_mount("mode=7777");
	try_mount("min_size=2M");
	try_mount("size=2M,min_size=4M");
	try_mount("size=50%");
	try_mount("size=x");
	try_mount("what=1");
	tree();
}

static void seen(void)
{
	char line[512], *p = mmap(NULL, H, RW, LAZY, -1, 0);
	FILE *f = fopen("/proc/self/smaps", "r");
	bool ours = false;
	unsigned long start;

	while (fgets(line, sizeof(line), f)) {
		char *name = strchr(line, '/');

		line[strcspn(line, "\n")] = 0;
		if (sscanf(line, "%lx-", &start) == 1 && strchr(line, '-') < line + 17)
			ours = start == (unsigned long)p;
		if (ours && name)
			say("%.4s %s", strchr(line, ' ') + 1, name);
		else if (ours && (strstr(line, "KernelPage") || strstr(line, "Hugetlb")))
			say("%s", line);
	}
	fclose(f);
	NEED(munmap(p, H));
}

TEST(hugetlb)
{
	mappings();
	areas();
	memfds();
	segments();
	seen();
	CHILD({ mounts(); });
}
