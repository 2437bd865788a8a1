/* SPDX-License-Identifier: MIT */
/*
 * uring_tags: io_uring: registered files and buffers with tags, which complete when their last user
 * has gone; buffers of another ring; limits of workers; multishot reads.
 */
#include "uring.h"
#include "recorded.h"

#define REG_CLONE 30
#define SRC_REGISTERED 1
#define DST_REPLACE 2
#define OP_READ_MULTISHOT 49

static const char expected[] =
#include "uring_tags.inc"
	;

static char buffers[4][4096];

static void tell(const char *what)
{
	for (unsigned n = ready(); n; n--) {
		struct io_uring_cqe *c = &cqes[*cq_head & (p.cq_entries - 1)];

		say("%s: %lld: %s %d flags %x", what, (long long)c->user_data,
			c->res < 0 ? t_errno(-c->res) : "", c->res < 0 ? -1 : c->res, c->flags);
		__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	}
}

static long reg2(unsigned op, unsigned nr, unsigned flags, const void *data, const uint64_t *tags)
{
	struct io_uring_rsrc_register r = { nr, flags, 0, (uintptr_t)data, (uintptr_t)tags };

	return reg(op, &r, sizeof(r));
}

static long update2(unsigned op, unsigned at, unsigned nr, const void *data, const uint64_t *tags)
{
	struct io_uring_rsrc_update2 u = { at, 0, (uintptr_t)data, (uintptr_t)tags, nr, 0 };

	return reg(op, &u, sizeof(u));
}

#define FILES2 IORING_REGISTER_FILES2
#define FILES_UPDATE2 IORING_REGISTER_FILES_UPDATE2
#define BUFFERS2 IORING_REGISTER_BUFFERS2
#define BUFFERS_UPDATE IORING_REGISTER_BUFFERS_UPDATE
#define SPARSE IORING_RSRC_REGISTER_SPARSE

static void nop_in(int slot)
{
	struct io_uring_sqe *s = add(IORING_OP_WRITE, slot, "x", 1, 0, 50 + slot);

	s->flags = IOSQE_FIXED_FILE;
	go("write", 1);
}

static void files(void)
{
	int fd = NEED(open("/dev/null", O_RDWR)), fds[3] = { fd, -1, fd };
	uint64_t tags[3] = { 101, 0, 103 };
	struct io_uring_rsrc_register r = { 1, 0, 1, (uintptr_t)fds, 0 };

	T(reg(FILES2, &r, sizeof(r)));
	T(reg(FILES2, &r, sizeof(r) - 1));
	r = (struct io_uring_rsrc_register){ 1, 2, 0, (uintptr_t)fds, 0 };
	T(reg(FILES2, &r, sizeof(r)));
	T(reg2(FILES2, 0, 0, fds, tags));
	T(reg2(FILES2, 2, SPARSE, fds, NULL));
	T(reg2(FILES2, 3, 0, fds, (void *)1));
	T(reg2(FILES2, 3, 0, (void *)1, tags));
	T(reg2(FILES2, 3, SPARSE, NULL, tags));
	tell("none of them");
	T(update2(FILES_UPDATE2, 0, 1, fds, tags));
	T(reg2(FILES2, 2, 0, NULL, NULL));
	nop_in(0);
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	tags[1] = 102;
	T(reg2(FILES2, 3, 0, fds, tags));
	tags[1] = 0;
	T(reg2(FILES2, 3, 0, fds, tags));
	T(reg2(FILES2, 3, 0, fds, tags));
	nop_in(0);
	nop_in(1);

	tags[0] = 111;
	T(update2(FILES_UPDATE2, 0, 1, fds, tags));
	tell("changed");
	T(update2(FILES_UPDATE2, 0, 0, fds, tags));
	T(update2(FILES_UPDATE2, 2, 2, fds, tags));
	T(update2(FILES_UPDATE2, -1, 2, fds, tags));
	T(update2(FILES_UPDATE2, 0, 1, (void *)1, tags));
	T(update2(FILES_UPDATE2, 0, 1, fds, (void *)1));
	tell("nothing changed");
	fds[0] = -1;
	T(update2(FILES_UPDATE2, 0, 1, fds, tags));
	fds[0] = -2;
	T(update2(FILES_UPDATE2, 0, 1, fds, tags));
	T(update2(FILES_UPDATE2, 0, 1, fds, NULL));
	tell("skipped");
	nop_in(0);
	fds[0] = 999;
	T(update2(FILES_UPDATE2, 0, 1, fds, NULL));
	tell("no such file");
	nop_in(0);
	fds[0] = fd;
	T(update2(FILES_UPDATE2, 0, 3, fds, NULL));
	tell("two of three");
	nop_in(1);
	fds[2] = -1;
	tags[1] = 122;
	fds[1] = fd;
	T(update2(FILES_UPDATE2, 0, 3, fds, tags));
	tell("the third has a tag and no file");
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	tell("unregistered");
	close(fd);
}

