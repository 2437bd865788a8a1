/* SPDX-License-Identifier: MIT */
/* disk.c: a log with checkpoints as databases write it, sqlite, and io_uring. */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <linux/time_types.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "works.h"

/* ---- a log that is written ahead ---- */

#define ROWS 64
#define ROW 512

struct record {
	uint64_t seq, row, key;
	unsigned char bytes[ROW];
};

static uint64_t table[ROWS];

static void check_table(int db)
{
	static unsigned char bytes[ROW];

	for (int i = 0; i < ROWS; i++) {
		if (!table[i])
			continue;
		MUST(pread(db, bytes, ROW, i * ROW) == ROW);
		check("a row", bytes, ROW, table[i]);
	}
}

static void run_wal(void)
{
	int wal = open("wal", O_RDWR | O_CREAT | O_TRUNC, 0600);
	int db = open("wal.db", O_RDWR | O_CREAT | O_TRUNC, 0600);
	uint64_t row = 3, seq = 0;

	MUST(wal >= 0 && db >= 0);
	for (;; done()) {
		int nr = 1 + chance(&row, 12);
		static struct record r;

		for (int i = 0; i < nr; i++) {
			r = (struct record){ seq + i, chance(&row, ROWS), (seq + i + 1) * 1000,
				"" };
			fill(r.bytes, ROW, r.key);
			MUST(pwrite(wal, &r, sizeof(r), i * sizeof(r)) == sizeof(r));
		}
		MUST(!fdatasync(wal));
		for (int i = 0; i < nr; i++) {
			MUST(pread(wal, &r, sizeof(r), i * sizeof(r)) == sizeof(r));
			if (r.seq != seq + i)
				BAD("record %lu in the log, not %lu", r.seq, seq + i);
			check("a record", r.bytes, ROW, r.key);
			MUST(pwrite(db, r.bytes, ROW, r.row * ROW) == ROW);
			table[r.row] = r.key;
		}
		MUST(!fsync(db));
		/* bypasses the cache: reads what the device has */
		MUST(!posix_fadvise(db, 0, 0, POSIX_FADV_DONTNEED));
		check_table(db);
		MUST(!ftruncate(wal, 0));
		seq += nr;
	}
}
WORK(wal, run_wal, NULL);

/* ---- sqlite ---- */

/* the host's program, if it has one, with its libraries */
#define SQLITE "/disk/lib/sqlite3"
#define LOADER "/disk/lib/ld-linux-x86-64.so.2"

static void sqlite(void *arg)
{
	int *fd = arg;

	dup2(fd[0], 0);
	dup2(fd[1], 1);
	execl(LOADER, "ld.so", "--library-path", "/disk/lib", SQLITE, "-batch", "/disk/w.sqlite",
		NULL);
	BAD("%s: %m", SQLITE);
}

/* Sends @orders to sqlite, which must answer with the line @wanted. */
static void ask(int to, int from, const char *wanted, const char *orders)
{
	char line[200];
	size_t n = 0;

	write_all(to, orders, strlen(orders));
	do {
		read_all(from, line + n, 1);
	} while (line[n++] != '\n' && n < sizeof(line) - 1);
	line[n - 1] = '\0';
	if (strcmp(line, wanted))
		BAD("sqlite says '%s', not '%s'", line, wanted);
}

static void run_sqlite(void)
{
	int in[2], out[2];
	uint64_t sum = 0;

	MUST(!pipe(in) && !pipe(out));
	helper(sqlite, (int[]){ in[0], out[1] });
	ask(in[1], out[0], "wal",
		"PRAGMA journal_mode=WAL;\nCREATE TABLE t(k INTEGER PRIMARY KEY, v INT, w TEXT);\n"
		"PRAGMA wal_autocheckpoint=8;\n");
	ask(in[1], out[0], "8", "");
	for (uint64_t k = 1;; k++, done()) {
		char orders[400], wanted[60];

		sum += k * 7;
		snprintf(orders, sizeof(orders),
			"BEGIN; INSERT INTO t VALUES(%lu, %lu, hex(zeroblob(300))); "
			"UPDATE t SET w = upper(w) WHERE k %% 7 = %lu; COMMIT; "
			"SELECT count(*), sum(v) FROM t;\n",
			k, k * 7, k % 7);
		snprintf(wanted, sizeof(wanted), "%lu|%lu", k, sum);
		ask(in[1], out[0], wanted, orders);
		if (k % 32 == 0)
			ask(in[1], out[0], "ok", "PRAGMA integrity_check;\n");
		if (k < 500)
			continue;
		ask(in[1], out[0], "0", "DELETE FROM t; SELECT count(*) FROM t;\n");
		k = 0;
		sum = 0;
	}
}
WORK(sqlite, run_sqlite, SQLITE);

/* ---- io_uring ---- */

#define ENTRIES 16

static struct ring {
	int fd;
	unsigned *sq_tail, *sq_mask, *sq_array, *cq_head, *cq_tail, *cq_mask;
	struct io_uring_sqe *sqes;
	struct io_uring_cqe *cqes;
	unsigned queued;
} ring;

