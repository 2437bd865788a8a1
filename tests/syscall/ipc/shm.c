/* SPDX-License-Identifier: MIT */
/*
 * shmget(2), shmat(2), shmdt(2), shmctl(2): keys, rights, attaching, delayed destruction, fork,
 * exec, limits.
 */
#include "t.h"
#include <pwd.h>
#include <sys/ipc.h>
#include <sys/shm.h>

#define KEY 0x6e650000
#define NOBODY 65534

static int made[64], nr_made;

/* Returns a key that only this run uses. */
static key_t key(int n)
{
	return KEY ^ (getpid() << 4) ^ n;
}

static int get(key_t k, size_t size, int flags)
{
	int id = shmget(k, size, flags);

	if (id != -1 && (flags & IPC_CREAT || k == IPC_PRIVATE))
		made[nr_made++] = id;
	return id;
}

static void ds_say(const char *what, int id)
{
	struct shmid_ds ds;

	memset(&ds, 0xff, sizeof(ds));
	if (shmctl(id, IPC_STAT, &ds)) {
		say("%s: %s", what, t_errno(errno));
		return;
	}
	say("%s: size %zu nattch %lu mode %o uid %u cuid %u cpid %d lpid %d times %d%d%d", what,
		ds.shm_segsz, (long)ds.shm_nattch, ds.shm_perm.mode, ds.shm_perm.uid,
		ds.shm_perm.cuid, ds.shm_cpid == getpid(),
		!ds.shm_lpid            ? 0 :
		ds.shm_lpid == getpid() ? 1 :
					  2,
		!!ds.shm_atime, !!ds.shm_dtime, !!ds.shm_ctime);
}

static void test_get(void)
{
	int id = NEED(get(key(1), 5000, IPC_CREAT | IPC_EXCL | 0640)), other;

	ds_say("new", id);
	IS(shmget(key(1), 0, 0) == id);
	IS(shmget(key(1), 5000, IPC_CREAT | 0600) == id);
	T(shmget(key(1), 5001, 0));
	T(shmget(key(1), 5000, IPC_CREAT | IPC_EXCL));
	T(shmget(key(1), 9000, IPC_CREAT | IPC_EXCL));
	T(shmget(key(2), 5000, 0));
	T(shmget(key(2), 0, IPC_CREAT));
	T(shmget(IPC_PRIVATE, 0, 0600));
	T(shmget(IPC_PRIVATE, (size_t)-1, 0600));
	T(shmget(IPC_PRIVATE, 1ULL << 63, 0600));
	other = NEED(get(IPC_PRIVATE, 1, 0));
	IS(other != id && other >= 0);
	T(shmctl(other, IPC_RMID, NULL));
	T(shmctl(other, IPC_RMID, NULL));
	T(shmctl(-1, IPC_RMID, NULL));
	T(shmctl(id, 12345, NULL));
	T(shmctl(id, -1, NULL));
	T(shmctl(id, IPC_STAT, BAD));
	T(shmctl(id, IPC_SET, BAD));
	T(shmctl(id + 1, IPC_STAT, BAD));
}

