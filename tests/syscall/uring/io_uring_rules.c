/* SPDX-License-Identifier: MIT */
/* io_uring_register(2): restrictions of a ring that begins disabled, and personalities. */
#include "uring.h"
#include "recorded.h"

static struct io_uring_restriction rule(unsigned opcode, unsigned what)
{
	struct io_uring_restriction r = { .opcode = opcode };

	r.register_op = what;
	return r;
}

static void restrictions(void)
{
	struct io_uring_restriction r[4] = {
		rule(IORING_RESTRICTION_SQE_OP, IORING_OP_NOP),
		rule(IORING_RESTRICTION_REGISTER_OP, IORING_REGISTER_PROBE),
		rule(IORING_RESTRICTION_SQE_FLAGS_ALLOWED, IOSQE_ASYNC | IOSQE_IO_LINK),
		rule(IORING_RESTRICTION_SQE_FLAGS_REQUIRED, IOSQE_ASYNC),
	};
	struct io_uring_restriction bad = rule(77, 0);
	struct io_uring_probe probe = { 0 };
	char c;

	open_ring(8, 0, 0);
	T(reg(IORING_REGISTER_RESTRICTIONS, r, 4));
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	close_ring();
	open_ring(8, IORING_SETUP_R_DISABLED, 0);
	T(enter(1, 0, 0));
	T(reg(IORING_REGISTER_RESTRICTIONS, &bad, 1));
	bad = rule(IORING_RESTRICTION_REGISTER_OP, 250);
	T(reg(IORING_REGISTER_RESTRICTIONS, &bad, 1));
	bad = rule(IORING_RESTRICTION_SQE_OP, 250);
	T(reg(IORING_REGISTER_RESTRICTIONS, &bad, 1));
	T(reg(IORING_REGISTER_RESTRICTIONS, NULL, 4));
	T(reg(IORING_REGISTER_RESTRICTIONS, BAD, 4));
	T(reg(IORING_REGISTER_RESTRICTIONS, r, 100000));
	T(reg(IORING_REGISTER_RESTRICTIONS, r, 4));
	T(reg(IORING_REGISTER_RESTRICTIONS, r, 4));
	T(reg(IORING_UNREGISTER_FILES, NULL, 0)); /* nothing is restricted yet */
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	T(reg(IORING_UNREGISTER_FILES, NULL, 0));
	T(reg(IORING_REGISTER_PROBE, &probe, 0));
	add(IORING_OP_NOP, -1, NULL, 0, 0, 1)->flags = IOSQE_ASYNC;
	go("as required", 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 2);
	go("a flag is missing", 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 3)->flags = IOSQE_ASYNC | IOSQE_IO_DRAIN;
	go("a flag too much", 1);
	add(IORING_OP_NOP, -1, NULL, 0, 0, 4)->flags = IOSQE_ASYNC | IOSQE_IO_LINK;
	add(IORING_OP_READ, 0, &c, 1, 0, 5)->flags = IOSQE_ASYNC;
	go("another operation ends the chain", 2);
	close_ring();
	/* of the list nothing stays when one is wrong */
	open_ring(8, IORING_SETUP_R_DISABLED, 0);
	r[3].opcode = 77;
	T(reg(IORING_REGISTER_RESTRICTIONS, r, 4));
	T(reg(IORING_REGISTER_ENABLE_RINGS, NULL, 0));
	add(IORING_OP_NOP, -1, NULL, 0, 0, 6);
	go("free", 1);
	close_ring();
}

static void open_as(const char *what, int personality)
{
	struct io_uring_sqe *s = add(IORING_OP_OPENAT, AT_FDCWD, "secret", 0, 0, 1);
	struct io_uring_cqe *c;

	s->open_flags = O_RDONLY;
	s->personality = personality;
	T(enter(1, 1, IORING_ENTER_GETEVENTS));
	c = &cqes[*cq_head & (p.cq_entries - 1)];
	say("%s: %s", what, c->res < 0 ? t_errno(-c->res) : "opened");
	if (c->res >= 0)
		close(c->res);
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
}

static void personalities(void)
{
	long root, other;

	NEED(chmod(".", 0755));
	close(NEED(open("secret", O_CREAT | O_WRONLY, 0600)));
	open_ring(8, 0, 0);
	T(reg(IORING_REGISTER_PERSONALITY, &root, 0));
	T(reg(IORING_REGISTER_PERSONALITY, NULL, 1));
	T(reg(IORING_UNREGISTER_PERSONALITY, NULL, 1));
	T(root = reg(IORING_REGISTER_PERSONALITY, NULL, 0));
	open_as("nobody's number", 7);
	open_as("root", root);
	NEED(setresuid(65534, 65534, 0));
	open_as("as we are", 0);
	open_as("as root", root);
	T(other = reg(IORING_REGISTER_PERSONALITY, NULL, 0));
	NEED(setresuid(0, 0, 0));
	open_as("as another", other);
	open_as("root again", 0);
	T(reg(IORING_UNREGISTER_PERSONALITY, NULL, other));
	T(reg(IORING_UNREGISTER_PERSONALITY, NULL, other));
	T(reg(IORING_UNREGISTER_PERSONALITY, &other, root));
	open_as("gone", other);
	T(reg(IORING_REGISTER_PERSONALITY, NULL, 0)); /* numbers go up */
	close_ring();
}

static const char expected[] =
#include "io_uring_rules.inc"
	;

TEST(io_uring_rules)
{
	if (refused())
		RECORDED(expected);
	restrictions();
	CHILD(personalities());
}