static void open_ring(void)
{
	struct io_uring_params p = { 0 };
	char *sq, *cq;

	ring.fd = syscall(SYS_io_uring_setup, ENTRIES, &p);
	if (ring.fd < 0)
		BAD("io_uring: %m");
	sq = mmap(NULL, p.sq_off.array + p.sq_entries * 4, PROT_READ | PROT_WRITE, MAP_SHARED,
		ring.fd, IORING_OFF_SQ_RING);
	cq = mmap(NULL, p.cq_off.cqes + p.cq_entries * sizeof(*ring.cqes), PROT_READ | PROT_WRITE,
		MAP_SHARED, ring.fd, IORING_OFF_CQ_RING);
	ring.sqes = mmap(NULL, p.sq_entries * sizeof(*ring.sqes), PROT_READ | PROT_WRITE,
		MAP_SHARED, ring.fd, IORING_OFF_SQES);
	MUST(sq != MAP_FAILED && cq != MAP_FAILED && (void *)ring.sqes != MAP_FAILED);
	ring.sq_tail = (void *)(sq + p.sq_off.tail);
	ring.sq_mask = (void *)(sq + p.sq_off.ring_mask);
	ring.sq_array = (void *)(sq + p.sq_off.array);
	ring.cq_head = (void *)(cq + p.cq_off.head);
	ring.cq_tail = (void *)(cq + p.cq_off.tail);
	ring.cq_mask = (void *)(cq + p.cq_off.ring_mask);
	ring.cqes = (void *)(cq + p.cq_off.cqes);
}

static struct io_uring_sqe *order(int op, int fd, const void *addr, unsigned len, uint64_t data)
{
	unsigned i = *ring.sq_tail & *ring.sq_mask;
	struct io_uring_sqe *s = &ring.sqes[i];

	memset(s, 0, sizeof(*s));
	s->opcode = op;
	s->fd = fd;
	s->addr = (uintptr_t)addr;
	s->len = len;
	s->user_data = data;
	ring.sq_array[i] = i;
	__atomic_store_n(ring.sq_tail, *ring.sq_tail + 1, __ATOMIC_RELEASE);
	ring.queued++;
	return s;
}

/*
 * Submits the queued requests and waits for @n completions. Puts the result of user data I in
 * results[I].
 */
static void complete(unsigned n, int *results)
{
	while (n || ring.queued) {
		long r = syscall(SYS_io_uring_enter, ring.fd, ring.queued, n,
			IORING_ENTER_GETEVENTS, NULL, 0);

		if (r < 0 && errno == EINTR)
			continue;
		MUST(r >= 0);
		ring.queued -= r;
		for (; n && *ring.cq_head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE); n--) {
			struct io_uring_cqe *c = &ring.cqes[*ring.cq_head & *ring.cq_mask];

			results[c->user_data] = c->res;
			__atomic_store_n(ring.cq_head, *ring.cq_head + 1, __ATOMIC_RELEASE);
		}
	}
}

/*
 * A round: linked requests write, sync and read a file. A read and a poll of empty pipes wait until
 * a timeout expires and the pipes are filled.
 */
static void uring_round(int file, int (*p)[2], uint64_t key)
{
	static unsigned char out[5000], in[5000], from_pipe[100], to_pipe[100];
	struct __kernel_timespec t = { 0, 3 * MS };
	int64_t start = now(CLOCK_MONOTONIC);
	int res[8] = { 0 };

	fill(out, sizeof(out), key);
	memset(in, 0, sizeof(in));
	order(IORING_OP_WRITE, file, out, sizeof(out), 0)->flags = IOSQE_IO_LINK;
	order(IORING_OP_FSYNC, file, NULL, 0, 1)->flags = IOSQE_IO_LINK;
	order(IORING_OP_READ, file, in, sizeof(in), 2);
	order(IORING_OP_READ, p[0][0], from_pipe, sizeof(from_pipe), 3);
	order(IORING_OP_POLL_ADD, p[1][0], NULL, 0, 4)->poll32_events = POLLIN;
	order(IORING_OP_TIMEOUT, -1, &t, 1, 5)->off = 0;
	complete(4, res);
	if (res[5] != -ETIME || now(CLOCK_MONOTONIC) - start < 3 * MS)
		BAD("a timeout: %d after %ld ns", res[5], now(CLOCK_MONOTONIC) - start);
	if (res[0] != sizeof(out) || res[1] || res[2] != sizeof(in))
		BAD("a chain: %d %d %d", res[0], res[1], res[2]);
	check("io_uring", in, sizeof(in), key);
	fill(to_pipe, sizeof(to_pipe), ~key);
	order(IORING_OP_WRITE, p[0][1], to_pipe, sizeof(to_pipe), 6);
	order(IORING_OP_WRITE, p[1][1], "x", 1, 7);
	complete(4, res);
	if (res[3] != sizeof(from_pipe) || !(res[4] & POLLIN) || res[6] != 100 || res[7] != 1)
		BAD("pipes: %d %d %d %d", res[3], res[4], res[6], res[7]);
	check("a pipe", from_pipe, sizeof(from_pipe), ~key);
	read_all(p[1][0], from_pipe, 1);
}

static void run_uring(void)
{
	int file = open("uring", O_RDWR | O_CREAT | O_TRUNC, 0600), p[2][2];

	open_ring();
	MUST(file >= 0 && !pipe(p[0]) && !pipe(p[1]));
	for (uint64_t key = 0;; key += 7777, done())
		uring_round(file, p, key);
}
WORK(uring, run_uring, NULL);
