/* SPDX-License-Identifier: MIT */
/*
 * bpf_map: creation of maps; arrays and hash tables, also with values per CPU; lookup, update,
 * deletion and iteration; permissions of descriptors, freezing; information on a map, and opening
 * it by its id.
 */
#include "t.h"
#include "bpf.h"
#include <sys/epoll.h>

#define LOOKUP(fd, k, v) elem(BPF_MAP_LOOKUP_ELEM, fd, k, v, 0)
#define UPDATE(fd, k, v, f) elem(BPF_MAP_UPDATE_ELEM, fd, k, v, f)
#define DELETE(fd, k) elem(BPF_MAP_DELETE_ELEM, fd, k, NULL, 0)
#define NEXT(fd, k, n) elem(BPF_MAP_GET_NEXT_KEY, fd, k, n, 0)

static void making(void)
{
	static const unsigned tries[][5] = { { BPF_MAP_TYPE_ARRAY, 4, 8, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 8, 8, 1, 0 }, { BPF_MAP_TYPE_ARRAY, 4, 0, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 0, 0 }, { BPF_MAP_TYPE_ARRAY, 0, 8, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, 1u << 31 },
		{ BPF_MAP_TYPE_ARRAY, 4, 1u << 31, 1, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 0xffffffff, 0 },
		{ BPF_MAP_TYPE_ARRAY, 4, 1, 3, BPF_F_RDONLY },
		{ BPF_MAP_TYPE_ARRAY, 4, 1, 3, BPF_F_RDONLY | BPF_F_WRONLY },
		{ BPF_MAP_TYPE_ARRAY, 4, 1, 3, BPF_F_WRONLY },
		{ BPF_MAP_TYPE_ARRAY, 4, 1, 3, BPF_F_RDONLY_PROG },
		{ BPF_MAP_TYPE_ARRAY, 4, 1, 3, BPF_F_RDONLY_PROG | BPF_F_WRONLY_PROG },
		{ BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_ZERO_SEED },
		{ BPF_MAP_TYPE_ARRAY, 4, 8, 1, BPF_F_ZERO_SEED }, { BPF_MAP_TYPE_HASH, 3, 5, 1, 0 },
		{ BPF_MAP_TYPE_HASH, 0, 5, 1, 0 }, { BPF_MAP_TYPE_HASH, 3, 0, 1, 0 },
		{ BPF_MAP_TYPE_HASH, 3, 5, 0, 0 },
		{ BPF_MAP_TYPE_HASH, 3, 5, 1, BPF_F_NO_PREALLOC },
		{ BPF_MAP_TYPE_HASH, 513, 5, 1, 0 }, { BPF_MAP_TYPE_HASH, 1u << 23, 5, 1, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 1u << 23, 1, 0 },
		{ BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_NO_COMMON_LRU },
		{ BPF_MAP_TYPE_HASH, 4, 8, 1, BPF_F_MMAPABLE },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 8, 1, 0 },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, 4, 1u << 16, 1, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 8, 1, 0 },
		{ BPF_MAP_TYPE_PERCPU_HASH, 4, 1u << 16, 1, 0 },
		{ BPF_MAP_TYPE_UNSPEC, 4, 8, 1, 0 }, { 1000, 4, 8, 1, 0 } };

	for (unsigned i = 0; i < sizeof(tries) / sizeof(tries[0]); i++) {
		int fd = make_map(
			tries[i][0], tries[i][1], tries[i][2], tries[i][3], tries[i][4], NULL);

		say("%u: %s", i, fd < 0 ? t_errno(errno) : "made");
		if (fd >= 0)
			close(fd);
	}
	OK(make_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0, "good_name.1"));
	T(make_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0, "bad name"));
	T(make_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0, "sixteen_letters_"));
	OK(make_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0, "fifteen_letters"));
}