static void test_attach(void)
{
	int id = NEED(get(IPC_PRIVATE, 3 * PAGE, 0600));
	char *a, *b, *hole;
	unsigned char vec[3];

	a = shmat(id, NULL, 0);
	IS(a != (void *)-1);
	b = shmat(id, NULL, SHM_RDONLY);
	IS(a != b);
	strcpy(a + PAGE, "shared");
	say("%s", b + PAGE);
	ds_say("two", id);
	T(mprotect(b, PAGE, PROT_READ | PROT_WRITE));
	T(mincore(a, 3 * PAGE, vec));
	CHILD(*(volatile char *)b = 1);
	T(shmdt(b));
	T(shmdt(b));
	T(shmdt(a + 1));
	T(shmdt(a + PAGE));
	T(shmdt(NULL));
	ds_say("one", id);
	T(shmat(-1, NULL, 0));
	T(shmat(id + 12345, NULL, 0));
	T(shmat(id, a, 0));       /* taken */
	T(shmat(id, a + 100, 0)); /* not aligned */
	T(shmat(id, a + 100, SHM_RND));
	T(shmat(id, NULL, SHM_REMAP));
	T(shmat(id, (void *)100, SHM_REMAP | SHM_RND));
	/* rounded down to nothing, it is a place nevertheless */
	CHILD({
		NEED(setgid(NOBODY));
		NEED(setuid(NOBODY));
		T(shmat(NEED(shmget(IPC_PRIVATE, 1, 0600)), (void *)100, SHM_RND));
	});
	IS(shmat(id, a, SHM_REMAP) == a);
	ds_say("remapped", id);
	say("%s", a + PAGE);
	hole = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	NEED(munmap(hole, 3 * PAGE));
	IS(shmat(id, hole + 100, SHM_RND) == hole);
	/* a hole in the middle: shmdt takes both ends */
	T(munmap(a + PAGE, PAGE));
	ds_say("cut", id);
	T(shmdt(a));
	T(mincore(a, PAGE, vec));
	T(mincore(a + 2 * PAGE, PAGE, vec));
	/* an attach that began elsewhere */
	a = shmat(id, NULL, 0);
	T(munmap(a, PAGE));
	T(shmdt(a + PAGE));
	T(shmdt(a));
	a = shmat(id, NULL, 0);
	b = mremap(a, 3 * PAGE, 3 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, a - 0x100000);
	IS(b == a - 0x100000);
	T(shmdt(a));
	T(shmdt(b));
	T(shmctl(id, IPC_RMID, NULL));
}

static void test_rmid(void)
{
	int id = NEED(get(key(3), PAGE, IPC_CREAT | 0600));
	char *a = shmat(id, NULL, 0), *b;

	strcpy(a, "still there");
	T(shmctl(id, IPC_RMID, NULL));
	ds_say("removed", id);
	T(shmget(key(3), PAGE, 0));
	b = shmat(id, NULL, 0);
	IS(b != (void *)-1);
	say("%s", b);
	T(shmctl(id, IPC_RMID, NULL));
	T(shmdt(b));
	T(shmdt(a));
	T(shmat(id, NULL, 0));
	T(shmctl(id, IPC_STAT, &(struct shmid_ds){ 0 }));
	id = NEED(get(key(3), PAGE, IPC_CREAT | IPC_EXCL | 0600));
	a = shmat(id, NULL, 0);
	say("%d", *a);
	T(shmdt(a));
	T(shmctl(id, IPC_RMID, NULL));
}

static void test_fork(void)
{
	int id = NEED(get(IPC_PRIVATE, PAGE, 0600));
	char *a = shmat(id, NULL, 0);

	CHILD({
		ds_say("in the child", id);
		strcpy(a, "from the child");
		T(shmdt(a));
		ds_say("detached there", id);
	});
	say("%s", a);
	ds_say("after the child", id);
	CHILD(ds_say("another", id)); /* exit detaches */
	ds_say("after its exit", id);
	CHILD(execl("/proc/self/exe", "shm", "exec", t_argv[0], NULL));
	ds_say("after exec", id);
	T(shmdt(a));
	ds_say("none", id);
	T(shmctl(id, IPC_RMID, NULL));
}