/* A request keeps what the slot had. */
static void users(void)
{
	int pipes[2], fds[1];
	uint64_t tag = 201;
	struct iovec v = { buffers[0], 4096 }, other = { buffers[1], 4096 };
	struct io_uring_sqe *s;

	NEED(pipe(pipes));
	fds[0] = pipes[0];
	T(reg2(FILES2, 1, 0, fds, &tag));
	add(IORING_OP_READ, 0, buffers[0], 16, 0, 1)->flags = IOSQE_FIXED_FILE;
	T(enter(1, 0, 0));
	fds[0] = -1;
	T(update2(FILES_UPDATE2, 0, 1, fds, NULL));
	tell("a file in use");
	NEED(write(pipes[1], "abc", 3));
	T(enter(0, 2, IORING_ENTER_GETEVENTS));
	tell("a file that was used");
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	tell("an empty slot");

	tag = 202;
	T(reg2(BUFFERS2, 1, 0, &v, &tag));
	s = add(IORING_OP_READ_FIXED, pipes[0], buffers[0], 16, 0, 2);
	s->buf_index = 0;
	T(enter(1, 0, 0));
	tag = 203;
	T(update2(BUFFERS_UPDATE, 0, 1, &other, &tag));
	tell("a buffer in use");
	NEED(write(pipes[1], "defg", 4));
	T(enter(0, 2, IORING_ENTER_GETEVENTS));
	tell("a buffer that was used");
	say("%.7s", buffers[0]);
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	tell("unregistered");
	close(pipes[0]);
	close(pipes[1]);
}

static void read_fixed(const char *what, int slot, void *at)
{
	int fd = NEED(open("/dev/zero", O_RDONLY));
	struct io_uring_sqe *s = add(IORING_OP_READ_FIXED, fd, at, 8, 0, 300 + slot);

	s->buf_index = (uint16_t)slot;
	go(what, 1);
	close(fd);
}

static void of_buffers(void)
{
	struct iovec v[4] = { { buffers[0], 4096 }, { NULL, 0 }, { buffers[2], 10 }, { NULL, 5 } };
	uint64_t tags[4] = { 301, 0, 303, 0 };

	T(reg2(BUFFERS2, 3, SPARSE, v, tags));
	T(reg2(BUFFERS2, 0, 0, v, tags));
	T(reg2(BUFFERS2, 4, 0, v, tags));
	tags[1] = 302;
	T(reg2(BUFFERS2, 3, 0, v, tags));
	tags[1] = 0;
	T(reg2(BUFFERS2, 3, 0, v, tags));
	T(reg2(BUFFERS2, 3, 0, v, tags));
	tell("registered");
	read_fixed("full", 0, buffers[0]);
	read_fixed("empty", 1, buffers[1]);
	read_fixed("in the second half", 2, buffers[2] + 5);
	v[1] = (struct iovec){ buffers[1], 4096 };
	T(update2(BUFFERS_UPDATE, 1, 1, &v[1], NULL));
	read_fixed("no longer empty", 1, buffers[1]);
	T(update2(BUFFERS_UPDATE, 0, 1, &v[3], NULL));
	T(update2(BUFFERS_UPDATE, 3, 1, &v[1], NULL));
	T(update2(BUFFERS_UPDATE, 0, 1, (void *)1, NULL));
	tell("nothing changed");
	v[0] = (struct iovec){ NULL, 0 };
	T(update2(BUFFERS_UPDATE, 0, 1, v, tags));
	T(update2(BUFFERS_UPDATE, 0, 1, v, NULL));
	tell("emptied");
	read_fixed("emptied", 0, buffers[0]);
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	tell("unregistered");
	T(reg2(BUFFERS2, 2, SPARSE, NULL, NULL));
	read_fixed("sparse", 0, buffers[0]);
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	T(update2(BUFFERS_UPDATE, 0, 1, v, NULL));
}

/* ---- another ring's ---- */

static long clone_of(unsigned src, unsigned flags, unsigned from, unsigned to, unsigned nr)
{
	uint32_t c[8] = { src, flags, from, to, nr };

	return reg(REG_CLONE, c, 1);
}