static void array(void)
{
	int fd = make_map(BPF_MAP_TYPE_ARRAY, 4, 12, 3, 0, "arr");
	unsigned key = 0, next = 77;
	char v[13] = "";

	memset(v, 'x', 12);
	T(LOOKUP(fd, &key, v));
	say("%d %d", v[0], v[11]);
	memcpy(v, "hello, world", 12);
	T(UPDATE(fd, &key, v, BPF_ANY));
	T(UPDATE(fd, &key, v, BPF_NOEXIST));
	T(UPDATE(fd, &key, v, BPF_EXIST));
	T(UPDATE(fd, &key, v, 3));
	T(UPDATE(fd, &key, v, BPF_F_LOCK));
	T(UPDATE(fd, &key, v, 1ull << 40));
	memset(v, 0, 12);
	T(LOOKUP(fd, &key, v));
	say("%s", v);
	T(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, v, 1));
	T(elem(BPF_MAP_LOOKUP_ELEM, fd, &key, v, BPF_F_LOCK));
	T(DELETE(fd, &key));
	key = 3;
	T(LOOKUP(fd, &key, v));
	T(UPDATE(fd, &key, v, BPF_ANY));
	T(UPDATE(fd, &key, v, BPF_NOEXIST));
	T(DELETE(fd, &key));
	T(NEXT(fd, NULL, &next));
	say("%u", next);
	for (key = 0; key < 5; key++) {
		long r = NEXT(fd, &key, &next);

		say("after %u: %ld %s %u", key, r, r ? t_errno(errno) : "", next);
	}
	T(LOOKUP(fd, NULL, v));
	T(LOOKUP(fd, (void *)-1, v));
	key = 1;
	T(LOOKUP(fd, &key, NULL));
	T(UPDATE(fd, &key, NULL, 0));
	T(NEXT(fd, &key, NULL));
	T(NEXT(fd, (void *)-1, &next));
	T(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, v, 0));
	close(fd);
}

static void hash(unsigned flags)
{
	int fd = make_map(BPF_MAP_TYPE_HASH, 8, 4, 4, flags, "hash");
	unsigned long key = 1, next = 0, seen = 0;
	unsigned v = 100;
	long r;

	T(LOOKUP(fd, &key, &v));
	T(DELETE(fd, &key));
	T(NEXT(fd, NULL, &next));
	T(NEXT(fd, &key, &next));
	T(UPDATE(fd, &key, &v, BPF_EXIST));
	T(UPDATE(fd, &key, &v, BPF_NOEXIST));
	T(UPDATE(fd, &key, &v, BPF_NOEXIST));
	v = 101;
	T(UPDATE(fd, &key, &v, BPF_EXIST));
	v = 0;
	T(LOOKUP(fd, &key, &v));
	say("%u", v);
	T(UPDATE(fd, &key, &v, 3));
	T(UPDATE(fd, &key, &v, BPF_F_LOCK));
	for (key = 2; key < 7; key++) {
		v = (unsigned)key * 3;
		r = UPDATE(fd, &key, &v, BPF_ANY);
		say("%lu: %ld %s", key, r, r ? t_errno(errno) : "");
	}
	key = 3;
	v = 33;
	T(UPDATE(fd, &key, &v, BPF_ANY));
	for (r = NEXT(fd, NULL, &next); !r; r = NEXT(fd, &key, &next)) {
		key = next;
		T_UNUSED long l = LOOKUP(fd, &key, &v);
		seen += key << 8 | v;
	}
	say("walked: %lx, %s", seen, t_errno(errno));
	key = 99;
	T(NEXT(fd, &key, &next));
	key = 3;
	T(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &v, 0));
	say("%u", v);
	T(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &v, 0));
	T(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, fd, &key, &v, 1));
	key = 2;
	T(DELETE(fd, &key));
	T(DELETE(fd, &key));
	T(UPDATE(fd, &key, &v, BPF_ANY));
	T(LOOKUP(fd, NULL, &v));
	T(UPDATE(fd, &key, (void *)-1, BPF_ANY));
	T(LOOKUP(fd, &key, (void *)-1));
	T(NEXT(fd, NULL, (void *)-1));
	T(DELETE(fd, (void *)-1));
	close(fd);
}