static void test_rights(void)
{
	int id = NEED(get(key(4), PAGE, IPC_CREAT | 0640));
	int ro = NEED(get(key(5), PAGE, IPC_CREAT | 0444));
	struct shmid_ds ds;

	CHILD({
		t_become(NOBODY, NOBODY);
		T(shmget(KEY ^ (getppid() << 4) ^ 4, 0, 0600));
		setrlimit(RLIMIT_MEMLOCK, &(struct rlimit){ 0, 0 });
		T(shmget(IPC_PRIVATE, 2 << 20, SHM_HUGETLB | 0600));
		OK(shmget(KEY ^ (getppid() << 4) ^ 4, 0, 0));
		T(shmat(id, NULL, 0));
		T(shmat(id, NULL, SHM_RDONLY));
		T(shmat(ro, NULL, 0));
		OK(shmat(ro, NULL, SHM_RDONLY));
		T(shmat(ro, NULL, SHM_RDONLY | SHM_EXEC));
		T(shmctl(id, IPC_STAT, &ds));
		OK(shmctl(ro, IPC_STAT, &ds));
		T(shmctl(ro, IPC_SET, &ds));
		T(shmctl(ro, IPC_RMID, NULL));
		T(shmctl(ro, SHM_LOCK, NULL));
		T(shmctl(ro, SHM_UNLOCK, NULL));
	});
	NEED(shmctl(id, IPC_STAT, &ds));
	ds.shm_perm.uid = NOBODY;
	ds.shm_perm.mode = 0177777;
	T(shmctl(id, IPC_SET, &ds));
	ds_say("given away", id);
	CHILD({
		NEED(setgid(NOBODY));
		NEED(setuid(NOBODY));
		OK(shmat(id, NULL, 0));
		T(shmctl(id, IPC_RMID, NULL));
	});
	ds.shm_perm.uid = -1;
	T(shmctl(id, IPC_SET, &ds));
	T(shmctl(ro, SHM_LOCK, NULL));
	ds_say("locked", ro);
	T(shmctl(ro, SHM_UNLOCK, NULL));
	ds_say("unlocked", ro);
	T(shmctl(ro, IPC_RMID, NULL));
}

static void test_info(void)
{
	struct shminfo limits;
	struct shm_info now, later;
	struct shmid_ds ds;
	int id, max, found = 0, any = 0;
	char *a, line[512], want[16];
	FILE *f;

	NEED(shmctl(0, SHM_INFO, (void *)&now));
	id = NEED(get(IPC_PRIVATE, 4 * PAGE, 0600));
	a = shmat(id, NULL, 0);
	a[0] = a[PAGE] = 1;
	max = NEED(shmctl(0, SHM_INFO, (void *)&later));
	say("ids %d pages %ld resident %ld swap %ld", later.used_ids - now.used_ids,
		(long)(later.shm_tot - now.shm_tot), (long)(later.shm_rss - now.shm_rss),
		(long)later.shm_swp);
	IS(shmctl(0, IPC_INFO, (void *)&limits) == max);
	IS(limits.shmmin == 1 && limits.shmmni == limits.shmseg && limits.shmmax > 1UL << 40);
	for (int i = 0; i <= max; i++) {
		found += shmctl(i, SHM_STAT, &ds) == id;
		any += shmctl(i, SHM_STAT_ANY, &ds) == id;
	}
	say("found %d %d", found, any);
	T(shmctl(-1, SHM_STAT, &ds));
	T(shmctl(0, SHM_INFO, BAD));
	T(shmctl(0, IPC_INFO, BAD));
	f = fopen("/proc/sysvipc/shm", "r");
	NEED(f ? 0 : -1);
	snprintf(want, sizeof(want), " %d ", id);
	while (fgets(line, sizeof(line), f)) {
		unsigned mode, cpid, lpid;
		long size, nattch;
		int k, i;

		if (strstr(line, "key"))
			say("%s", strtok(line, "\n"));
		else if (sscanf(line, "%d %d %o %ld %u %u %ld", &k, &i, &mode, &size, &cpid, &lpid,
				 &nattch) == 7 &&
			 i == id)
			say("%d %o %ld %d %d %ld", k, mode, size, cpid == (unsigned)getpid(),
				lpid == (unsigned)getpid(), nattch);
	}
	fclose(f);
	f = fopen("/proc/self/maps", "r");
	while (fgets(line, sizeof(line), f))
		if (strstr(line, "SYSV"))
			say("%.4s %s", strchr(line, ' ') + 1, strtok(strstr(line, "/SYSV"), "\n"));
	fclose(f);
	T(shmctl(id, IPC_RMID, NULL));
	T(shmdt(a));
}

TEST(shm)
{
	if (t_argc > 1) {
		say("exec has run");
		return;
	}
	test_get();
	test_attach();
	test_rmid();
	test_fork();
	test_rights();
	test_info();
	for (int i = 0; i < nr_made; i++)
		shmctl(made[i], IPC_RMID, NULL);
}