static void clones(void)
{
	struct io_uring_params q = { 0 };
	int other = NEED(setup(4, &q)), fd = NEED(open("/dev/null", O_RDWR));
	struct iovec v[3] = { { buffers[0], 4096 }, { NULL, 0 }, { buffers[2], 4096 } };
	uint32_t c[8] = { 0 };

	T(reg(REG_CLONE, NULL, 1));
	T(reg(REG_CLONE, c, 0));
	T(reg(REG_CLONE, (void *)1, 1));
	T(clone_of(other, 0, 0, 0, 0));
	T(clone_of(fd, 0, 0, 0, 0));
	T(clone_of(-1, 0, 0, 0, 0));
	T(clone_of(0, SRC_REGISTERED, 0, 0, 0));
	T(clone_of(other, 4, 0, 0, 0));
	NEED(syscall(SYS_io_uring_register, other, IORING_REGISTER_BUFFERS, v, 3));
	T(clone_of(other, 0, 1, 0, 0));
	T(clone_of(other, 0, 0, 1, 0));
	T(clone_of(other, 0, 0, 0, 4));
	T(clone_of(other, 0, 2, 0, 2));
	T(clone_of(other, 0, -1, 0, 2));
	T(clone_of(other, 0, 0, -1, 2));
	T(clone_of(other, 0, 0, 1 << 14, 2));
	T(clone_of(other, 0, 0, 0, 0));
	read_fixed("cloned", 0, buffers[0]);
	read_fixed("cloned: empty", 1, buffers[0]);
	read_fixed("cloned: the last", 2, buffers[2]);
	T(clone_of(other, 0, 0, 0, 0));
	T(clone_of(other, DST_REPLACE, 0, 1, 1));
	read_fixed("replaced", 1, buffers[0]);
	read_fixed("the one behind stayed", 2, buffers[2]);
	T(clone_of(other, DST_REPLACE, 2, 5, 1));
	read_fixed("longer", 5, buffers[2]);
	read_fixed("longer: between", 4, buffers[2]);
	T(clone_of(ring, DST_REPLACE, 5, 4, 1));
	read_fixed("of itself", 4, buffers[2]);
	close(other);
	read_fixed("the other has gone", 0, buffers[0]);
	T(reg(IORING_UNREGISTER_BUFFERS, NULL, 0));
	T(clone_of(ring, DST_REPLACE, 0, 0, 0));
	c[0] = (uint32_t)ring;
	c[6] = 1;
	T(reg(REG_CLONE, c, 1));
	close(fd);
}

/* ---- workers ---- */

static void workers(void)
{
	uint32_t n[2] = { 3, 0 };

	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, n, 1));
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, NULL, 2));
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, (void *)1, 2));
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, n, 2));
	say("there were some: %d %d", n[0] > 0, n[1] > 0);
	n[0] = 0;
	n[1] = 7;
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, n, 2));
	say("%u", n[0]);
	n[0] = n[1] = 0;
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, n, 2));
	say("%u %u", n[0], n[1]);
	n[0] = 1U << 31;
	T(reg(IORING_REGISTER_IOWQ_MAX_WORKERS, n, 2));
}

/* ---- reading with several shots ---- */

static void provide(int nr)
{
	add(IORING_OP_PROVIDE_BUFFERS, nr, buffers, 8, 0, 400)->buf_group = 3;
	go("provided", 1);
}

static struct io_uring_sqe *shots(int fd, const void *at, unsigned len)
{
	struct io_uring_sqe *s = add(OP_READ_MULTISHOT, fd, at, len, 0, 401);

	s->buf_group = 3;
	s->flags = IOSQE_BUFFER_SELECT;
	return s;
}

static void wait_shots(const char *what, unsigned n)
{
	enter(*sq_tail - *sq_head, n, IORING_ENTER_GETEVENTS);
	tell(what);
}

static void reads(void)
{
	int pipes[2], file = NEED(open("file", O_RDWR | O_CREAT, 0600));

	NEED(pipe(pipes));
	shots(pipes[0], NULL, 0)->flags = 0;
	wait_shots("no buffers", 1);
	shots(pipes[0], buffers, 0);
	wait_shots("address", 1);
	shots(pipes[0], NULL, 4);
	wait_shots("length", 1);
	shots(file, NULL, 0);
	wait_shots("a file", 1);
	shots(pipes[1], NULL, 0);
	wait_shots("to be written", 1);
	shots(pipes[0], NULL, 0);
	wait_shots("no group", 1);
	provide(3);
	shots(pipes[0], NULL, 0);
	wait_shots("armed", 0);
	NEED(write(pipes[1], "abc", 3));
	wait_shots("one", 1);
	NEED(write(pipes[1], "0123456789", 10));
	wait_shots("two", 2);
	NEED(write(pipes[1], "x", 1));
	wait_shots("no buffer is left", 1);
	provide(3);
	shots(pipes[0], NULL, 0);
	wait_shots("again", 1);
	add(IORING_OP_ASYNC_CANCEL, -1, (void *)401, 0, 0, 402);
	wait_shots("cancelled", 2);
	shots(pipes[0], NULL, 0);
	wait_shots("again", 0);
	close(pipes[1]);
	wait_shots("the end", 1);
	close(pipes[0]);
	close(file);
}

TEST(uring_tags)
{
	if (refused())
		RECORDED(expected);
	alarm(200);
	open_ring(16, 0, 0);
	files();
	users();
	of_buffers();
	clones();
	workers();
	reads();
	close_ring();
}