static void many(void)
{
	int fd = make_map(BPF_MAP_TYPE_HASH, 4, 8, 5000, 0, NULL), bad = 0, n = 0;
	unsigned key, next;
	unsigned long v;

	for (key = 0; key < 5000; key++) {
		v = key * 7919ul;
		bad += UPDATE(fd, &key, &v, BPF_NOEXIST) != 0;
	}
	for (key = 0; key < 5000; key += 2)
		bad += DELETE(fd, &key) != 0;
	for (key = 0; key < 5000; key++)
		bad += (LOOKUP(fd, &key, &v) == 0) != (key & 1) || ((key & 1) && v != key * 7919ul);
	for (long r = NEXT(fd, NULL, &next); !r; r = NEXT(fd, &key, &next)) {
		key = next;
		n++;
	}
	say("many: %d bad, %d left", bad, n);
	close(fd);
}

static void per_cpu(unsigned type)
{
	static unsigned long v[4096];
	int fd = make_map(type, 4, 5, 2, 0, "percpu"), same = 1;
	unsigned key = 1;

	memset(v, 0x11, sizeof(v));
	T(LOOKUP(fd, &key, v));
	T(UPDATE(fd, &key, v, BPF_ANY));
	memset(v, 0x22, sizeof(v));
	T(LOOKUP(fd, &key, v));
	say("%lx", v[0]);
	for (int i = 0; v[i] != 0x2222222222222222ul; i++)
		same &= v[i] == v[0];
	say("same: %d", same);
	T(UPDATE(fd, &key, v, BPF_NOEXIST));
	T(UPDATE(fd, &key, v, 7));
	key = 2;
	T(UPDATE(fd, &key, v, BPF_ANY));
	T(DELETE(fd, &key));
	close(fd);
}

static void rights(void)
{
	int ro = make_map(BPF_MAP_TYPE_HASH, 4, 4, 2, BPF_F_RDONLY, NULL),
	    wo = make_map(BPF_MAP_TYPE_HASH, 4, 4, 2, BPF_F_WRONLY, NULL);
	int fd = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 2, 0, NULL), p[2];
	unsigned key = 0, v = 5;
	union bpf_attr a;
	char buf[8];

	T(UPDATE(ro, &key, &v, 0));
	T(DELETE(ro, &key));
	T(LOOKUP(ro, &key, &v));
	T(UPDATE(wo, &key, &v, 0));
	T(LOOKUP(wo, &key, &v));
	T(NEXT(wo, NULL, &v));
	T(elem(BPF_MAP_LOOKUP_AND_DELETE_ELEM, wo, &key, &v, 0));
	say("flags %x %x %x", fcntl(ro, F_GETFL), fcntl(wo, F_GETFL), fcntl(fd, F_GETFL));
	say("close on exec %d", fcntl(fd, F_GETFD));
	T(read(fd, buf, 8));
	T(write(fd, buf, 8));
	T(lseek(fd, 0, SEEK_SET));
	T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED ? -1 : 0);
	T(UPDATE(fd, &key, &v, 0));
	memset(&a, 0, sizeof(a));
	a.map_fd = (unsigned)fd;
	T(bpf(BPF_MAP_FREEZE, &a));
	T(bpf(BPF_MAP_FREEZE, &a));
	T(UPDATE(fd, &key, &v, 0));
	v = 0;
	T(LOOKUP(fd, &key, &v));
	say("%u", v);
	a.map_fd = (unsigned)ro;
	T(bpf(BPF_MAP_FREEZE, &a));
	a.value = 1;
	T(bpf(BPF_MAP_FREEZE, &a));
	T(pipe(p));
	T(LOOKUP(p[0], &key, &v));
	T(LOOKUP(-1, &key, &v));
	T(UPDATE(1000, &key, &v, 0));
	memset(&a, 0, sizeof(a));
	a.bpf_fd = (unsigned)fd;
	a.pathname = (unsigned long)"pinned";
	T(bpf(BPF_OBJ_PIN, &a));
	close(ro);
	close(wo);
	close(fd);
}

static void told(void)
{
	int fd = make_map(BPF_MAP_TYPE_HASH, 6, 10, 20, BPF_F_NO_PREALLOC, "my_map"), again;
	struct bpf_map_info info;
	union bpf_attr a;
	unsigned id, found = 0;
	char path[64], line[100];
	FILE *f;

	memset(&a, 0, sizeof(a));
	memset(&info, 0, sizeof(info));
	a.info.bpf_fd = (unsigned)fd;
	a.info.info_len = sizeof(info);
	a.info.info = (unsigned long)&info;
	T(bpf(BPF_OBJ_GET_INFO_BY_FD, &a));
	say("type %u key %u value %u max %u flags %x name %s, len %d", info.type, info.key_size,
		info.value_size, info.max_entries, info.map_flags, info.name,
		a.info.info_len >= 64);
	say("others %u %u %u", info.ifindex, info.btf_id, info.btf_vmlinux_value_type_id);
	id = info.id;
	memset(&info, 0x55, sizeof(info));
	a.info.info_len = 12;
	T(bpf(BPF_OBJ_GET_INFO_BY_FD, &a));
	a.info.info_len = 5000;
	T(bpf(BPF_OBJ_GET_INFO_BY_FD, &a));
	memset(&a, 0, sizeof(a));
	a.map_id = id;
	OK(again = (int)bpf(BPF_MAP_GET_FD_BY_ID, &a));
	close(fd);
	T(UPDATE(again, "123456", "0123456789", 0));
	a.open_flags = BPF_F_RDONLY;
	OK(fd = (int)bpf(BPF_MAP_GET_FD_BY_ID, &a));
	T(UPDATE(fd, "123456", "0123456789", 0));
	T(LOOKUP(fd, "123456", line));
	close(fd);
	a.open_flags = BPF_F_NO_PREALLOC;
	T(bpf(BPF_MAP_GET_FD_BY_ID, &a));
	memset(&a, 0, sizeof(a));
	while (!bpf(BPF_MAP_GET_NEXT_ID, &a)) {
		found += a.next_id == id;
		a.start_id = a.next_id;
		a.next_id = 0;
	}
	say("found %u, %s", found, t_errno(errno));
	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", again);
	f = fopen(path, "r");
	while (f && fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = 0;
		if (strncmp(line, "map_id", 6) && strncmp(line, "memlock", 7) &&
			strncmp(line, "ino", 3) && strncmp(line, "mnt", 3))
			say("%s", line);
	}
	fclose(f);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", again);
	line[readlink(path, line, sizeof(line) - 1)] = 0;
	say("%.20s", line);
	close(again);
	memset(&a, 0, sizeof(a));
	a.map_id = id;
	T(bpf(BPF_MAP_GET_FD_BY_ID, &a));
}

static void nobody(void)
{
	int status, fd = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, NULL);
	unsigned key = 0, v = 9;

	if (!fork()) {
		T(setuid(65534));
		T(make_map(BPF_MAP_TYPE_HASH, 4, 4, 4, 0, NULL));
		T(UPDATE(fd, &key, &v, 0));
		_exit(0);
	}
	wait(&status);
	close(fd);
}

/* poll(2) and epoll take a map and report an error at once. */
static void polled(void)
{
	int fd = make_map(BPF_MAP_TYPE_ARRAY, 4, 4, 1, 0, NULL), ep = NEED(epoll_create1(0));
	struct epoll_event e = { .events = EPOLLIN };
	struct pollfd p = { fd, POLLIN | POLLOUT, 0 };

	T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	T(epoll_wait(ep, &e, 1, 0));
	say("%x", e.events);
	T(poll(&p, 1, 0));
	say("%x", p.revents);
	close(ep);
	close(fd);
}

TEST(bpf_map)
{
	making();
	array();
	hash(0);
	hash(BPF_F_NO_PREALLOC);
	many();
	per_cpu(BPF_MAP_TYPE_PERCPU_ARRAY);
	per_cpu(BPF_MAP_TYPE_PERCPU_HASH);
	rights();
	told();
	nobody();
	polled();
}
